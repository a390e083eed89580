"""The folder of a recorded run on this machine, which resuming it needs."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnexp.messages import override, plural, short_path
from nnexp.run_folder import JOURNAL, PARENT_SWEEP_TAG, is_parent
from nnexp.runs.backends import RunError
from nnexp.runs.query import MIN_PREFIX, Runs
from nnexp.runs.run import folder_of
from nnexp.runs.sweeps import SWEEPS, is_sweep_folder
from nnexp.tracking.mlflow.upload_state import run_ids

OUTPUTS = Path("outputs")


def find_folder(text: str, runs: Runs) -> Path:
    """Return the folder of a run.

    Args:
        text: a folder, `last` (the newest below outputs/), `best`, an id or its first characters, or a name.
        runs: the store that is asked for a run that no folder below outputs/ is of.

    Raises:
        RunError: there is no such run, there are several, or its folder is on another machine.
    """
    if (folder := folder_of(text)) is not None:
        check_no_sweep(folder)
        return folder.resolve()
    if text == "last":
        newest = max(_heads(), key=lambda pair: pair[1].get("time", 0), default=None)
        if newest is None:
            raise runs.no_runs()
        return newest[0].resolve()
    wanted = runs.best().id if text == "best" else text
    if (folder := _by_name(wanted) or _by_id(wanted)) is not None:
        return folder.resolve()
    run = runs.find(text)
    if (name := run.tags.get(PARENT_SWEEP_TAG)) is not None:
        check_no_sweep(SWEEPS / name, is_sweep=True)
    missing = f"its folder, with journal, config.yaml and checkpoints, is not below {OUTPUTS.resolve()}"
    advice = "fix: change to the project that trained it, or give the run's folder"
    raise RunError(f"run {run.name} ({run.id[:8]}) cannot be resumed here: {missing}; {advice}")


def check_no_sweep(folder: Path, is_sweep: bool = False) -> None:
    """Raise a RunError for the folder of a sweep: its jobs are resumed by the sweep."""
    if is_sweep or is_sweep_folder(folder):
        advice = f"nnexp -m {override('sweep.resume', str(short_path(folder)))}"
        raise RunError(f"{short_path(folder)}: this is a sweep, not a run; fix: {advice}")


def _heads() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folders of the runs below outputs/ that train, with the first entry of their journals."""
    for path in OUTPUTS.rglob(JOURNAL):
        with suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
            line = file.readline()
            begun = {"time": 1000 * path.stat().st_mtime}  # killed before the first entry
            head = json.loads(line) if line.endswith(b"\n") else begun
            if isinstance(head, dict) and not is_parent({"tags": {}} | head):
                yield path.parent, head


def _by_name(name: str) -> Path | None:
    """Return the newest run of that name."""
    named = [(head.get("time", 0), folder) for folder, head in _heads() if head.get("name") == name]
    return max(named)[1] if named else None


def _by_id(prefix: str) -> Path | None:
    """Return the run whose id begins so; a RunError if there are several."""
    prefix = prefix.lower()
    if len(prefix) < MIN_PREFIX:
        return None
    folders = {
        run_id: folder for folder, _ in _heads() for run_id in run_ids(folder) if run_id.startswith(prefix)
    }
    if len(set(folders.values())) > 1:
        ids = ", ".join(run_id[: len(prefix) + 4] for run_id in sorted(folders))
        raise RunError(f"{plural(len(folders), 'run')} begin with {prefix}: {ids}; give more characters")
    return next(iter(folders.values()), None)
