"""`nnexp.run`: one experiment from Python, with progress on the terminal."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from nnexp.cli.display import TerminalDisplay
from nnexp.experiment import run as experiment
from nnexp.experiment.display import Display
from nnexp.experiment.result import Result


def run(
    config: DictConfig | dict[str, Any], folder: Path | None = None, display: Display | None = None
) -> Result:
    """Run one experiment.

    Args:
        config: from `nnexp.compose`; may have been changed since.
        folder: where the run's files go; None makes a new one under outputs/runs/ in the working directory.
        display: how progress is shown; None shows it on the terminal.

    Raises:
        UserError: configuration errors, unusable data or store, training that diverged.
    """
    return experiment.run(config, folder, display or TerminalDisplay())
