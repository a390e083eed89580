"""Runs that cannot be averaged are refused, each with what differs, where, and a fix."""

import json
import shlex
import shutil

import pytest
from fixtures.ensembles import SHORT, TINY, average

from nnexp.experiment.ensembles.members import read_members
from nnexp.experiment.ensembles.selection import EnsembleError, select_runs
from nnexp.runs.query import RunError, Runs
from nnexp.tracking.journal import Journal


def members_of(*folders):
    return read_members(select_runs([str(folder) for folder in folders], Runs()).runs)


def change(folder, file, **values):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_one_run_is_not_enough(member):
    with pytest.raises(EnsembleError, match=r"first is one run; .* at least 2 different runs; name more"):
        members_of(member("first"))


def test_no_run_is_not_enough():
    with pytest.raises(EnsembleError, match=r"there is none; .* at least 2"):
        members_of()


def test_the_same_run_twice_is_refused(member):
    first = member("first")
    with pytest.raises(RunError, match=r"first and .*first/journal.jsonl are the same run"):
        members_of(first, member("second"), first / "journal.jsonl")


def test_a_missing_run_is_named(member):
    with pytest.raises(RunError, match=r"gone"):
        members_of(member("first"), "outputs/gone")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({"status": "FAILED"}, "is FAILED, not FINISHED; fix: leave it out or resume it"),
        ({"status": "KILLED"}, "is KILLED, not FINISHED"),
        ({"status": "FINISHED", "pruned": "epoch 3"}, "was pruned in epoch 3"),
        (None, "is UNFINISHED, not FINISHED"),
    ],
)
def test_a_run_that_is_not_finished_is_refused(member, end, message):
    second = member("second")
    lines = (second / "journal.jsonl").read_text().splitlines()
    lines[-1:] = [] if end is None else [json.dumps({"kind": "end", "time": 0} | end)]
    (second / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(EnsembleError, match=f"second: run .* {message}"):
        members_of(member("first"), second)


@pytest.mark.parametrize("name", ["weights/best.npz", "network.json", "dataset.json"])
def test_a_missing_file_is_named(member, name):
    second = member("second")
    (second / name).unlink()
    with pytest.raises(EnsembleError, match=f"cannot be a member: .* has no {name}.*fix: leave it out"):
        members_of(member("first"), second)


def test_all_runs_that_cannot_be_members_are_named_with_the_command_of_the_others(member):
    folders = [member("first"), member("second"), member("deep"), member("third", *TINY, "seed=2")]
    (folders[0] / "network.json").unlink()
    (folders[2] / "dataset.json").write_text('{"name": "digits"}')
    with pytest.raises(EnsembleError) as error:
        members_of(*folders)
    *problems, remedy = str(error.value).splitlines()
    assert len(problems) == 2
    assert "has no network.json" in problems[0]
    assert "its dataset.json is damaged" in problems[1]
    command = remedy.removeprefix("fix: nnexp ensemble ")
    assert len(members_of(*shlex.split(command))) == 2


def test_damaged_weights_are_named(member):
    second = member("second")
    weights = second / "weights" / "best.npz"
    weights.write_bytes(weights.read_bytes()[:-200])
    with pytest.raises(EnsembleError, match=r"weights/best.npz: cannot be read as weights"):
        members_of(member("first"), second)


def test_weights_of_another_network_are_named(member):
    second = member("second")
    shutil.copy(member("deep") / "weights" / "best.npz", second / "weights" / "best.npz")
    with pytest.raises(EnsembleError, match=r"weights of another network"):
        members_of(member("first"), second)


def test_weights_that_are_not_finite_are_refused(member):
    import numpy as np

    second = member("second")
    path = second / "weights" / "best.npz"
    arrays = {name: np.full_like(array, np.nan) for name, array in np.load(path).items()}
    np.savez(path, **arrays)
    with pytest.raises(EnsembleError, match=r"member 2: its outputs are not finite; fix: leave it out"):
        average(member("first"), second)


def test_a_damaged_description_of_the_data_is_named(member):
    second = member("second")
    (second / "dataset.json").write_text("{}")
    with pytest.raises(EnsembleError, match=r"dataset\.json is damaged"):
        members_of(member("first"), second)


def test_other_data_are_named_with_the_command_that_leaves_them_out(member):
    other = member("deep")
    change(other, "dataset.json", name="letters", sha256="f" * 64)
    first, second = member("first"), member("second")
    with pytest.raises(EnsembleError) as raised:
        members_of(first, other, second)
    message = str(raised.value)
    assert "the data sets of the runs differ" in message
    assert "letters (SHA-256 ffffffffffff)" in message
    assert message.endswith("fix: nnexp ensemble first second")


def test_another_task_is_named(member):
    other = member("deep")
    change(other, "dataset.json", task="regression")
    with pytest.raises(
        EnsembleError, match=r"the tasks of the runs differ:\n.*: a classification\n.*: a regr"
    ):
        members_of(member("first"), other)


def test_another_order_of_classes_is_named(member):
    other = member("second")
    change(other, "network.json", classes=list("1023456789"))
    message = "names of each class, or their order, of the runs differ:\n.*: 0, 1, 2.*\n.*: 1, 0, 2"
    with pytest.raises(EnsembleError, match=message):
        members_of(member("first"), other)


def test_another_test_split_is_named(member):
    other = member("second")
    splits = json.loads((other / "dataset.json").read_text())["splits"]
    splits["test"]["digest"] = "e" * 64
    change(other, "dataset.json", splits=splits)
    with pytest.raises(
        EnsembleError, match=r"the test examples of the runs differ:\n.*\n.*: eeeeeeeeeeee\nfix"
    ):
        members_of(member("first"), other)


def test_data_without_test_examples_are_refused(member):
    folders = member("first"), member("second")
    for folder in folders:
        splits = json.loads((folder / "dataset.json").read_text())["splits"]
        del splits["test"]
        change(folder, "dataset.json", splits=splits)
    with pytest.raises(EnsembleError, match=r"digits has no test examples"):
        members_of(*folders)


def test_an_ensemble_is_no_member(member):
    result = average(member("first"), member("second"))
    with pytest.raises(EnsembleError, match=r"is an ensemble itself; fix: name its members: first second"):
        members_of(member("deep"), result.folder)


@pytest.fixture
def sweep(member, alone):
    """The folder of a sweep with two finished jobs and one that failed."""
    folder = alone / "outputs" / "sweeps" / "2026-01-01" / "10-00-00-abcd1234"
    folder.mkdir(parents=True)
    for number, name in enumerate(("first", "second")):
        shutil.copytree(member(name), folder / str(number))
    with Journal(make(folder / "2")) as journal:
        journal.log_run("broken", {}, {"nnexp.sweep_id": "2026-01-01/10-00-00-abcd1234"}, None)
        journal.end("FAILED")
    (folder / "sweep.json").write_text(json.dumps({"id": "2026-01-01/10-00-00-abcd1234", "jobs": []}))
    return folder


def make(folder):
    folder.mkdir()
    return folder


def test_of_a_sweep_all_finished_runs_are_members(sweep):
    selection = select_runs([str(sweep)], Runs())
    assert [run.folder.name for run in selection.runs] == ["0", "1"]
    assert selection.notes == [f"{sweep}: 1 job left out, not finished or pruned"]
    assert len(average(sweep).members) == 2


def test_last_alone_is_the_last_sweep(sweep, store):
    assert [run.folder for run in select_runs(["last"], Runs()).runs] == [sweep / "0", sweep / "1"]


def test_a_run_and_the_sweep_that_it_is_of_are_refused(sweep):
    with pytest.raises(RunError, match=r"are the same run"):
        members_of(sweep, sweep / "1")


def test_a_sweep_without_a_finished_run_is_refused(sweep):
    for number in ("0", "1"):
        shutil.rmtree(sweep / number)
    with pytest.raises(EnsembleError, match=r"the sweep has no finished run"):
        members_of(sweep)


def test_members_may_have_other_losses_and_sizes(member):
    other = member("focal", *SHORT, "loss=focal", "model.hidden=[9,8]", "trainer.dtype=float64")
    assert len(members_of(member("first"), other)) == 2
