"""Work of the main thread that stands still while another process is not to feel it."""

import signal
import time
from threading import Event
from types import FrameType

TICK = 0.01  # seconds of the process's own time


class Throttle:
    """Within it, the main thread waits while `hold` says so.

    An import cannot be told to wait, but a signal's handler can be slow, and Python runs it in the main thread between two
    instructions. Where there are no such timers (Windows), nothing waits.
    """

    def __init__(self) -> None:
        self.until = 0.0
        self.over = Event()

    def hold(self, seconds: float) -> None:
        """Wait for so long, or until `release`."""
        self.over.clear()
        self.until = time.monotonic() + seconds

    def release(self) -> None:
        """Go on."""
        self.until = 0.0
        self.over.set()

    def wait(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        if (left := self.until - time.monotonic()) > 0:
            self.over.wait(left)

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGPROF, self.wait)
            signal.setitimer(signal.ITIMER_PROF, TICK, TICK)

    def __exit__(self, *error: object) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)
