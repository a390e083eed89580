import io
import json
import re
import shutil

import pytest
from fixtures.third_party import accepts_warnings
from rich.console import Console

from nnexp.__main__ import main
from nnexp.cli.commands import show
from nnexp.cli.run_report import changed, select_epochs
from nnexp.config import compose
from nnexp.config.build import resolved
from nnexp.config.naming import params
from nnexp.run_folder import UPLOAD_STATE
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import log_metrics, log_params, open_store, tracking_uri

pytestmark = accepts_warnings

BEGUN = 1_700_000_000_000  # milliseconds since 1970
EPOCHS, BEST = 30, 16
NEXT = {"reproduce": "", "predict": " FILE", "export": " --onnx", "compare": " OTHER"}
BLAS = {"internal_api": "openblas", "version": "0.3"}
MACHINE = {"cpu": "A processor", "cores": 2, "threads": 1, "blas": [BLAS], "packages": {"numpy": "2.4.0"}}
COMMAND = "nnexp data=digits tracking.uri=http://me:secret@there"
ENVIRONMENT = MACHINE | {"command": COMMAND, "python": "3.12.1"}
RECALL = {"cat": 0.5, "dog": 0.9, "owl": 0.25, "elk": 1.0, "eel": 0.75}
ROWS = [{"class": name, "recall": recall, "support": 4} for name, recall in RECALL.items()]


def asked(*overrides):
    return params(resolved(compose(["data=digits", *overrides])))


@pytest.fixture
def run_id(store):
    """A run of thirty epochs, the best is the sixteenth."""
    from mlflow.entities import Metric

    client, experiment = open_store(tracking_uri(None), "nnexp")
    tags = {"nnexp.git_commit": "0123456789abcdef", "nnexp.git_branch": "main", "nnexp.git_dirty": "true"}
    run_id = client.create_run(experiment, BEGUN, run_name="a-run", tags=tags).info.run_id
    configured = asked("optimizer.lr=0.5", "model.hidden=[30,20]", "init=zeros")
    log_params(client, run_id, configured | {"tracking.uri": "http://me:secret@there"})
    for epoch in range(1, EPOCHS + 1):
        values = {"train/loss": 2 / epoch, "val/loss": 3 / epoch, "val/accuracy": 1 - 1 / epoch}
        values |= {"lr": 0.1, "time/epoch": 61.0, "grad_norm/dense1": 1.0}
        log_metrics(client, run_id, [Metric(name, value, BEGUN, epoch) for name, value in values.items()])
    once = {"best/val_accuracy": 0.9375, "best/epoch": BEST, "test/accuracy": 0.925, "time/total": 90.0}
    once["test/loss"] = float("nan")
    log_metrics(client, run_id, [Metric(name, value, BEGUN, 0) for name, value in once.items()])
    client.log_dict(run_id, ENVIRONMENT, "environment.json")
    client.log_dict(run_id, {"per_class": ROWS}, "confusion/test.json")
    plots = [f"many/{i}-a-picture.png" for i in range(12)]
    for path in ("config.yaml", "network.json", "weights/best.npz", *plots):
        client.log_text(run_id, "", path)
    client.set_terminated(run_id, "FINISHED", BEGUN + 80_000)
    return run_id


