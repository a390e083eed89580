"""A search that is killed while it trains and started again with more trials, beside one that never was."""

import os
import signal
from collections import Counter
from contextlib import suppress

import pytest

optuna = pytest.importorskip("optuna")

from fixtures.processes import Command, assert_same_results, entries_of, kill_all, status_of, wait_until  # noqa: E402

from nnexp.sweeps.search.storage import open_storage  # noqa: E402

TRIALS = 8
SEARCH = [
    *("-m", "hydra/sweeper=optuna", "hydra/sweeper/sampler=tpe", "+hydra.sweeper.sampler.n_startup_trials=3"),
    *("data=digits", "model.hidden=[16]", "optimizer=adam,momentum"),
    "optimizer.lr=tag(log, interval(1e-4, 1e-1))",
    'optimizer.momentum=tag("optimizer=momentum", interval(0.5, 0.99))',
    *("trainer.epochs=60", "checkpoint.epochs=5", "sweep.report=false", "tracking=none"),
]


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    kill_all()


def trials_of(folder):
    open_storage.cache_clear()
    return optuna.load_study(study_name=None, storage=open_storage(str(folder / "study.log"))).trials


def kill_in_training(command, number):
    """Kill the search with its workers when a trial of at least this number is in the middle of training."""

    def is_in_training():
        for run in command.folder.glob("outputs/sweeps/*/*/[0-9]*"):
            steps = [entry["step"] for entry in entries_of(run) if entry["kind"] == "metrics"]
            if int(run.name) >= number and status_of(run) == "RUNNING" and max(steps, default=0) >= 10:
                return True
        return False

    wait_until(lambda: is_in_training() or command.process.poll() is not None)
    assert command.process.poll() is None, command.output
    for pid in command.processes():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, signal.SIGKILL)
    command.process.wait()


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_that_is_killed_in_training_goes_on_as_if_it_never_was(workers, alone):
    search = [*SEARCH, f"sweep.jobs={workers}"]
    for number in (1, 3, 4):
        kill_in_training(Command(alone, *search, "search.trials=6"), number)
    (folder,) = alone.glob("outputs/sweeps/*/*/")
    before = {run.name: len(entries_of(run)) for run in folder.glob("[0-9]*") if status_of(run) == "FINISHED"}
    assert before
    last = Command(alone, *search, f"search.trials={TRIALS}")
    assert last.wait(600) == 0, last.output
    assert f"{TRIALS} of {TRIALS} finished" in last.output
    trials = trials_of(folder)
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    assert {run.name for run in folder.glob("[0-9]*")} == {str(number) for number in range(TRIALS)}
    for trial in trials:
        run = folder / str(trial.number)
        kinds = Counter(entry["kind"] for entry in entries_of(run))
        assert (status_of(run), kinds["run"]) == ("FINISHED", 1)
        assert before.get(run.name, len(entries_of(run))) == len(entries_of(run))
        params = entries_of(run)[0]["params"]
        assert float(params["optimizer.lr"]) == trial.params["optimizer.lr"]
    if workers > 1:  # the order in which trials end decides what the sampler has learnt
        return
    reference = Command(alone / "reference", *search, f"search.trials={TRIALS}")
    assert reference.wait(600) == 0, reference.output
    (expected,) = (alone / "reference").glob("outputs/sweeps/*/*/")
    assert [(one.params, one.value) for one in trials_of(expected)] == [
        (one.params, one.value) for one in trials
    ]
    for number in range(TRIALS):
        assert_same_results(folder / str(number), expected / str(number))
