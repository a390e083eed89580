"""The console of all commands: what a terminal, a pipe, a log of CI can show."""

import os
import sys
from typing import Any

from rich.console import Console


class PipeSafeConsole(Console):
    """Console that survives a closed pipe: `head` on a run's output does not end the run."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "soft_wrap": True, "emoji": False} | options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class RunConsole(PipeSafeConsole):
    """Console that survives the loss of its terminal too, or a full disk: a run goes on without it."""

    def _write_buffer(self) -> None:
        try:
            super()._write_buffer()
        except BrokenPipeError:
            raise
        except OSError:
            self.on_broken_pipe()


def can_redraw(console: Console) -> bool:
    """Return whether lines can be drawn over: FORCE_COLOR wants colours in a log, but no progress bars."""
    return console.is_interactive and console.file.isatty()
