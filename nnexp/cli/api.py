"""`nnexp.run`: one experiment from Python, with progress on the terminal or in the notebook."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from nnexp.cli.display import SweepLine, TerminalDisplay
from nnexp.config import compose
from nnexp.config.choices import current_choices
from nnexp.errors import UserError
from nnexp.experiment import run as experiment
from nnexp.experiment.display import Display
from nnexp.experiment.result import Result
from nnexp.messages import did_you_mean

DisplayName = Literal["progress", "line", "quiet"]
DISPLAYS: dict[str, Callable[[], Display]] = {
    "progress": TerminalDisplay,
    "line": lambda: SweepLine("run"),
    "quiet": Display,
}


def run(
    config: DictConfig | dict[str, Any] | Sequence[str],
    folder: str | Path | None = None,
    display: DisplayName | Display = "progress",
) -> Result:
    """Run one experiment.

    Args:
        config: from `nnexp.compose`; may have been changed since. Or overrides, as `nnexp.compose` takes.
        folder: where the run's files go; None makes a new one under outputs/runs/ in the working directory.
        display: "progress" shows header, epochs and summary, "line" one line at the end, "quiet" nothing.

    Raises:
        UserError: configuration errors, unusable data or store, training that diverged.
    """
    if not isinstance(config, DictConfig | dict):
        config = compose(config)
    elif config.get("choices"):
        config = OmegaConf.create(config)
        config.choices = current_choices(config)
    if isinstance(display, str):
        if display not in DISPLAYS:
            guess = did_you_mean(display, DISPLAYS)
            raise UserError(f"display={display!r}: {guess}expected one of {', '.join(DISPLAYS)}")
        display = DISPLAYS[display]()
    return experiment.run(config, folder, display)
