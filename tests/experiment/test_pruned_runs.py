"""A run that is pruned: it ends in order, its record says so, and it may go on or be trained again."""

import pytest
from fixtures.plotless import leave_out_plots

from nnexp import compose, run
from nnexp.config import build
from nnexp.experiment.run import run as run_experiment
from nnexp.experiment.sessions.resumption import prepare
from nnexp.run_folder import PRUNED_TAG, RunFolder, pruned_in
from nnexp.runs.columns import value_of
from nnexp.runs.run import in_folder

QUICK = ["data=digits", "trainer.epochs=4", "tracking=none"]


@pytest.fixture(autouse=True)
def no_plots(monkeypatch):
    leave_out_plots(monkeypatch.setattr)


def pruned_run(epoch: int, *overrides: str):
    asked = []

    def should_prune(at, metrics):
        asked.append((at, metrics["val/accuracy"]))
        return at >= epoch

    result = run_experiment(build(compose([*QUICK, *overrides])), should_prune=should_prune)
    return result, asked


def test_a_run_is_pruned_after_the_epoch_at_which_it_is_asked_to():
    result, asked = pruned_run(2)
    assert asked == [(record.epoch, record.val_score) for record in result.history]
    assert (result.status, result.epochs, result.pruned, result.stopped) == ("FINISHED", 2, "epoch 2", "")
    assert result.metrics["best/val_accuracy"] == max(value for _, value in asked)
    assert "test/accuracy" not in result.metrics
    assert "pruned in epoch 2" in repr(result)


def test_its_record_says_where_it_was_pruned():
    result, _ = pruned_run(2)
    entries = RunFolder(result.folder).entries()
    assert entries[-1] == entries[-1] | {"kind": "end", "status": "FINISHED", "pruned": "epoch 2"}
    recorded = in_folder(result.folder)
    assert (recorded.status, recorded.pruned, recorded.tags[PRUNED_TAG]) == ("FINISHED", *2 * ["epoch 2"])
    assert value_of(recorded, "status") == "PRUNED"


def test_it_trains_as_one_that_is_not_pruned():
    whole = run(compose(QUICK))
    result, _ = pruned_run(2)
    assert [each.val_loss for each in result.history] == [each.val_loss for each in whole.history[:2]]


@pytest.mark.parametrize("epoch", [4, 5])
def test_after_the_last_epoch_nothing_is_left_to_prune(epoch):
    result, asked = pruned_run(epoch)
    assert [at for at, _ in asked] == [1, 2, 3, 4]
    assert (result.pruned, result.epochs) == ("", 4)
    assert "test/accuracy" in result.metrics


def test_early_stopping_comes_before_pruning():
    result, asked = pruned_run(2, "trainer.patience=1", "trainer.min_delta=0.9")
    assert (len(asked), result.epochs, result.pruned) == (2, 2, "")
    assert result.stopped


def test_evaluations_within_an_epoch_count_the_epochs_that_are_complete():
    result, asked = pruned_run(1, "trainer.evaluate_every=4")
    assert [at for at, _ in asked] == [0, 0, 1]
    assert result.pruned == "epoch 2"


def test_a_pruned_run_goes_on_when_it_is_resumed():
    whole = run(compose(QUICK))
    result, _ = pruned_run(2)
    resumption = prepare(result.folder)
    again = run_experiment(resumption.settings, resumption=resumption, folder=result.folder)
    assert [each.val_loss for each in again.history] == [each.val_loss for each in whole.history]
    assert pruned_in(RunFolder(result.folder).entries()) == ""
    assert PRUNED_TAG not in in_folder(result.folder).tags


def test_a_pruned_run_is_reproduced_up_to_where_it_ended(nnexp):
    result, _ = pruned_run(2)
    repeated = nnexp("reproduce", str(result.folder))
    assert repeated.returncode == 0, repeated.stderr
    assert "identical: 2 epochs" in repeated.stdout
