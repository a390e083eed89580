"""Signals to a command. A run handles its own: see `experiment.interruption`."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from nnexp.errors import SIGNAL_EXIT, Interrupted

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def end_at_once() -> None:
    """Let signals end the process, with nothing printed: while it imports, an exception may be lost."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        os._exit(SIGNAL_EXIT + number)

    _handle_signals(end)


def raise_interrupted() -> None:
    """Let signals raise `Interrupted`, so that a command removes its temporary files.

    Where the exception would be ignored, in a callback or a finalizer, the process ends at once.
    """

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise Interrupted(number)

    def end(unraisable: "sys.UnraisableHookArgs") -> None:
        if isinstance(unraisable.exc_value, Interrupted):
            os._exit(unraisable.exc_value.exit_code)
        sys.__unraisablehook__(unraisable)

    sys.unraisablehook = end
    _handle_signals(interrupt)


def _handle_signals(handler: Callable[[int, FrameType | None], NoReturn]) -> None:
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as SIGHUP under nohup
            signal.signal(number, handler)
