"""Throttles imports while a training process starts, which would lose time to them otherwise."""

import signal
import time
from threading import Event
from types import FrameType

INTERVAL = 0.01  # seconds of the process's CPU time


class Throttle:
    """Stops the main thread, within a `with` block, for as long as `hold` demands.

    An import cannot be paused, but a signal handler may take its time, and Python runs it in the main thread
    between two instructions. Where there are no interval timers (Windows), nothing is paused.
    """

    def __init__(self) -> None:
        self.until = 0.0
        self.released = Event()

    def hold(self, seconds: float) -> None:
        self.released.clear()
        self.until = time.monotonic() + seconds

    def release(self) -> None:
        self.until = 0.0
        self.released.set()

    def wait(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        if (remaining := self.until - time.monotonic()) > 0:
            self.released.wait(remaining)

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGPROF, self.wait)
            signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def __exit__(self, *error: object) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)
