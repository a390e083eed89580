"""The import of mlflow stands still while a run begins."""

import signal
import threading
import time

import pytest

from nnexp.tracking.upload.throttle import Throttle

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="needs interval timers, which this system has not"
)


def counted(pause: Throttle) -> int:
    """Work of the main thread, until somebody releases it."""
    done = 0
    with pause:
        while pause.until:
            done += 1
    return done


def test_the_main_thread_waits_until_it_is_released_and_others_go_on():
    pause, seen = Throttle(), []

    def other():
        time.sleep(0.2)
        seen.append(sum(range(1000)))
        pause.release()

    pause.hold(60)
    threading.Thread(target=other).start()
    began = time.process_time()
    assert counted(pause) > 0
    assert seen
    assert time.process_time() - began < 0.2  # it did not go round and round meanwhile


def test_it_waits_no_longer_than_it_was_told():
    pause = Throttle()
    pause.hold(0.1)
    began = time.monotonic()
    with pause:
        while time.monotonic() - began < 0.2:
            pass
    assert time.monotonic() - began < 5
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
