import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from nnexp.cli.commands.reproduce import main
from nnexp.config import ConfigError, compose
from nnexp.config.recorded import prepared
from nnexp.experiment.run import DivergedError, run
from nnexp.run_folder import JOURNAL
from nnexp.tracking.upload.client import Outcome

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

QUICK = ["data=digits", "trainer.epochs=3", "trainer.threads=1"]


class Unshipped:
    """In the shipper's place: draws no pictures, which takes seconds."""

    @classmethod
    def start(cls, **_):
        return cls()

    def submit(self, folder):
        pass

    def wait(self, folder):
        return Outcome()


def folders():
    return sorted(path.parent for path in Path("outputs").rglob(JOURNAL))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that left its folder and nothing else."""
    return run(compose([*QUICK, "tracking=none"]), home=tmp_path_factory.mktemp("made")).folder


@pytest.fixture
def recorded(made, alone, monkeypatch):
    """A copy of it, to be tampered with; what is run beside it draws no pictures."""
    monkeypatch.setattr("nnexp.experiment.run.Uploader", Unshipped)
    return shutil.copytree(made, alone / "recorded")


def changed(folder, change):
    """A file of a run, changed."""
    lines = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]
    (folder / JOURNAL).write_text("".join(json.dumps(change(line) or line) + "\n" for line in lines))


def configured(folder, **sections):
    path = folder / "config.yaml"
    values = yaml.safe_load(path.read_text()) | sections
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not ...}))


def verdict(*arguments, capsys):
    """The exit code and the comparison."""
    capsys.readouterr()
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_run_from_a_store_is_reproduced_to_the_bit(store, capsys):
    result = run(compose(QUICK))
    assert main([result.run_id[:8]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("data      the same: digits") for line in lines)
    assert any(line.startswith("machine   the same: ") for line in lines)
    assert lines[-1].startswith("verdict   identical: 3 epochs, ")
    assert "8 arrays, every bit the same" in lines[-1]
    assert len(folders()) == 2
    head = json.loads(
        (max(folders(), key=lambda folder: folder.stat().st_ctime) / JOURNAL).read_text().splitlines()[0]
    )
    assert head["destination"] is None


def test_a_run_is_reproduced_from_its_folder_alone(recorded, capsys):
    code, found = verdict(recorded, capsys=capsys)
    assert (code, found["verdict"], found["differences"]) == (0, "identical", 0)
    assert found["compared"] | {"metrics": 0, "results": 0} == {
        "evaluations": 3,
        "metrics": 0,
        "results": 0,
        "arrays": 8,
    }
    assert Path(found["folder"]).is_relative_to(Path.cwd() / "outputs" / "runs")


@pytest.mark.parametrize(("factor", "code", "says"), [(1 + 1e-7, 0, "same to 1e-6"), (1.001, 1, "different")])
def test_one_changed_value_names_the_first_epoch_that_differs(recorded, capsys, factor, code, says):
    def change(line):
        if line["kind"] == "metrics" and line["step"] == 2:
            line["values"]["val/loss"] *= factor

    changed(recorded, change)
    found = verdict(recorded, capsys=capsys)
    assert (found[0], found[1]["verdict"]) == (code, says)
    assert (found[1]["first"]["name"], found[1]["first"]["step"]) == ("val/loss", 2)
    assert found[1]["first"]["recorded"] == pytest.approx(found[1]["first"]["found"] * factor, rel=1e-12)
    assert main([str(recorded)]) == code
    last = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("first" if code == 0 else "verdict")
    ]
    assert "val/loss in epoch 2: " in last[0]
    assert "a relative difference of " in last[0]


def test_one_changed_weight_is_found(recorded, capsys):
    path = recorded / "weights" / "final.npz"
    with np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    arrays["0.W"][3, 5] += 1
    np.savez(path, allow_pickle=False, **arrays)
    code, found = verdict(recorded, capsys=capsys)
    assert (code, found["verdict"], found["first"]) == (1, "different", None)
    assert found["largest"]["name"] == found["telling"]["name"] == "weights/final.npz 0.W[3, 5]"


def test_other_data_stop_it_unless_somebody_says_anyway(recorded, capsys):
    changed(
        recorded,
        lambda line: line["tags"].update({"nnexp.data_sha256": "0" * 64}) if line["kind"] == "run" else None,
    )
    assert main([str(recorded)]) == 2
    assert "go on with --anyway" in capsys.readouterr().err
    assert folders() == []
    code, found = verdict(recorded, "--anyway", capsys=capsys)
    assert (code, found["verdict"]) == (0, "identical")
    assert "not those that the run learnt from" in found["reasons"][0]


def test_an_override_is_told_and_makes_another_run(recorded, capsys):
    assert main([str(recorded), "optimizer=sgd", "optimizer.lr=0.2", "trainer.epochs=2"]) == 1
    output = capsys.readouterr().out
    for line in (
        "optimizer=sgd; recorded is adam",
        "optimizer.lr=0.2; recorded is 0.007",
        "trainer.epochs=2; recorded is 3",
    ):
        assert f"changed   {line}\n" in output
    assert "\nverdict   different: train/loss in epoch 1: " in output
    assert "\nreasons   optimizer=sgd; recorded is adam\n" in output


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["optimizer.lrr=1"], "did you mean optimizer.lr?"),
        (["epochs=1"], "did you mean trainer.epochs?"),
        (["optimizer=sdg"], "did you mean sgd?"),
        (["seed=1,2"], "a run is reproduced once"),
        (["tracking.experiment=mine"], "a reproduction stays in its folder"),
        (["experiment=fast_98"], "cannot be changed here"),
        (["~seed"], "nothing can be taken away"),
        (["nothing"], "key=value"),
        (["optimizer.lr=-1", "trainer.epochs=0"], "2 configuration errors:"),
    ],
    ids=str,
)
def test_mistakes_are_told_as_by_a_run(recorded, capsys, overrides, says):
    assert main([str(recorded), *overrides]) == 2
    seen = capsys.readouterr()
    assert seen.err.startswith("nnexp: ")
    assert says in seen.err
    assert folders() == []


def test_a_run_that_there_is_not_is_a_mistake(capsys, store):
    assert main(["nosuch"]) == 2
    assert capsys.readouterr().err.startswith("nnexp: ")


def plugin(folder):
    (folder / "mine.py").write_text(
        "from pathlib import Path\nfrom nnexp.nn.initializers.initializer import He\nPath('it-ran').touch()\n\n\nclass Mine(He):\n    pass\n"
    )
    return {"_target_": "mine.Mine"}


def test_code_that_a_record_names_runs_only_if_a_person_lists_its_package_now(
    recorded, alone, capsys, monkeypatch
):
    monkeypatch.syspath_prepend(alone)
    configured(recorded, init=plugin(alone), plugins=["mine"])
    assert main([str(recorded)]) == 2
    assert "if you trust it, add plugins=[mine]" in capsys.readouterr().err
    assert not (alone / "it-ran").exists()
    code, found = verdict(recorded, "plugins=[mine]", capsys=capsys)
    assert (code, found["verdict"]) == (0, "identical")
    assert (alone / "it-ran").exists()
    sys.modules.pop("mine")


@pytest.mark.parametrize(
    ("init", "says"),
    [
        ({"_target_": "os.system", "command": "touch it-ran"}, "add plugins=[os]"),
        ({"_target_": "nnexp.cli.commands.look.look", "overrides": [], "out": "it-ran"}, "refused: "),
        (
            {
                "_target_": "nnexp.data.images.download.download",
                "name": "x",
                "mirrors": [],
                "folder": "it-ran",
                "md5": "",
            },
            "refused: ",
        ),
        (
            {"_target_": "nnexp.nn.initializers.initializer.He", "gain": "${oc.env:HOME}"},
            "an interpolation in a record",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value["_target_"],
)
def test_a_record_cannot_make_us_run_anything(recorded, alone, capsys, init, says):
    configured(recorded, init=init)
    assert main([str(recorded)]) == 2
    assert says in capsys.readouterr().err
    assert not (alone / "it-ran").exists()
    (recorded / "config.yaml").write_text("init: !!python/object/apply:os.system ['touch it-ran']")
    assert main([str(recorded)]) == 2
    assert not (alone / "it-ran").exists()


def test_an_older_record_is_filled_with_what_changes_nothing(recorded, capsys):
    configured(recorded, diagnostics=..., augment=..., averaging=...)
    assert main([str(recorded)]) == 0
    assert "filled in augment, averaging, diagnostics: " in capsys.readouterr().out
    configured(recorded, optimizer=...)
    assert main([str(recorded)]) == 2
    assert "missing: give optimizer a value" in capsys.readouterr().err


def test_data_are_looked_for_on_this_machine_where_the_recorded_place_is_not_here(recorded, alone):
    path = recorded / "config.yaml"
    (alone / "data").mkdir(exist_ok=True)
    data = {"root": "/nowhere/at/all", "_target_": "nnexp.data.images.digits.Digits", "validation": 0.2}
    configured(recorded, data=data)
    values, notes = prepared(path, [])
    assert values["data"]["root"] == str(alone / "data")
    assert (
        "place",
        f"the data are looked for in {alone / 'data'}; the recorded folder is not here: /nowhere/at/all",
    ) in notes
    assert prepared(path, ["data.root=/else"])[0]["data"]["root"] == "/else"
    configured(
        recorded,
        data={"_target_": "nnexp.data.tables.table.Table", "path": "/nowhere/houses.csv", "target": "price"},
    )
    with pytest.raises(ConfigError, match=r"say where it is, data\.path=FILE"):
        prepared(path, [])
    (alone / "data" / "houses.csv").write_text("price\n1\n")
    assert prepared(path, [])[0]["data"]["path"] == str(alone / "data" / "houses.csv")


def test_the_number_of_threads_is_the_recorded_one_unless_given(recorded, capsys):
    machine = recorded / "environment.json"
    machine.write_text(json.dumps(json.loads(machine.read_text()) | {"threads": 2}))
    configured(recorded, trainer={"epochs": 1, "batch_size": 64, "threads": None})
    for overrides, threads in (([], 2), (["trainer.threads=1"], 1)):
        code, found = verdict(recorded, *overrides, capsys=capsys)
        assert code == 1
        assert (
            yaml.safe_load((Path(found["folder"]) / "config.yaml").read_text())["trainer"]["threads"]
            == threads
        )


def test_another_machine_is_told_as_a_reason(recorded, capsys):
    machine = recorded / "environment.json"
    found = json.loads(machine.read_text())
    machine.write_text(json.dumps(found | {"packages": found["packages"] | {"numpy": "1.0"}, "cpu": "Z80"}))
    assert main([str(recorded)]) == 0
    output = capsys.readouterr().out
    assert "machine   another: CPU Z80 recorded, " in output
    assert "NumPy 1.0 recorded, " in output


def test_a_run_that_was_cut_off_is_done_again_as_far_as_it_went(recorded, capsys):
    lines = (recorded / JOURNAL).read_text().splitlines(keepends=True)
    kept = [
        line
        for line in lines
        if json.loads(line).get("step", 1) in (1, 2) and json.loads(line)["kind"] in ("run", "metrics")
    ]
    (recorded / JOURNAL).write_text("".join(kept))
    shutil.rmtree(recorded / "weights")
    code, found = verdict(recorded, capsys=capsys)
    assert (code, found["verdict"], found["run"]["status"]) == (0, "identical", "UNFINISHED")
    assert (found["compared"]["evaluations"], found["compared"]["arrays"]) == (2, 0)
    (recorded / JOURNAL).write_text(kept[0])
    assert main([str(recorded)]) == 2
    assert "no epoch that could be compared" in capsys.readouterr().err


def test_a_run_that_diverged_diverges_again(recorded, capsys):
    with pytest.raises(DivergedError):
        run(compose([*QUICK, "tracking=none", "optimizer=sgd", "optimizer.lr=1e30"]))
    code, found = verdict(folders()[0], capsys=capsys)
    assert (code, found["verdict"], found["compared"]["evaluations"]) == (0, "identical", 1)


def test_a_time_budget_is_said_to_have_no_equal(recorded, capsys):
    main([str(recorded), "trainer.time_budget=100"])
    assert "note      trainer.time_budget=100 ends training by the clock" in capsys.readouterr().out


def test_weights_that_cannot_be_read_are_a_mistake(recorded, capsys):
    (recorded / "weights" / "best.npz").write_bytes(b"PK\x03\x04 and nothing more")
    assert main([str(recorded)]) == 2
    assert "cannot be read as weights" in capsys.readouterr().err
