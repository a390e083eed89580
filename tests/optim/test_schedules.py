"""What holds for every schedule, and the corners of some; whole curves are compared in tests/oracle."""

from itertools import pairwise
from math import inf, nan

import pytest

from nnexp.optim.cyclic_schedules import CosineRestarts, Cyclic, OneCycle
from nnexp.optim.plateau import Plateau
from nnexp.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    Linear,
    MultiStep,
    Step,
    WarmupStableDecay,
)

PROGRESS = [step / 1000 for step in range(1001)]


@pytest.mark.parametrize(
    "settings", [{}, {"warmup": 0.25}, {"warmup": 0.9, "start": 0.0}, {"warmup": 0.1, "start": 1.0}], ids=str
)
def test_no_schedule_leaves_zero_to_one(schedule_name, settings, option):
    schedule = option("schedule", schedule_name, **settings)
    assert all(0 <= schedule(progress) <= 1 for progress in PROGRESS)


def test_no_momentum_reaches_one(schedule_name, option):
    schedule = option("schedule", schedule_name, warmup=0.2)
    momenta = [momentum for progress in PROGRESS if (momentum := schedule.momentum(progress)) is not None]
    assert all(0 <= momentum < 1 for momentum in momenta)
    assert bool(momenta) == (schedule_name == "one_cycle")


def test_any_schedule_may_rise_first_in_a_straight_line_to_where_its_curve_begins(schedule_name, option):
    schedule = option("schedule", schedule_name, warmup=0.25, start=0.2)
    begin = schedule.curve(0.0)
    assert schedule(0) == pytest.approx(0.2 * begin)
    assert schedule(0.125) == pytest.approx(0.6 * begin)
    assert schedule(0.25) == begin
    assert schedule(0.25 - 1e-9) == pytest.approx(begin)


def test_without_warmup_there_is_only_the_curve(schedule_name, option):
    if schedule_name == "inverse_sqrt":
        pytest.skip("its curve is defined by its warmup")
    schedule = option("schedule", schedule_name, warmup=0.0)
    assert all(schedule(progress) == schedule.curve(progress) for progress in PROGRESS)


def test_the_validation_loss_moves_plateau_and_no_other(schedule_name, option):
    schedule = option("schedule", schedule_name)
    before = [schedule(progress) for progress in PROGRESS]
    for loss in [1.0] * 30:
        schedule.observe(loss)
    assert ([schedule(progress) for progress in PROGRESS] != before) == (schedule_name == "plateau")


def test_constant():
    assert {Constant()(p / 10) for p in range(11)} == {1.0}


def test_step_falls_where_a_ratio_of_the_run_has_passed():
    schedule = Step(every=0.1, gamma=0.5)
    assert [schedule(p / 10) for p in range(10)] == pytest.approx([0.5**k for k in range(10)])
    assert schedule(0.0999) == 1


def test_milestones_may_stand_in_any_order():
    schedule = MultiStep(milestones=[0.8, 0.3], gamma=0.5)
    assert [schedule(p) for p in (0, 0.29, 0.3, 0.79, 0.8, 1)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_exponential_ends_at_final():
    schedule = Exponential(final=0.01)
    assert (schedule(0), schedule(0.5), schedule(1)) == pytest.approx((1, 0.1, 0.01))


def test_linear_ends_at_final():
    schedule = Linear(final=0.2)
    assert (schedule(0), schedule(0.5), schedule(1)) == pytest.approx((1, 0.6, 0.2))


def test_cosine_falls_from_one_to_final():
    schedule = Cosine(final=0.2)
    assert (schedule(0), schedule(0.5), schedule(1)) == pytest.approx((1, 0.6, 0.2))


def test_warmup_cosine_rises_then_falls(option):
    schedule = option("schedule", "warmup_cosine", warmup=0.2, start=0.1)
    assert (schedule(0), schedule(0.1), schedule(0.2), schedule(0.6), schedule(1)) == pytest.approx(
        (0.1, 0.55, 1, 0.5, 0), abs=1e-12
    )


def test_restarts_fill_the_run_and_the_last_ends_with_it():
    schedule = CosineRestarts(cycles=3, growth=2.0)
    jumps = [i for i, (a, b) in enumerate(pairwise(map(schedule, PROGRESS)), start=1) if b > a]
    assert jumps == [143, 429]  # a seventh and three sevenths of the run
    assert schedule(1) == 0


def test_one_cycle_peaks_at_one_where_momentum_is_lowest():
    schedule = OneCycle(pct_start=0.3)
    assert max(PROGRESS, key=schedule) == min(PROGRESS, key=schedule.momentum) == 0.3
    assert (schedule(0), schedule(0.3), schedule(1)) == pytest.approx((0.04, 1, 0.04e-4))
    assert (schedule.momentum(0), schedule.momentum(0.3), schedule.momentum(1)) == pytest.approx(
        (0.95, 0.85, 0.95)
    )


def test_one_cycle_leaves_momentum_alone_if_told_to():
    assert OneCycle(cycle_momentum=False).momentum(0.5) is None


def test_one_cycle_holds_its_momentum_during_a_warmup():
    schedule = OneCycle(warmup=0.5)
    assert schedule.momentum(0.25) == schedule.momentum(0.5) == 0.95


def test_inverse_sqrt_halves_when_four_times_the_warmup_has_passed():
    schedule = InverseSqrt(warmup=0.1)
    assert (schedule(0.1), schedule(0.4)) == pytest.approx((1, 0.5))


def test_wsd_is_one_until_its_last_part():
    schedule = WarmupStableDecay(decay=0.2, warmup=0.0)
    assert {schedule(p) for p in PROGRESS if p <= 0.8} == {1}
    assert (schedule(0.85), schedule(1)) == pytest.approx((0.5, 0))


def test_cyclic_peaks_halve_in_triangular2():
    schedule = Cyclic(cycles=4, base=0.0, mode="triangular2")
    assert [schedule((peak + 0.5) / 4) for peak in range(4)] == pytest.approx([1, 0.5, 0.25, 0.125])


def test_plateau_waits_for_more_than_patience_evaluations():
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
