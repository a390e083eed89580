"""Sweeps read back, from a folder or an MLflow store: parent run, runs of the jobs, what was planned."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nnexp.messages import listed, plural
from nnexp.run_folder import (
    JOURNAL,
    KIND_TAG,
    PARENT_SWEEP_TAG,
    SWEEP,
    SWEEP_ID_TAG,
    SWEEP_KIND,
    RunFolder,
    is_ensemble,
)
from nnexp.runs.backends import NoRunsError, RunError
from nnexp.runs.query import MIN_PREFIX, Runs
from nnexp.runs.run import Run, in_folder
from nnexp.tracking.active_runs import is_running
from nnexp.tracking.mlflow.upload_state import run_ids

SWEEPS = Path("outputs", "sweeps")


@dataclass(frozen=True)
class Sweep:
    """A sweep: what was planned (`record`, sweep.json), and the runs of the jobs that have begun."""

    id: str  # <date>/<time>-<id>, the tag nnexp.sweep_id of its runs; empty for runs that a filter selects
    name: str
    folder: Path | None  # None: it is not on this machine
    parent: Run | None  # None: the sweep is older than parent runs, or untracked
    runs: list[Run]  # of its jobs, by number
    record: dict[str, Any] = field(default_factory=dict)  # sweep.json; empty where there is none


def find_sweep(text: str, runs: Runs) -> Sweep:
    """Return one sweep.

    Args:
        text: its folder; its id or the beginning of it, with or without the date; its name, or the MLflow id
            of its parent run; `last`: the newest.
        runs: the store that is asked for a sweep that no folder below outputs/sweeps is of.

    Raises:
        RunError: there is none, or several begin so. StoreError: there is no such store.
    """
    folder = find_sweep_folder(text)
    if folder is not None:
        return read_sweep(folder)
    known = [sweep_id_of(folder) for folder in sweep_folders()]
    try:
        return _stored_sweep(text, runs, known)
    except NoRunsError:
        if not known:
            raise
        raise _unknown_sweep(text, known) from None


def find_sweep_folder(text: str) -> Path | None:
    """Return the folder of one sweep on this machine; a RunError if several begin so."""
    if (folder := sweep_folder_of(text)) is not None:
        return folder
    folders = sweep_folders()
    return max(folders, key=last_start) if text == "last" and folders else _named(text, folders)


def find_target(text: str, runs: Runs) -> Run | Sweep:
    """Return the run or sweep that a text names; a run where it may be both."""
    if sweep_folder_of(text) is not None:
        return find_sweep(text, runs)
    try:
        run = runs.find(text)
        return find_sweep(run.tags[PARENT_SWEEP_TAG], runs) if PARENT_SWEEP_TAG in run.tags else run
    except RunError as no_run:
        try:
            return find_sweep(text, runs)
        except RunError:
            message = str(no_run).replace("no such run", "no such run or sweep", 1)
            raise RunError(message) from None


def sweep_of_filter(condition: str, runs: Runs) -> Sweep:
    """Return the runs that an MLflow filter selects, the oldest first, as a sweep without a folder.

    Ensembles are left out: they have no settings of training.
    """
    selected = [run for run in runs.select(condition) if not is_ensemble(run.description)]
    if not selected:
        raise RunError(f"no run matches {condition}; list the runs with: nnexp runs")
    return Sweep("", condition, None, None, selected[::-1])


def read_sweep(folder: Path) -> Sweep:
    """Read the sweep in a folder: its runs are those of the jobs that have begun."""
    folder = folder.resolve()
    record = RunFolder(folder).json(SWEEP)
    parent = None
    with suppress(RunError):
        if (folder / JOURNAL).is_file():
            parent = in_folder(folder)
    sweep_id = str(record.get("id") or sweep_id_of(folder))
    name = parent.name if parent is not None else str(record.get("name") or sweep_id)
    return Sweep(sweep_id, name, folder, parent, list(_readable_runs(job_folders(folder))), record)


def sweep_id_of(folder: Path) -> str:
    """Return the id of the sweep in a folder: its last two names."""
    return f"{folder.parent.name}/{folder.name}"


def job_folders(folder: Path) -> list[Path]:
    """Return the folders of a sweep's jobs that have begun, by number."""
    folders = [path.parent for path in folder.glob(f"*/{JOURNAL}")]
    return sorted(folders, key=lambda path: (len(path.name), path.name))


def sweep_folders() -> list[Path]:
    """Return the folders of the sweeps below outputs/sweeps, by the time they were made."""
    return sorted(path for path in SWEEPS.glob("*/*") if is_sweep_folder(path))


