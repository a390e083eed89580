import pytest

from nnexp.optim.schedules import Constant, Cosine, Exponential, Step, WarmupCosine


def test_constant():
    assert {Constant()(p / 10) for p in range(11)} == {1.0}


def test_step_falls_where_a_ratio_of_the_run_has_passed():
    schedule = Step(every=0.1, gamma=0.5)
    assert [schedule(p / 10) for p in range(10)] == pytest.approx([0.5**k for k in range(10)])
    assert schedule(0.0999) == 1


def test_exponential_ends_at_final():
    schedule = Exponential(final=0.01)
    assert (schedule(0), schedule(0.5), schedule(1)) == pytest.approx((1, 0.1, 0.01))


def test_cosine_falls_from_one_to_final():
    schedule = Cosine(final=0.2)
    assert (schedule(0), schedule(0.5), schedule(1)) == pytest.approx((1, 0.6, 0.2))


def test_warmup_rises_then_falls():
    schedule = WarmupCosine(warmup=0.2, start=0.1, final=0)
    assert (schedule(0), schedule(0.1), schedule(0.2), schedule(0.6), schedule(1)) == pytest.approx((0.1, 0.55, 1, 0.5, 0), abs=1e-12)


@pytest.mark.parametrize("schedule", [Constant(), Step(), Exponential(), Cosine(), WarmupCosine()])
def test_no_schedule_leaves_zero_to_one(schedule):
    assert all(0 <= schedule(p / 1000) <= 1 for p in range(1001))
