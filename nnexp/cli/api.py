"""`nnexp.run` and `nnexp.resume` from Python, with progress on the terminal or in the notebook."""

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from nnexp.cli.display import LineDisplay, TerminalDisplay
from nnexp.config import compose
from nnexp.config.choices import current_choices
from nnexp.errors import UserError
from nnexp.experiment import run as experiments
from nnexp.experiment.display import Display
from nnexp.experiment.result import Result
from nnexp.experiment.sessions.resumption import prepare
from nnexp.messages import did_you_mean
from nnexp.runs.local import find_folder
from nnexp.runs.query import Runs

DisplayName = Literal["progress", "line", "quiet"]
DISPLAYS: dict[str, Callable[[], Display]] = {
    "progress": TerminalDisplay,
    "line": lambda: LineDisplay("run"),
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
    return experiments.run(config, folder, display_of(display))


def resume(
    run: Any,
    overrides: str | Sequence[str] = (),
    *,
    display: DisplayName | Display = "progress",
    config_dir: str | Path | None = None,
    experiment: str | None = None,
    uri: str | None = None,
) -> Result:
    """Go on with a run that was interrupted, from its last checkpoint, or extend a finished one.

    Args:
        run: a folder, `last`, `best`, an id or its first characters, a name, or a `Result`.
        overrides: settings that change, as on the command line, e.g. ["trainer.epochs=20"], or as one text.
        display: as of `run`.
        config_dir: a folder of your own config groups.
        experiment: only among its runs.
        uri: another store than that of the working directory.

    Raises:
        ResumeError: it is running, finished, or a setting cannot change. RunError: there is no such run.
        UserError: as of `run`.
    """
    overrides = shlex.split(overrides) if isinstance(overrides, str) else overrides
    folder = find_folder(os.fspath(getattr(run, "folder", run)), Runs(uri, experiment))
    return resume_folder(folder, overrides, display_of(display), config_dir)


def resume_folder(
    folder: Path, overrides: Sequence[str], display: Display, config_dir: str | Path | None
) -> Result:
    """Resume the run of a folder."""
    resumption = prepare(folder, overrides, None if config_dir is None else str(config_dir))
    for label, text in resumption.notes:
        display.message(label, text)
    return experiments.run(resumption.settings, folder, display, resumption.home, resumption=resumption)


def display_of(display: DisplayName | Display) -> Display:
    """Return the display of that name."""
    if not isinstance(display, str):
        return display
    if display not in DISPLAYS:
        guess = did_you_mean(display, DISPLAYS)
        raise UserError(f"display={display!r}: {guess}expected one of {', '.join(DISPLAYS)}")
    return DISPLAYS[display]()
