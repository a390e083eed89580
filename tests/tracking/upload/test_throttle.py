"""The import of mlflow pauses while a run starts."""

import signal
import threading
import time

import pytest

from nnexp.tracking.upload.throttle import Throttle

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")


def test_the_main_thread_waits_until_it_is_released_while_other_threads_run():
    throttle, results, rounds = Throttle(), [], 0

    def work():
        time.sleep(0.2)
        results.append(sum(range(1000)))
        throttle.release()

    throttle.hold(60)
    threading.Thread(target=work).start()
    began = time.process_time()
    with throttle:
        while throttle.until:
            rounds += 1
    assert rounds > 0
    assert results
    assert time.process_time() - began < 0.2  # it did not spin meanwhile


def test_the_pause_ends_by_itself():
    throttle = Throttle()
    throttle.hold(0.1)
    began = time.monotonic()
    with throttle:
        while time.monotonic() - began < 0.2:
            pass
    assert time.monotonic() - began < 60
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
