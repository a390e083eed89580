"""Pruning: what a trial reports, what Optuna's pruners decide, and how a pruned run goes on record."""

import pickle
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from nnexp.sweeps.search.pruners import describe_pruner, make_pruner  # noqa: E402
from nnexp.sweeps.search.storage import open_storage  # noqa: E402
from nnexp.sweeps.search.trial import TrialHandle, intermediate_value  # noqa: E402

EPOCHS = 10
SCORES = {"val/accuracy": 0.5, "val/loss": 1.0, "train/loss": 0.3}


def curve(height: float, epochs: int = EPOCHS) -> list[float]:
    """Return a learning curve that ends at `height`."""
    return [height * (1 - 0.5**epoch) for epoch in range(1, epochs + 1)]


HEIGHTS = [0.9, 0.5, 0.95, 0.4, 0.93, 0.97, 0.2, 0.96, 0.7, 0.99, 0.6, 0.98, 0.3, 0.94, 0.85]


@pytest.fixture
def address() -> str:
    return str(Path("study.log").absolute())


def study_of(address: str, pruner: str, epochs: int = EPOCHS, direction: str = "maximize"):
    storage = open_storage(address)
    return optuna.create_study(
        study_name="s", storage=storage, direction=direction, pruner=make_pruner(pruner, epochs)
    )


def trained(study, address: str, pruner: str, values: list[float]) -> int:
    """Train a trial with these validation accuracies; return the epochs until its end."""
    trial = study.ask()
    handle = TrialHandle(address, "s", trial._trial_id, pruner, len(values))
    for epoch, value in enumerate(values, 1):
        if handle.should_prune(epoch, {"val/accuracy": value}) and epoch < len(values):
            study.tell(trial, state=TrialState.PRUNED)
            return epoch
    study.tell(trial, values[-1])
    return len(values)


@pytest.mark.parametrize("pruner", ["median", "asha", "hyperband"])
def test_a_handle_prunes_what_a_trial_of_optuna_prunes(pruner, address):
    def objective(trial):
        for epoch, value in enumerate(curve(HEIGHTS[trial.number]), 1):
            trial.report(value, epoch)
            if trial.should_prune() and epoch < EPOCHS:
                raise optuna.TrialPruned
        return value

    own = study_of(address, pruner)
    for height in HEIGHTS:
        trained(own, address, pruner, curve(height))
    reference = optuna.create_study(study_name="s", direction="maximize", pruner=make_pruner(pruner, EPOCHS))
    reference.optimize(objective, n_trials=len(HEIGHTS))
    lasts = [(trial.state, trial.last_step, trial.intermediate_values) for trial in own.trials]
    assert lasts == [(trial.state, trial.last_step, trial.intermediate_values) for trial in reference.trials]
    assert TrialState.PRUNED in {trial.state for trial in own.trials}
    assert own.best_trial.number == HEIGHTS.index(0.99)


def test_successive_halving_trains_a_third_of_the_epochs(address):
    study = study_of(address, "asha", 20)
    epochs = [trained(study, address, "asha", curve(height, 20)) for height in HEIGHTS * 3]
    assert sum(epochs) < 0.35 * 20 * len(epochs)
    assert max(epochs) == 20


@pytest.mark.parametrize("epochs", [1, 2, 5, 10, 27, 100, 1000])
@pytest.mark.parametrize("pruner", ["median", "asha", "hyperband"])
def test_a_pruner_decides_within_the_epochs_of_a_trial(pruner, epochs):
    make_pruner(pruner, epochs)
    text = describe_pruner(pruner, epochs)
    first = int(text.split("after ")[1].split(",")[0].split(" of ")[0].split("from ")[-1])
    assert 1 <= first <= max(epochs, 2)
    assert text.count(str(epochs)) >= 1


def test_a_handle_can_be_sent_and_reports_an_epoch_once(address):
    study = study_of(address, "asha")
    trial = study.ask()
    handle = pickle.loads(pickle.dumps(TrialHandle(address, "s", trial._trial_id, "asha", EPOCHS)))
    for epoch, value in ((1, 0.5), (2, 0.6), (1, 0.7), (2, 0.8), (3, 0.9)):
        assert not handle.should_prune(epoch, {"val/accuracy": value})
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 0.6, 3: 0.9}


def test_a_trial_that_died_after_the_decision_is_pruned_when_it_goes_on(address):
    study = study_of(address, "asha")
    for value in (0.9, 0.1):
        handle = TrialHandle(address, "s", study.ask()._trial_id, "asha", EPOCHS)
        decision = handle.should_prune(1, {"val/accuracy": value})
    assert decision
    assert handle.should_prune(2, {"val/accuracy": 0.99})


def test_without_an_epoch_or_a_metric_nothing_is_reported(address):
    study = study_of(address, "asha")
    handle = TrialHandle(address, "s", study.ask()._trial_id, "asha", EPOCHS)
    assert not handle.should_prune(0, SCORES)
    assert not handle.should_prune(1, {"train/loss": 0.3})
    assert study.trials[0].intermediate_values == {}


def test_a_storage_that_is_gone_prunes_nothing(caplog, tmp_path):
    handle = TrialHandle(str(tmp_path / "gone" / "study.log"), "s", 0, "asha", EPOCHS)
    assert not handle.should_prune(1, SCORES)
    assert "not reported to the study" in caplog.text


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        *((None, 0.5), ("best/val_accuracy", 0.5), ("best/val_loss", 1.0), ("test/accuracy", 0.5)),
        *(("time/total", None), ("best/val_f1", None)),
    ],
)
def test_the_intermediate_value_is_the_validation_metric_of_the_objective(objective, value):
    assert intermediate_value(objective, SCORES) == value
