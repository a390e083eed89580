"""The state of a sweep, from simulated events."""

import math

import pytest
from fixtures.sweep_plans import FOLDER, ended, plan_of, progressed, started

from nnexp.sweeps.execution.events import JobStarted
from nnexp.sweeps.progress import SweepProgress


class Clock:
    """Seconds that only a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_jobs_are_counted_by_how_their_last_attempt_ended(clock):
    progress = SweepProgress(plan_of(init=["a", "b"], seed=["0", "1"]), clock)
    progress.consume(ended(0, "SKIPPED"))
    progress.consume(started(1))
    progress.consume(ended(1, "FAILED", error="first", will_retry=True))
    assert (progress.counts.total(), list(progress.running)) == (1, [])
    progress.consume(started(1, attempt=2))
    assert progress.running[1].attempt == 2
    progress.consume(ended(1, "FAILED", error="second"))
    progress.consume(ended(2, "KILLED"))
    assert progress.counts == {"SKIPPED": 1, "FAILED": 1, "KILLED": 1}
    assert [event.error for event in progress.failures] == ["second"]
    assert progress.total == 4


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [(None, [0.9, 0.95, 0.93], 1), ("best/val_loss", [0.3, 0.1, 0.2], 1), (None, [0.9, math.nan, None], 0)],
)
def test_the_best_job_has_the_better_direction_of_its_metric(metric, values, best, clock):
    progress = SweepProgress(plan_of(objectives=(metric,) if metric else (), seed=["0", "1", "2"]), clock)
    for number, value in enumerate(values):
        progress.consume(ended(number, value=value))
    assert [event.number for event in progress.best.values()] == [best]


def test_each_of_several_objectives_has_its_best(clock):
    names = ("best/val_accuracy", "parameters")
    progress = SweepProgress(plan_of(objectives=names, seed=["0", "1", "2"]), clock)
    for number, value in enumerate([(0.9, 20.0), (0.8, 10.0), (float("nan"), 1.0)]):
        progress.consume(ended(number, value=value))
    assert {name: event.number for name, event in progress.best.items()} == {names[0]: 0, names[1]: 1}


def test_jobs_of_different_tasks_have_a_best_each(clock):
    progress = SweepProgress(plan_of(data=["digits", "diabetes"]), clock)
    progress.consume(ended(0, value=0.5, metrics={"best/val_accuracy": 0.5}))
    progress.consume(ended(1, value=0.4, metrics={"best/val_r2": 0.4}))
    assert {metric: event.number for metric, event in progress.best.items()} == {
        "best/val_accuracy": 0,
        "best/val_r2": 1,
    }


def test_nothing_is_estimated_before_the_first_evaluation(clock):
    progress = SweepProgress(plan_of(seed=["0", "1"]), clock)
    assert progress.seconds_left() is None
    progress.consume(started(0))
    assert progress.seconds_left() is None


def test_the_time_left_is_shared_by_the_workers(clock):
    progress = SweepProgress(plan_of(workers=2, seed=list("01234567")), clock)
    for number in range(2):
        progress.consume(started(number))
        progress.consume(ended(number, seconds=10.0))
    for number in (2, 3):
        progress.consume(started(number))
    assert progress.seconds_left() == (2 * 10 + 4 * 10) / 2
    clock.now = 4.0
    assert progress.seconds_left() == (2 * 6 + 4 * 10) / 2


def test_a_running_job_is_extrapolated_from_its_epochs(clock):
    progress = SweepProgress(plan_of(seed=["0", "1"]), clock)
    progress.consume(started(0))
    clock.now = 3.0
    progress.consume(progressed(0, epoch=1, epochs=4))
    assert progress.seconds_left() == 9 + 12


def test_a_job_that_waits_takes_as_long_as_the_finished_ones_it_resembles(clock):
    progress = SweepProgress(plan_of(model=["small", "large"], seed=["0", "1"]), clock)
    progress.consume(ended(0, seconds=1.0))
    assert progress.seconds_left() == 3.0
    progress.consume(ended(2, seconds=100.0))
    assert progress.seconds_left() == 1.0 + 100.0


def test_jobs_of_a_search_are_counted_without_a_total(clock):
    progress = SweepProgress(plan_of(), clock)
    progress.consume(started(3))
    progress.consume(ended(3, seconds=1.0, value=0.5))
    assert (progress.total, progress.seconds_left(), progress.name(3)) == (None, None, "#3")
    progress.consume(JobStarted(4, FOLDER, name="optimizer.lr=0.37"))
    assert progress.running[4].name == "optimizer.lr=0.37"
    assert progress.best["best/val_accuracy"].number == 3