def is_sweep_folder(path: Path) -> bool:
    """Return whether a folder is that of a sweep, also of one that is older than sweep.json."""
    return (path / SWEEP).is_file() or any(_is_job(journal.parent) for journal in path.glob(f"*/{JOURNAL}"))


def _is_job(folder: Path) -> bool:
    """Return whether a run is of a sweep's job; a folder of a day holds sweeps, or single runs."""
    with suppress(OSError, ValueError, IndexError, KeyError):
        return SWEEP_ID_TAG in RunFolder(folder).entries()[0]["tags"]
    return False


def sweep_folder_of(text: str) -> Path | None:
    """Return the sweep's folder that a text is the path of, or of its sweep.json or journal."""
    with suppress(OSError, RuntimeError):  # not a path
        path = Path(os.path.expanduser(text))
        folder = path.parent if path.name in (SWEEP, JOURNAL) else path
        if folder.is_dir() and is_sweep_folder(folder):
            return folder
    return None


def last_start(folder: Path) -> tuple[float, str]:
    """Return when a sweep was started, or went on for the last time: the key that orders sweeps by age."""
    with suppress(OSError, ValueError):
        starts = [e["time"] for e in RunFolder(folder).entries() if e["kind"] in ("run", "resume")]
        return max(starts, default=0) / 1000, folder.as_posix()
    with suppress(OSError):
        return folder.stat().st_mtime, folder.as_posix()
    return 0.0, folder.as_posix()


def _readable_runs(folders: Iterable[Path]) -> Iterator[Run]:
    for folder in folders:
        with suppress(RunError):  # killed before the first line of its journal
            run = in_folder(folder)
            yield replace(run, status="RUNNING") if run.status == "UNFINISHED" and is_running(folder) else run


def _named(text: str, folders: list[Path]) -> Path | None:
    """Return the folder whose sweep's id begins with a text, or whose name or MLflow id it is."""
    matching = [folder for folder in folders if _id_matches(text, sweep_id_of(folder))]
    check_only([sweep_id_of(folder) for folder in matching], f"begin with {text}")
    if matching:
        return matching[0]
    for folder in reversed(folders):
        if RunFolder(folder).json(SWEEP).get("name") == text:
            return folder
        if len(text) >= MIN_PREFIX and any(each.startswith(text.lower()) for each in run_ids(folder)):
            return folder
    return None


def check_only(ids: Sequence[str], what: str) -> None:
    """Raise a RunError for several sweeps, of which `what` is true."""
    if len(ids) > 1:
        raise RunError(f"{plural(len(ids), 'sweep')} {what}: {listed(ids)}; give more characters of its id")


def _id_matches(text: str, sweep_id: str) -> bool:
    """Return whether an id, its time, or the random digits at its end begin with a text."""
    time = sweep_id.partition("/")[2]
    beginnings = (sweep_id, time, time.rpartition("-")[2])
    return len(text) >= MIN_PREFIX and any(each.startswith(text) for each in beginnings)


def _stored_sweep(text: str, runs: Runs, known: list[str]) -> Sweep:
    """Return a sweep whose folder is not here, from the store; known: the ids of those that are here."""
    parents = runs.select(f"tags.`{KIND_TAG}` = '{SWEEP_KIND}'", kind="sweeps")
    ids = {run.tags.get(PARENT_SWEEP_TAG, ""): run for run in reversed(parents)}
    check_only([sweep_id for sweep_id in ids if _id_matches(text, sweep_id)], f"begin with {text}")
    for parent in parents:
        sweep_id = parent.tags.get(PARENT_SWEEP_TAG, "")
        is_named = text in ("last", parent.name) or _id_matches(text, sweep_id)
        if is_named or (len(text) >= MIN_PREFIX and parent.id.startswith(text.lower())):
            return _with_children(sweep_id, runs, parent)
    if "'" not in text and "/" in text:  # the id of a sweep that is older than parent runs
        sweep = _with_children(text, runs)
        if sweep.runs:
            return sweep
    raise _unknown_sweep(text, [*known, *ids])


def _unknown_sweep(text: str, known: list[str]) -> RunError:
    near = get_close_matches(text, known, 1)
    advice = f"did you mean {near[0]}? " if near else ""
    expected = "expected a folder, an id, a name or last"
    return RunError(f"no such sweep: {text}; {advice}{expected}; the sweeps are below {SWEEPS}")


def _with_children(sweep_id: str, runs: Runs, parent: Run | None = None) -> Sweep:
    """Read the runs of a sweep from the store, the oldest first."""
    children = runs.select(f"tags.`{SWEEP_ID_TAG}` = '{sweep_id}'")[::-1]
    record = parent.json(SWEEP) if parent is not None else {}
    name = parent.name if parent is not None else sweep_id
    return Sweep(sweep_id, name, None, parent, children, record)
