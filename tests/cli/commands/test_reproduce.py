import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from fixtures.third_party import accepts_warnings

from nnexp.__main__ import main as nnexp
from nnexp.config import ConfigError, compose
from nnexp.config.recorded import load_recorded
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.experiment.run import run
from nnexp.run_folder import JOURNAL
from nnexp.tracking.upload.client import Outcome
from nnexp.training.threads.limits import thread_limit

pytestmark = accepts_warnings

QUICK = ["data=digits", "trainer.epochs=3", "trainer.threads=1"]


class NoUploader:
    @classmethod
    def start(cls, **_):
        return cls()

    def submit(self, folder, in_background=False):
        pass

    def wait(self, folder, show=None):
        return Outcome()


def folders():
    return sorted(path.parent for path in Path("outputs").rglob(JOURNAL))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return run(compose([*QUICK, "tracking=none"]), home=tmp_path_factory.mktemp("made")).folder


@pytest.fixture
def recorded(made, alone, monkeypatch):
    """A copy of it, for changes; runs draw no plots, which would take seconds."""
    monkeypatch.setattr("nnexp.experiment.run.Uploader", NoUploader)
    return shutil.copytree(made, alone / "recorded")


def changed(folder, change):
    lines = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]
    (folder / JOURNAL).write_text("".join(json.dumps(change(line) or line) + "\n" for line in lines))


def configured(folder, **sections):
    path = folder / "config.yaml"
    values = yaml.safe_load(path.read_text()) | sections
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not ...}))


def main(arguments):
    return nnexp(["reproduce", *map(str, arguments)])


def outcome(*arguments, capsys):
    capsys.readouterr()
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_run_in_a_store_is_reproduced_bit_by_bit(store, capsys):
    result = run(compose(QUICK))
    assert main([result.run_id[:8]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("data      the same: digits") for line in lines)
    assert any(line.startswith("machine   the same: ") for line in lines)
    assert lines[-1].startswith("result    identical: 3 epochs, ")
    assert "8 arrays, every bit the same" in lines[-1]
    assert len(folders()) == 2
    newest = max(folders(), key=lambda folder: folder.stat().st_ctime)
    head = json.loads((newest / JOURNAL).read_text().splitlines()[0])
    assert head["destination"] is None


def test_a_run_is_reproduced_from_its_folder_alone(recorded, capsys):
    code, result = outcome(recorded, capsys=capsys)
    assert (code, result["outcome"], result["differences"]) == (0, "identical", 0)
    assert (result["compared"]["evaluations"], result["compared"]["arrays"]) == (3, 8)
    assert Path(result["folder"]).is_relative_to(Path.cwd() / "outputs" / "runs")


@pytest.mark.parametrize(("factor", "code", "name"), [(1 + 1e-7, 0, "same to 1e-6"), (1.001, 1, "different")])
def test_one_changed_value_names_the_first_epoch_that_differs(recorded, capsys, factor, code, name):
    def change(line):
        if line["kind"] == "metrics" and line["step"] == 2:
            line["values"]["val/loss"] *= factor

    changed(recorded, change)
    exit_code, result = outcome(recorded, capsys=capsys)
    assert (exit_code, result["outcome"]) == (code, name)
    first = result["first"]
    assert (first["name"], first["step"]) == ("val/loss", 2)
    assert first["recorded"] == pytest.approx(first["repeated"] * factor, rel=1e-12)
    assert main([recorded]) == code
    output = capsys.readouterr().out
    assert f"\nresult    {name}: " in output
    assert ", from epoch 2 on\n" in output
    assert "\nfirst     val/loss in epoch 2: " in output


def test_one_changed_weight_is_a_difference(recorded, capsys):
    path = recorded / "weights" / "final.npz"
    with np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    arrays["0.W"][3, 5] += 1
    np.savez(path, allow_pickle=False, **arrays)
    code, result = outcome(recorded, capsys=capsys)
    assert (code, result["outcome"], result["first"]["step"]) == (1, "different", None)
    assert result["largest"]["name"] == result["first"]["name"] == "weights/final.npz 0.W[3, 5]"


def test_other_data_are_an_error_without_anyway(recorded, capsys):
    tags = {"nnexp.data_sha256": "0" * 64}
    changed(recorded, lambda line: line["tags"].update(tags) if line["kind"] == "run" else None)
    assert main([recorded]) == 2
    assert "go on with --anyway" in capsys.readouterr().err
    assert folders() == []
    code, result = outcome(recorded, "--anyway", capsys=capsys)
    assert (code, result["outcome"]) == (0, "identical")
    assert "not those of the record" in result["reasons"][0]


def test_an_override_is_listed_and_makes_another_run(recorded, capsys):
    assert main([recorded, "optimizer=sgd", "optimizer.lr=0.2", "trainer.epochs=2"]) == 1
    output = capsys.readouterr().out
    for line in ("optimizer=sgd; recorded is adam", "trainer.epochs=2; recorded is 3"):
        assert f"changed   {line}\n" in output
    assert "\nfirst     train/loss in epoch 1: " in output
    assert "\nreasons   optimizer=sgd; recorded is adam\n" in output


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.lrr=1"], "did you mean optimizer.lr?"),
        (["epochs=1"], "did you mean trainer.epochs?"),
        (["optimizer=sdg"], "did you mean sgd?"),
        (["seed=1,2"], "several values: there is one run"),
        (["tracking.experiment=mine"], "a reproduction is not tracked"),
        (["experiment=fast_98"], "cannot be changed here"),
        (["~seed"], "cannot be deleted"),
        (["nothing"], "key=value"),
        (["optimizer.lr=-1", "trainer.epochs=0"], "2 configuration errors:"),
    ],
    ids=str,
)
def test_errors_of_overrides_are_those_of_a_run(recorded, capsys, overrides, message):
    assert main([recorded, *overrides]) == 2
    output = capsys.readouterr()
    assert output.err.startswith("nnexp: ")
    assert message in output.err
    assert folders() == []