def shown(capsys, *arguments):
    assert main(["show", *arguments]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


def test_a_run_is_shown_from_its_command_to_the_commands_that_apply(run_id, capsys):
    output = shown(capsys, "last")
    lines = {line[:12].strip(): line[12:] for line in output.splitlines()}
    assert lines["run"] == "a-run, FINISHED"
    assert lines["id"] == f"{run_id}, experiment nnexp"
    assert lines["started"].endswith("took 1m30s")
    assert lines["command"] == "nnexp data=digits tracking.uri=http://***@there"
    assert lines["code"].startswith("commit 0123456789 on main, with ")
    assert lines["machine"] == "A processor, cores 2, threads 1, Python 3.12.1, NumPy 2.4.0, openblas 0.3"
    assert (
        "data=digits init=zeros loss=softmax_cross_entropy metrics=none model=mlp optimizer=adam"
        in lines["choices"]
    )
    assert lines["changed"] == "model.hidden=[30,20] optimizer.lr=0.5"
    assert lines["best"] == "val_accuracy 93.75%, epoch 16"
    assert lines["test"] == "accuracy 92.50%, loss nan"
    assert lines["low recall"] == "owl 25.00% of 4, cat 50.00% of 4, eel 75.00% of 4 (test examples)"
    assert lines["files"] == "config.yaml, environment.json, network.json"
    assert re.search(r"many/  0-a-picture.png, 1-a-picture.png, .* and 6 more\n", output)
    commands = [f"{command} {run_id[:8]}{rest}" for command, rest in NEXT.items()]
    assert output.endswith("".join(f"nnexp {command}\n" + 12 * " " for command in commands) + "nnexp ui\n")
    assert "secret" not in output


def test_commands_for_a_run_of_another_store_name_it(run_id, alone, capsys):
    other = shutil.copy(alone / "mlruns" / "mlflow.db", alone / "mlruns" / "other.db")
    output = shown(capsys, run_id, "--uri", f"sqlite:///{other}")
    assert f"nnexp show {run_id[:8]} --json --uri sqlite:///{other}\n" in output
    assert output.endswith(f"nnexp ui --uri sqlite:///{other}\n")


def test_the_output_folder_is_shown_if_it_is_on_this_machine(run_id, alone, capsys):
    folder = alone / "outputs" / "runs" / "2023-11-14" / "one"
    for path, held in ((folder, run_id), (folder.with_name("another"), "0" * 32)):
        path.mkdir(parents=True)
        (path / UPLOAD_STATE).write_text(json.dumps({"run_id": held}))
    assert f"\n            {folder}\n" in shown(capsys, "last")
    assert json.loads(shown(capsys, "last", "--json"))["outputs"] == str(folder)


def test_twelve_epochs_are_shown_with_the_first_the_last_and_the_best(run_id, capsys):
    output = shown(capsys, run_id[:8])
    epochs = re.findall(r"^ +(\d+)([* ]) .*1m01s$", output, re.MULTILINE)
    assert len(epochs) == 12
    assert (epochs[0], epochs[-1]) == (("1", " "), ("30", " "))
    assert [epoch for epoch, mark in epochs if mark == "*"] == ["16"]
    assert max(map(len, output.partition("epochs ")[2].partition("folder")[0].splitlines())) < 80


def test_json_has_every_epoch_param_and_file_and_no_password(run_id, capsys):
    output = shown(capsys, "a-run", "--json")
    report = json.loads(output)
    assert report["id"] == run_id
    assert [row["step"] for row in report["epochs"]] == list(range(1, EPOCHS + 1))
    assert report["epochs"][0]["grad_norm/dense1"] == 1.0
    assert report["metrics"]["test/loss"] is None
    assert report["changed"] == {"model.hidden": "[30, 20]", "optimizer.lr": "0.5"}
    assert report["params"]["tracking.uri"] == "http://***@there"
    assert len(report["files"]) == 17
    assert report["worst_classes"]["classes"][0] == {"class": "owl", "recall": 0.25, "support": 4}
    assert "secret" not in output


def test_a_folder_of_a_run_that_failed_is_shown_with_its_error(alone, capsys):
    folder = alone / "a folder"
    folder.mkdir()
    with Journal(folder) as journal:
        journal.log_run("a-name", asked(), {}, None)
        journal.log_metrics(1, {"train/loss": float("nan"), "val/loss": 1.0})
        journal.end("FAILED")
    (folder / "error.txt").write_text("Traceback\n  File\nnnexp.experiment.run.DivergedError: NaN\n")
    (folder / "config.yaml").touch()
    output = shown(capsys, "a folder")
    assert "a-name, FAILED" in output
    assert "error       DivergedError: NaN\n" in output
    assert "code        no git checkout" in output
    assert "  nan " in output
    assert "nnexp reproduce 'a folder'" in output
    assert "predict" not in output
    assert "nnexp ui" not in output


def test_a_run_of_another_program_is_shown_without_what_it_lacks(store, capsys):
    client, experiment = open_store(tracking_uri(None), "theirs")
    run_id = client.create_run(experiment, BEGUN, run_name="[bold]theirs").info.run_id
    client.log_param(run_id, "alpha", "1")
    client.log_metric(run_id, "score", 0.5, step=3)
    client.log_text(run_id, "not JSON", "environment.json")
    client.log_dict(run_id, ["a list"], "confusion/test.json")
    output = shown(capsys, "last")
    assert "[bold]theirs, RUNNING" in output
    assert "still running" in output
    assert json.loads(shown(capsys, "last", "--json"))["changed"] is None


def test_an_unknown_run_is_an_error_of_one_line(run_id, capsys):
    assert main(["show", "a-rum"]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert output.err.startswith("nnexp: no such run: a-rum; did you mean a-run?")


def test_changed_params_are_those_that_differ_from_the_chosen_options():
    assert changed(asked()) == {}
    assert changed(asked("seed=3", "optimizer=momentum", "tracking.experiment=mine")) == {"seed": "3"}
    expected = {"model.activation": "tanh", "optimizer.lr": "0.25"}
    assert changed(asked("model.activation=tanh", "optimizer.lr=0.25")) == expected
    table = {"data": "table", "data.path": "films.csv", "seed": "0"}
    assert changed(table) == {"data.path": "films.csv"}
    assert changed({"data": "digits", "optimizer": "my_own", "seed": "3"}) is None
    assert changed({}) is None


@pytest.mark.parametrize("best", [None, 1, 2, 17, 29, 30, 99])
@pytest.mark.parametrize("count", [0, 1, 11, 12, 13, 14, 30])
def test_selected_epochs_are_in_order_and_include_the_best(count, best):
    history = [(step, {"val/loss": 1.0}) for step in range(1, count + 1)]
    steps = [step for step, _ in select_epochs(history, best, 12)]
    assert steps == sorted(set(steps))
    assert len(steps) == min(count, 12)
    assert best in steps or best not in range(1, count + 1)
    if count:
        assert (steps[0], steps[-1]) == (1, count)


@pytest.mark.parametrize(("width", "columns"), [(30, 1), (45, 3), (60, 4), (80, 6), (200, 6)])
def test_numbers_are_never_cut_columns_are_left_out_instead(width, columns):
    metrics = ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr", "time/epoch")
    rows = [{"step": step, **dict.fromkeys(metrics, 0.123456)} for step in (1, 2)]
    run = {"epochs": rows, "unit": "epoch", "best_step": 2, "commands": ["nnexp show RUN --json"]}
    table, *notes = show.epochs(run, width)
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    lines = console.file.getvalue().splitlines()
    assert "…" not in "".join(lines)
    assert len(table.columns) == 1 + columns
    assert "validation" in lines[0]
    assert max(map(len, lines)) <= width
    expected = f"2 of 2 epochs, {6 - columns} more metric{'s' * (columns < 5)}: nnexp show RUN --json"
    assert [text for _, text in notes] == [expected] * (columns < 6)
