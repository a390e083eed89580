import pytest

from nnexp.training.threads.choice import LAST_WAIT, ThreadChoice


class Machine:
    """A machine on which a step takes a time that depends on the number of threads."""

    def __init__(self, limit, **seconds):
        self.now = 0.0
        self.seconds = {int(name.removeprefix("t")): value for name, value in seconds.items()}
        self.choice = ThreadChoice(limit, lambda: self.now)
        self.taken = {}

    def run(self, seconds):
        end = self.now + seconds
        self.taken = dict.fromkeys(self.seconds, 0.0)
        while self.now < end:
            self.taken[self.choice.threads] += self.seconds[self.choice.threads]
            self.now += self.seconds[self.choice.threads]
            self.choice.after_step()

    def share(self, threads):
        return self.taken[threads] / sum(self.taken.values())


@pytest.mark.parametrize("scale", [0.0002, 0.02])
@pytest.mark.parametrize(("one", "two", "best"), [(1.0, 0.7, 2), (1.0, 1.2, 1), (1.0, 1.0, 1), (1.0, 5.0, 1)])
def test_the_faster_number_is_used_but_for_short_trials(scale, one, two, best):
    machine = Machine(2, t1=one * scale, t2=two * scale)
    machine.run(2)
    machine.run(20)
    assert machine.share(best) > 0.9


def test_a_busy_machine_is_left_to_others_within_a_tenth_of_a_second():
    machine = Machine(2, t1=0.001, t2=0.0007)
    machine.run(3)
    machine.seconds = {1: 0.0015, 2: 0.05}
    machine.run(0.15)
    machine.run(10)
    assert machine.share(1) > 0.9


def test_a_free_core_is_used_after_a_while():
    machine = Machine(2, t1=0.001, t2=0.03)
    machine.run(10)
    machine.seconds[2] = 0.0007
    machine.run(2 * LAST_WAIT)
    machine.run(10)
    assert machine.share(2) > 0.9


@pytest.mark.parametrize(("limit", "best"), [(8, 4), (6, 6), (6, 1), (5, 2)])
def test_of_many_numbers_the_fastest_is_used(limit, best):
    numbers = ThreadChoice(limit).numbers
    assert (numbers[0], numbers[-1]) == (1, limit)
    distance = {n: abs(numbers.index(n) - numbers.index(best)) for n in numbers}
    machine = Machine(limit, **{f"t{n}": 0.001 * 1.3 ** distance[n] for n in numbers})
    machine.run(10)
    machine.run(20)
    assert machine.share(best) > 0.9


def test_a_pause_does_not_count():
    machine = Machine(2, t1=0.001, t2=0.0007)
    machine.run(3)
    for _ in range(100):
        machine.choice.pause()
        machine.now += 1
        machine.choice.resume()
        machine.run(0.01)
        assert machine.choice.seconds < 0.0011