def test_an_unknown_run_is_an_error(capsys, store):
    assert main(["nosuch"]) == 2
    assert capsys.readouterr().err.startswith("nnexp: ")


def plugin(folder):
    imports = "from pathlib import Path\nfrom nnexp.nn.initializers import He\n"
    (folder / "mine.py").write_text(f"{imports}Path('it-ran').touch()\nclass Mine(He):\n    pass\n")
    return {"_target_": "mine.Mine"}


def test_recorded_code_runs_only_if_its_package_is_listed_now(recorded, alone, capsys, monkeypatch):
    monkeypatch.syspath_prepend(alone)
    configured(recorded, init=plugin(alone), plugins=["mine"])
    assert main([recorded]) == 2
    assert "plugins=[mine]" in capsys.readouterr().err
    assert not (alone / "it-ran").exists()
    code, result = outcome(recorded, "plugins=[mine]", capsys=capsys)
    assert (code, result["outcome"]) == (0, "identical")
    assert (alone / "it-ran").exists()
    sys.modules.pop("mine")


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ({"_target_": "os.system", "command": "touch it-ran"}, "code of os never runs"),
        ({"_target_": "nnexp.cli.commands.look.look", "overrides": [], "out": "it-ran"}, "refused: "),
        ({"_target_": "nnexp.data.images.download.download", "name": "x", "folder": "it-ran"}, "refused: "),
        ({"_target_": "nnexp.nn.initializers.He", "gain": "${oc.env:HOME}"}, "interpolation"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["_target_"],
)
def test_a_record_cannot_run_code(recorded, alone, capsys, init, message):
    configured(recorded, init=init)
    assert main([recorded]) == 2
    assert message in capsys.readouterr().err
    assert not (alone / "it-ran").exists()
    (recorded / "config.yaml").write_text("init: !!python/object/apply:os.system ['touch it-ran']")
    assert main([recorded]) == 2
    assert not (alone / "it-ran").exists()


def test_a_record_without_a_section_is_an_error(recorded, capsys):
    configured(recorded, optimizer=...)
    assert main([recorded]) == 2
    assert "optimizer\n    missing" in capsys.readouterr().err


def test_a_missing_recorded_data_folder_is_replaced_by_that_of_this_machine(recorded, alone):
    path = recorded / "config.yaml"
    (alone / "data").mkdir(exist_ok=True)
    data = {"root": "/nowhere/at/all", "_target_": "nnexp.data.images.digits.Digits", "validation": 0.2}
    configured(recorded, data=data)
    values, notes = load_recorded(path, [])
    assert values["data"]["root"] == str(alone / "data")
    assert notes[0][1].startswith(f"looked for in {alone / 'data'}; ")
    assert load_recorded(path, ["data.root=/else"])[0]["data"]["root"] == "/else"
    table = {"_target_": "nnexp.data.tables.table.Table", "path": "/nowhere/houses.csv", "target": "price"}
    configured(recorded, data=table)
    with pytest.raises(ConfigError, match=r"data\.path=FILE"):
        load_recorded(path, [])
    (alone / "data" / "houses.csv").write_text("price\n1\n")
    assert load_recorded(path, [])[0]["data"]["path"] == str(alone / "data" / "houses.csv")


