"""What an upload needs from the layers above tracking, given to it as functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnexp.tracking.mlflow.writer import DrawConfusion

Outputs = tuple[list[str], list[str]]
"""Paths of new files within a run's folder, and messages of those that could not be made."""


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """Functions of higher layers.

    Attributes:
        make_outputs: draws the plots and writes the prediction tables of a run's folder.
        fetch_baseline: saves the reports of tracking.baseline, a run of that destination; returns a warning.
        draw_confusion: draws the confusion matrix of an epoch.
        prepare: starts what `make_outputs` needs, if that takes long; may be called again.
    """

    make_outputs: Callable[[Path], Outputs]
    fetch_baseline: Callable[[Path, str, Mapping[str, Any]], str]
    draw_confusion: DrawConfusion
    prepare: Callable[[], object] = lambda: None
