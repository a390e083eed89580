"""What every schedule has in common, and corner cases; tests/oracle compares whole curves."""

from itertools import pairwise
from math import inf, nan

import pytest
from fixtures.options import make, options

from nnexp.optim import schedules
from nnexp.optim.cyclic_schedules import CosineRestarts, Cyclic, OneCycle
from nnexp.optim.plateau import Plateau

PROGRESS = [step / 1000 for step in range(1001)]
every_schedule = pytest.mark.parametrize("name", options("schedule"))


@every_schedule
@pytest.mark.parametrize(
    "settings", [{}, {"warmup": 0.25}, {"warmup": 0.9, "start": 0.0}, {"warmup": 0.1, "start": 1.0}], ids=str
)
def test_multipliers_lie_between_zero_and_one(name, settings):
    schedule = make("schedule", name, **settings)
    assert all(0 <= schedule(progress) <= 1 for progress in PROGRESS)


@every_schedule
def test_momentum_is_below_one_and_only_one_cycle_sets_it(name):
    schedule = make("schedule", name, warmup=0.2)
    momenta = [momentum for progress in PROGRESS if (momentum := schedule.momentum(progress)) is not None]
    assert all(0 <= momentum < 1 for momentum in momenta)
    assert bool(momenta) == (name == "one_cycle")


@every_schedule
def test_warmup_is_a_straight_line_to_the_start_of_the_curve(name):
    schedule = make("schedule", name, warmup=0.25, start=0.2)
    begin = schedule.curve(0.0)
    assert schedule(0) == pytest.approx(0.2 * begin)
    assert schedule(0.125) == pytest.approx(0.6 * begin)
    assert schedule(0.25) == begin
    assert schedule(0.25 - 1e-9) == pytest.approx(begin)


@pytest.mark.parametrize("name", [name for name in options("schedule") if name != "inverse_sqrt"])
def test_without_warmup_a_schedule_is_its_curve(name):
    schedule = make("schedule", name, warmup=0.0)
    assert all(schedule(progress) == schedule.curve(progress) for progress in PROGRESS)


@every_schedule
def test_the_validation_loss_changes_plateau_only(name):
    schedule = make("schedule", name)
    before = [schedule(progress) for progress in PROGRESS]
    for loss in [1.0] * 30:
        schedule.observe(loss)
    assert ([schedule(progress) for progress in PROGRESS] != before) == (name == "plateau")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (schedules.Constant(), {0: 1, 0.5: 1, 1: 1}),
        (schedules.Step(every=0.1, gamma=0.5), {0.0999: 1, **{k / 10: 0.5**k for k in range(10)}}),
        (
            schedules.MultiStep(milestones=[0.8, 0.3], gamma=0.5),
            {0: 1, 0.29: 1, 0.3: 0.5, 0.79: 0.5, 0.8: 0.25, 1: 0.25},
        ),
        (schedules.Exponential(final=0.01), {0: 1, 0.5: 0.1, 1: 0.01}),
        (schedules.Linear(final=0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (schedules.Cosine(final=0.2), {0: 1, 0.5: 0.6, 1: 0.2}),
        (schedules.Cosine(warmup=0.2, start=0.1), {0: 0.1, 0.1: 0.55, 0.2: 1, 0.6: 0.5, 1: 0}),
        (schedules.InverseSqrt(warmup=0.1), {0.1: 1, 0.4: 0.5}),
        (schedules.WarmupStableDecay(decay=0.2, warmup=0.0), {0: 1, 0.4: 1, 0.8: 1, 0.85: 0.5, 1: 0}),
        (OneCycle(pct_start=0.3), {0: 0.04, 0.3: 1, 1: 0.04e-4}),
        (Cyclic(cycles=4, base=0.0, mode="triangular2"), {(peak + 0.5) / 4: 0.5**peak for peak in range(4)}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_multipliers_at_chosen_progress(schedule, expected):
    assert [schedule(progress) for progress in expected] == pytest.approx(list(expected.values()), abs=1e-12)


def test_restarts_fill_the_run_and_the_last_cycle_ends_with_it():
    schedule = CosineRestarts(cycles=3, growth=2.0)
    jumps = [i for i, (a, b) in enumerate(pairwise(map(schedule, PROGRESS)), start=1) if b > a]
    assert jumps == [143, 429]  # a seventh and three sevenths of the run
    assert schedule(1) == 0


def test_one_cycle_has_its_lowest_momentum_at_the_peak_and_holds_it_during_a_warmup():
    schedule = OneCycle(pct_start=0.3)
    assert max(PROGRESS, key=schedule) == min(PROGRESS, key=schedule.momentum) == 0.3
    assert [schedule.momentum(progress) for progress in (0, 0.3, 1)] == pytest.approx([0.95, 0.85, 0.95])
    assert OneCycle(cycle_momentum=False).momentum(0.5) is None
    warm = OneCycle(warmup=0.5)
    assert warm.momentum(0.25) == warm.momentum(0.5) == 0.95


def test_plateau_falls_after_more_than_patience_evaluations():
    schedule = Plateau(factor=0.5, patience=1)
    multipliers = []
    for loss in [3, 2, 2, 2, 1, 1.5, nan, inf]:
        schedule.observe(loss)
        multipliers.append(schedule(0.5))
    assert multipliers == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_plateau_stops_at_its_floor():
    schedule = Plateau(factor=0.1, patience=0, floor=0.05)
    for _ in range(10):
        schedule.observe(1.0)
    assert schedule(0) == 0.05
