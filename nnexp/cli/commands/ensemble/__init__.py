"""`nnexp ensemble RUN RUN ...`: average the predictions of finished runs, and record that as a run."""

from nnexp.cli.commands.ensemble.command import main

__all__ = ["main"]