def test_a_relative_path_of_a_record_starts_in_the_folder_of_its_project(recorded, alone, monkeypatch):
    (alone / "data").mkdir(exist_ok=True)
    (alone / "data" / "houses.csv").write_text("price\n1\n")
    table = {"_target_": "nnexp.data.tables.table.Table", "path": "data/houses.csv", "target": "price"}
    configured(recorded, data=table)
    (alone / "elsewhere").mkdir()
    monkeypatch.chdir(alone / "elsewhere")
    values = load_recorded(recorded / "config.yaml", [], project=alone)[0]
    assert values["data"]["path"] == str(alone / "data" / "houses.csv")


def test_an_override_of_a_record_is_text_where_text_is_wanted(recorded, alone):
    (alone / "a (1).csv").write_text("7\n1\n")
    table = {"_target_": "nnexp.data.tables.table.Table", "path": "a (1).csv", "target": "price"}
    configured(recorded, data=table)
    values = load_recorded(recorded / "config.yaml", ["data.target=1e5", "data.path=a (1).csv"])[0]
    assert (values["data"]["target"], values["data"]["path"]) == ("1e5", "a (1).csv")


def test_the_number_of_threads_is_the_recorded_one_unless_given_or_the_same_here(recorded, capsys):
    machine = recorded / "environment.json"
    configured(recorded, trainer={"epochs": 1, "batch_size": 64, "threads": None})
    here = thread_limit(None)
    for number, overrides, threads in (
        (here, [], None),
        (here + 1, [], here + 1),
        (here + 1, ["trainer.threads=1"], 1),
    ):
        machine.write_text(json.dumps(json.loads(machine.read_text()) | {"threads": number}))
        code, result = outcome(recorded, *overrides, capsys=capsys)
        assert code == 1
        config = yaml.safe_load((Path(result["folder"]) / "config.yaml").read_text())
        assert config["trainer"]["threads"] == threads


def test_another_machine_is_a_reason(recorded, capsys):
    machine = recorded / "environment.json"
    result = json.loads(machine.read_text())
    machine.write_text(json.dumps(result | {"packages": result["packages"] | {"numpy": "1.0"}, "cpu": "Z80"}))
    assert main([recorded]) == 0
    output = capsys.readouterr().out
    assert "machine   another: CPU Z80 recorded, " in output
    assert "NumPy 1.0 recorded, " in output


def test_an_interrupted_run_is_repeated_up_to_its_last_epoch(recorded, capsys):
    lines = (recorded / JOURNAL).read_text().splitlines(keepends=True)
    entries = map(json.loads, lines)
    keep = [e["kind"] in ("run", "metrics") and e.get("step", 1) in (1, 2) for e in entries]
    kept = [line for line, kept in zip(lines, keep, strict=True) if kept]
    (recorded / JOURNAL).write_text("".join(kept))
    shutil.rmtree(recorded / "weights")
    code, result = outcome(recorded, capsys=capsys)
    assert (code, result["outcome"], result["run"]["status"]) == (0, "identical", "UNFINISHED")
    assert (result["compared"]["evaluations"], result["compared"]["arrays"]) == (2, 0)
    (recorded / JOURNAL).write_text(kept[0])
    assert main([recorded]) == 2
    assert "no epoch to compare" in capsys.readouterr().err


DIVERGES_LATE = ["optimizer=sgd", "optimizer.lr=0.5", "loss=mean_squared_error", "model.activation=identity"]


def test_a_run_that_diverged_diverges_again(recorded, capsys):
    with pytest.raises(DivergedError):
        run(compose([*QUICK, "tracking=none", *DIVERGES_LATE]))
    code, result = outcome(folders()[0], capsys=capsys)
    assert (code, result["outcome"], result["compared"]["evaluations"]) == (0, "identical", 1)


def test_a_time_budget_is_a_reason_for_a_difference(recorded, capsys):
    main([recorded, "trainer.time_budget=100"])
    assert "note      trainer.time_budget=100 ends training by the clock" in capsys.readouterr().out


def test_weights_that_cannot_be_read_are_an_error(recorded, capsys):
    (recorded / "weights" / "best.npz").write_bytes(b"PK\x03\x04 and nothing more")
    assert main([recorded]) == 2
    assert "cannot be read as weights" in capsys.readouterr().err
