"""Recorded ensembles of runs: their members, the command that makes one again, and what it cannot do."""

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnexp.messages import short_path
from nnexp.run_folder import is_ensemble
from nnexp.runs.backends import RunError
from nnexp.runs.run import Run

MEMBERS = "ensemble.members"  # param: references to the runs
SHORT_ID = 8  # characters


def reference_to(run: Run) -> str:
    """Return what names a run in commands and records: its MLflow id, else the path of its folder."""
    if run.id or run.folder is None:
        return run.id or run.name
    return str(short_path(run.folder.resolve()))


def short_reference(reference: str) -> str:
    """Return the beginning of an MLflow id, or a path as it is."""
    return reference if "/" in reference else reference[:SHORT_ID]


def ensemble_command(references: Sequence[str]) -> str:
    """Return the command that averages these runs."""
    return shlex.join(["nnexp", "ensemble", *map(short_reference, references)])


def members_of(params: Mapping[str, str]) -> list[str]:
    """Return references to the members of an ensemble with these params; empty where they are unknown."""
    with suppress(ValueError):
        references = json.loads(params.get(MEMBERS, "[]"))
        if isinstance(references, list):
            return [str(reference) for reference in references]
    return []


def check_no_ensemble(record: Mapping[str, Any], folder: Path | None, purpose: str) -> None:
    """Raise a RunError if a record, with name, params and tags, is that of an ensemble.

    `purpose` is what it cannot be used for: "to resume".
    """
    if is_ensemble(record):
        where = f" in {short_path(folder)}" if folder is not None else ""
        problem = f"{record['name']}{where} is an ensemble: it has no training {purpose}"
        advice = ensemble_command(members_of(record["params"]))
        raise RunError(f"{problem}; to make it again, fix: {advice}")
