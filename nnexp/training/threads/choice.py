"""The choice of a number of threads by trial: time some steps with another number, keep the faster one.

That needs nothing of the operating system, and weighs what counts: other processes, quotas, shared cores,
the network's shapes. Another process shows in the next window of steps; a core that gets free, in a trial.
"""

from collections.abc import Callable
from math import inf
from time import perf_counter

WINDOW = 0.02  # seconds whose steps are averaged: some turns of a busy core
SETTLING = 0.005  # seconds after a change that do not count: threads move to free cores
FIRST_WAIT, LAST_WAIT = 0.25, 4.0  # seconds between two trials; twice as long after each that changed nothing
GAIN = 0.95  # the share of the time per step below which another number is the faster one
TRIAL_SHARE = 0.05  # of the time, at most, for trials that changed nothing
SLOWED = 1.4  # times the usual time per step: try fewer threads at once


class ThreadChoice:
    """A number of threads that follows the measured time per step."""

    def __init__(self, limit: int, clock: Callable[[], float] = perf_counter) -> None:
        self.numbers = [1]  # to choose from, each about twice the one before it
        while self.numbers[-1] < limit:
            self.numbers.append(min(2 * self.numbers[-1], limit))
        self.clock = clock
        self.kept = 0  # the index of the number in use between trials
        self.tried = 0  # that of a trial's number; the same as `kept`: no trial
        self.seconds: float | None = None  # per step with the number kept, lately
        self.wait = 0.0  # between two trials: the first comes at once
        self.upwards = True  # the direction of the next trial
        self.next_trial = -inf  # not before, by the clock
        self.trial_begun = -inf
        self.settled = True  # whether the window counts
        self.steps = 0  # in the window
        self.begun = clock()  # the window
        self.paused = self.begun

    @property
    def threads(self) -> int:
        """The number to use now."""
        return self.numbers[self.tried]

    def pause(self) -> None:
        """Leave out the time up to `resume`."""
        self.paused = self.clock()

    def resume(self) -> None:
        """Go on with the window of steps, with a new one after a long pause: caches are cold at its end."""
        now = self.clock()
        self.begun += now - self.paused
        if now - self.paused > WINDOW:
            self.begun = now
            self.steps = 0
            self.settled = False

    def after_step(self) -> bool:
        """Count a step; return whether the number has changed."""
        now = self.clock()
        self.steps += 1
        elapsed = now - self.begun
        if elapsed < (WINDOW if self.settled else SETTLING):
            return False
        measured = elapsed / self.steps
        is_lost = elapsed > WINDOW and self.seconds is not None and measured > SLOWED * self.seconds
        self.steps = 0
        self.begun = now
        if not self.settled and not is_lost:
            self.settled = True
            return False
        before = self.tried
        if self.tried == self.kept:
            self.compare_with_usual(measured, now)
        else:
            self.conclude_trial(measured, now)
        self.settled = self.tried == before
        return not self.settled

    def compare_with_usual(self, measured: float, now: float) -> None:
        """Begin a trial if steps take longer than usual, or if it is time to."""
        usual = measured if self.seconds is None else self.seconds
        self.seconds = (usual + measured) / 2
        if measured > SLOWED * usual and self.kept > 0:
            self.tried = self.kept - 1
        elif now >= self.next_trial:
            at_end = self.kept == (len(self.numbers) - 1 if self.upwards else 0)
            self.upwards ^= at_end
            self.tried = self.kept + (1 if self.upwards else -1)
        self.trial_begun = now

    def conclude_trial(self, measured: float, now: float) -> None:
        """Keep the number that was tried if it is faster."""
        if self.seconds is None or measured < GAIN * self.seconds:
            self.kept = self.tried
            self.seconds = measured
            self.wait = FIRST_WAIT
        else:
            self.tried = self.kept
            self.upwards = not self.upwards
            self.wait = min(2 * self.wait, LAST_WAIT) or FIRST_WAIT
            self.wait = max(self.wait, (now - self.trial_begun) / TRIAL_SHARE)
        self.next_trial = now + self.wait
