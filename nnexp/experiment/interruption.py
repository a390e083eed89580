"""Signals that ask a run to end: the first one ends it in order, a second one at once."""

import signal
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, ClassVar

from nnexp.errors import Interrupted

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
FURTHER = ("SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU")  # which end a process too


class Interruption:
    """Handles signals within a `with` block: each raises `Interrupted`, but the first may be deferred.

    A signal that is ignored stays so, as SIGHUP under `nohup`. Only the main thread can have handlers;
    `request_end` ends the runs of other threads too.

    Attributes:
        received: the number of the signal that was received, else 0.
    """

    active: ClassVar[list["Interruption"]] = []  # those of this process, inner ones last

    def __init__(self) -> None:
        self.received = 0
        self.count = 0  # of signals
        self.defer: Callable[[], object] | None = None  # what the first signal calls in place of an exception
        self.former: dict[int, Any] = {}  # handlers

    def __enter__(self) -> "Interruption":
        self.active.append(self)
        if current_thread() is main_thread():
            for number, handler in handlers().items():
                self.former[number] = handler
                signal.signal(number, self.handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.former.items():
            signal.signal(number, handler)
        self.active.remove(self)

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Handle a signal."""
        self.count += 1
        self.received = self.received or number
        if self.count > 1 or self.defer is None:
            raise Interrupted(self.received)
        self.defer()

    @contextmanager
    def deferred(self, pause: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Let the first signal within the block call `pause` (maybe in another thread) and raise nothing."""
        former = self.defer
        self.defer = pause
        try:
            yield
        finally:
            self.defer = former

    @contextmanager
    def undeferred(self) -> Iterator[None]:
        """Let signals raise again within the block, which one that was received before does at once."""
        defer = self.defer
        self.defer = None
        try:
            self.check()
            yield
        finally:
            self.defer = defer

    def check(self) -> None:
        """Raise `Interrupted` if a signal was received."""
        if self.received:
            raise Interrupted(self.received)

    def request(self, number: int) -> None:
        """Ask for the end from another thread; the first signal after that is not yet the second one."""
        if self.received:
            return
        self.received = number
        if self.defer is not None:
            self.defer()
        elif self.former:
            interrupt_main_thread(number if number in self.former else next(iter(self.former)))


def handlers() -> dict[int, Any]:
    """Return the present handlers of the signals that end a run on this platform."""
    present = {}
    for name in SIGNALS + FURTHER:
        if (number := getattr(signal, name, None)) is not None:
            handler = signal.getsignal(number)
            if handler is signal.SIG_DFL or (name in SIGNALS and callable(handler)):
                present[number] = handler
    return present


def request_end(number: int) -> None:
    """Ask all runs of this process to end as that signal would."""
    for interruption in tuple(Interruption.active):
        interruption.request(number)


def interrupt_main_thread(number: int) -> None:
    """Send a signal to the main thread, also where it waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread().ident or 0, number)
    else:
        interrupt_main(signal.Signals(number))
