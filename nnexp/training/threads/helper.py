"""A thread that runs tasks beside the training thread: blocks of matrix products, chunks of compiled loops.

It waits in a spin lock of the C library, without Python's global lock, and so begins within a microsecond;
a lock that sleeps takes as long to wake as many a product. While it is not in use, it sleeps.
"""

import ctypes
from collections.abc import Sequence
from threading import Lock, Thread

import numpy as np

from nnexp.optim.blocks import Task, run_in_order
from nnexp.training.numerics import flushed_denormals

CACHE_LINE = 64  # bytes
_library = ctypes.PyDLL(None) if hasattr(ctypes.pythonapi, "pthread_spin_lock") else None
_releasing = ctypes.CDLL(None) if _library else None  # its calls let other threads of Python run meanwhile


class SpinLock:
    """A lock, closed at first, that is waited for without sleeping; any thread may open it."""

    def __init__(self) -> None:
        if _library is None or _releasing is None:
            raise OSError("the C library has no spin locks")
        self.memory = ctypes.create_string_buffer(2 * CACHE_LINE)  # not shared with other data
        address = ctypes.c_void_p(-(-ctypes.addressof(self.memory) // CACHE_LINE) * CACHE_LINE)
        _library.pthread_spin_init(address, 0)
        _library.pthread_spin_trylock(address)
        self.address = address
        self.open_now = _library.pthread_spin_unlock
        self.wait_now = _releasing.pthread_spin_lock

    def open(self) -> None:
        """Let the thread go on that waits, or the next one that will."""
        self.open_now(self.address)

    def wait(self) -> None:
        """Wait until it is opened, then close it."""
        self.wait_now(self.address)


class Helper:
    """A thread for tasks: `wake`, any number of `start` and `wait`, then `sleep`."""

    def __init__(self) -> None:
        self.tasks: Sequence[Task] | None = None  # None: to sleep
        self.error: Exception | None = None
        self.is_ended = False
        self.is_awake = False
        self.woken = Lock()
        self.woken.acquire()
        self.started = SpinLock()
        self.finished = SpinLock()
        self.thread = Thread(target=self.serve, name="products", daemon=True)
        self.thread.start()

    def wake(self) -> None:
        """Wait for tasks without sleeping from now on."""
        if not self.is_awake:
            self.is_awake = True
            self.woken.release()

    def sleep(self) -> None:
        """Use no processor until the next `wake`."""
        if self.is_awake:
            self.is_awake = False
            self.start(None)
            self.wait_until_done()

    def start(self, tasks: Sequence[Task] | None) -> None:
        """Begin to run tasks, or to sleep."""
        self.tasks = tasks
        self.started.open()

    def wait(self) -> None:
        """Wait until the tasks are done, and raise what went wrong."""
        self.wait_until_done()
        if self.error is not None:
            raise self.error

    def wait_until_done(self) -> None:
        """Wait until the tasks are done, or it sleeps."""
        self.finished.wait()

    def end(self) -> None:
        """End the thread."""
        self.sleep()
        self.is_ended = True
        self.woken.release()
        self.thread.join()

    @flushed_denormals()
    @np.errstate(all="ignore")
    def serve(self) -> None:
        """Run what is started, as long as the thread lives."""
        while True:
            self.woken.acquire()
            if self.is_ended:
                return
            self.started.wait()
            while self.tasks is not None:
                self.run_tasks()
                self.finished.open()
                self.started.wait()
            self.finished.open()

    def run_tasks(self) -> None:
        """Run the tasks that were given; what goes wrong is raised by `wait`."""
        try:
            run_in_order(self.tasks or ())
        except Exception as error:  # noqa: BLE001
            self.error = error


def is_supported() -> bool:
    """Return whether the C library has spin locks: on Linux."""
    return _library is not None
