"""Files of a run's folder are damaged, missing or folders: the rest is uploaded, and the run ends."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.cli.commands import compare, export, predict, show, sync
from nnexp.errors import UserError
from nnexp.run_folder import JOURNAL, RunFolder
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.system_metrics import read_system_metrics

pytestmark = accepts_warnings
FILES = (
    *("mlflow.json", "system.jsonl", "config.yaml", "environment.json", "dataset.json", "network.json"),
    *("weights/best.npz", "predictions/test.npz", "confusion/val.json", ".upload.lock", "shipped.json"),
)
WAYS = ("missing", "garbage", "empty", "a folder", "a pipe", "a list", "nested", "other types", "deep")
LINES = {
    "garbage": b"\xff\xfe{{{ nonsense",
    "cut off": b'{"kind": "met',
    "a list": b"[]",
    "a number": b"7",
    "no kind": b'{"time": 5}',
    "other types": b'{"kind": "metrics", "time": 5, "step": "x", "values": 3}',
    "no values": b'{"kind": "metrics", "time": 5}',
    "a ragged matrix": b'{"kind": "confusion", "time": 5, "step": 1, "matrix": [[1, 2], [3]]}',
    "empty": b"",
    "deep": b"[" * 100_000,
}


@pytest.fixture
def folder(original, store, alone) -> Path:
    """The folder of a run that waits for its upload to an empty store."""
    shutil.copytree(original / "outputs", alone / "outputs")
    (journal,) = (alone / "outputs").rglob(JOURNAL)
    (journal.parent / "mlflow.json").unlink()
    return journal.parent


def damage(path, how):
    values = {}
    if path.suffix == ".json" and path.is_file():
        values = json.loads(path.read_text())
    path.unlink(missing_ok=True)
    if how == "a folder":
        path.mkdir()
    elif how == "a pipe":
        os.mkfifo(path)
    elif how != "missing":
        other = {key: "x" if isinstance(value, int) else 7 for key, value in values.items()}
        content = {"garbage": bytes(range(256)), "empty": b"", "a list": b"[]", "nested": b'{"a": {"b": 1}}'}
        content |= {"other types": json.dumps(other).encode(), "deep": b"[" * 100_000}
        path.write_bytes(content[how])


def status():
    return [run.status for run in Runs().select()]


def run_command(command, *arguments):
    """Run a command, which may refuse with a user's error; other errors fail the test."""
    with suppress(UserError):
        command.main([*map(str, arguments)])


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("mlflow.json", "a folder"),
        ("system.jsonl", "a list"),
        ("dataset.json", "other types"),
        ("environment.json", "deep"),
        (".upload.lock", "a folder"),
    ],
)
def test_a_run_is_uploaded_and_read_in_spite_of_a_damaged_file(folder, name, how, capsys):
    check_damaged(folder, name, how, capsys)


@pytest.mark.long
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", FILES)
def test_a_run_is_uploaded_and_read_whatever_is_damaged(folder, name, how, capsys):
    check_damaged(folder, name, how, capsys)


def check_damaged(folder, name, how, capsys):
    if name.startswith(".") and how == "a pipe":
        pytest.skip("a lock is no file that is read")
    damage(folder / name, how)
    for command in (show, export, predict):
        arguments = {show: [], export: ["--onnx"], predict: [folder / "confusion" / "val.png"]}[command]
        run_command(command, folder, *arguments)
    run_command(compare, folder, folder)
    assert sync.main([]) == 0
    output = capsys.readouterr().out
    assert status() == ["FINISHED"]
    assert output.count("note: ") <= 1
    assert sync.main([]) == 0
    assert "1 in their store" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "how"), [("config.yaml", "missing"), ("network.json", "a pipe")])
def test_what_is_left_out_is_named_once(folder, name, how, capsys):
    damage(folder / name, how)
    assert sync.main([]) == 0
    (note,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
    assert f"left out, as it is missing or damaged: {name} (" in note


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_damaged_line_amid_a_journal_is_left_out(folder, line, capsys):
    journal = folder / JOURNAL
    lines = journal.read_bytes().splitlines()
    before = RunFolder(folder).entries()
    journal.write_bytes(b"\n".join([*lines[:3], line, *lines[3:]]) + b"\n")
    assert RunFolder(folder).entries() == before
    assert RunFolder(folder).damaged_lines() == 1
    if line != LINES["garbage"]:
        return
    assert sync.main([]) == 0
    assert status() == ["FINISHED"]
    assert "left out, as it is missing or damaged: journal.jsonl (1 line)" in capsys.readouterr().out


def test_files_outside_of_the_folder_are_not_uploaded(folder, alone):
    secret = alone / "secret.txt"
    secret.write_text("do not send this")
    (folder / "link.txt").symlink_to(secret)
    (folder / "out").symlink_to(alone)
    journal = folder / JOURNAL
    up = "../" * (len(folder.relative_to(alone).parts))
    lines = journal.read_bytes().splitlines()
    for path in (f"{up}secret.txt", str(secret), "link.txt", "out/secret.txt", "\0", "."):
        entry = {"kind": "artifact", "time": 5, "path": path}
        lines.insert(3, json.dumps(entry).encode())
    journal.write_bytes(b"\n".join(lines) + b"\n")
    assert sync.main([]) == 0
    assert status() == ["FINISHED"]
    texts = [path.read_bytes() for path in (alone / "mlruns" / "artifacts").rglob("*") if path.is_file()]
    assert texts
    assert not any(b"do not send this" in text for text in texts)


def test_a_state_of_the_upload_with_values_of_other_types_is_read_without_them(tmp_path):
    values = {
        "sqlite:///x": {"run_id": 7, "done": "yes", "offset": "x", "model_id": "m"},
        "y": {"done": True},
    }
    (tmp_path / "mlflow.json").write_text(json.dumps(values))
    state = UploadState.load(tmp_path, "sqlite:///x")
    assert (state.run_id, state.done, state.offset, state.model_id) == ("", False, 0, "m")
    assert UploadState.load(tmp_path, "y").done


def test_system_metrics_are_read_up_to_and_after_a_damaged_line(tmp_path):
    entry = {"kind": "metrics", "time": 5, "step": 1, "values": {"system/x": 1.0}}
    lines = [
        json.dumps(entry),
        "{",
        "[]",
        json.dumps(entry),
        '{"kind": "end", "time": 1, "status": "FAILED"}',
    ]
    (tmp_path / "system.jsonl").write_text("\n".join(lines))
    assert read_system_metrics(tmp_path) == [entry, entry]
