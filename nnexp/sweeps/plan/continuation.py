"""How a sweep goes on: the recorded sweep that a command continues, and the state of its jobs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from nnexp.config.build import construct
from nnexp.config.overrides.checked_override import key_of
from nnexp.config.overrides.jobs import ComposedJob
from nnexp.config.schema import SweepSettings
from nnexp.data.errors import DataError
from nnexp.errors import UserError
from nnexp.messages import quoted_path
from nnexp.metrics.objectives import Value
from nnexp.run_folder import JOURNAL, RunFolder, end_of
from nnexp.runs.sweeps import find_sweep_folder, sweep_folders
from nnexp.sweeps.plan.record import RecordedJob, SweepRecord, read_record
from nnexp.sweeps.plan.sweep_plan import JobState
from nnexp.sweeps.records import job_entries, job_status, stored_results
from nnexp.tracking.active_runs import is_running
from nnexp.tracking.journal import DIED

STATES: dict[str, JobState] = {"": "new", "FINISHED": "finished", "FAILED": "failed"}  # else interrupted
OF_THE_SPLIT = ("balanced", "fold", "folds", "limit", "stratify")  # keys that leave the data set as it is
ENDING = 15.0  # seconds that the workers of a sweep that was killed have to end
INTERVAL = 0.1  # seconds between two looks at them
MAX_SEARCHED = 1_000  # sweeps, the newest first


class SweepError(UserError):
    """A sweep cannot go on."""


@dataclass(frozen=True)
class NewJob:
    """A job of the command that is typed."""

    composed: ComposedJob
    config_hash: str
    code_sha256: str

    @property
    def version(self) -> tuple[str, str]:
        """What decides the result, but for the content of the data."""
        return self.config_hash, self.code_sha256


def find_continued(
    settings: SweepSettings,
    folder: Path,
    jobs: Sequence[NewJob],
    swept: Iterable[str],
    tracking: dict[str, Any],
    *,
    is_given: bool = False,
    search: str = "",
) -> tuple[Path, SweepRecord] | None:
    """Return the folder and the record of the sweep that goes on; None: a new one begins.

    Args:
        settings: of the sweep.
        folder: that of the sweep, if it is new.
        jobs: of the command.
        swept: the keys that it sweeps over.
        tracking: where its runs are recorded.
        search: the digest of a search; empty: a grid.
        is_given: whether the folder is that of the command, so that the sweep goes on in no other.

    Raises:
        SweepError: the sweep in `sweep.resume` cannot go on. RunError: several begin so.
    """
    if not settings.skip_finished:
        return None
    if settings.resume is not None:
        return recorded_sweep(settings.resume)
    if (record := read_record(folder)) is not None:
        return folder, record
    if is_given:
        return None
    keys = set(swept)
    for earlier in sweep_folders()[: -MAX_SEARCHED - 1 : -1]:
        record = read_record(earlier)
        if record is None or record.tracking != tracking:
            continue
        if record.search == search if search else is_continued(record, jobs, keys):
            return earlier, record
    return None


def recorded_sweep(text: str) -> tuple[Path, SweepRecord]:
    """Return the folder and the record of the sweep that a folder, an id, a name or `last` means."""
    folder = find_sweep_folder(text)
    if folder is None:
        expected = "expected a folder, an id, a name or last, of a sweep below outputs/sweeps"
        raise SweepError(f"sweep.resume={text}: no such sweep on this machine; {expected}")
    record = read_record(folder)
    if record is None:
        problem = f"{folder} has no sweep.json that can be read"
        raise SweepError(f"sweep.resume={text}: {problem}; fix: give the command of the sweep again")
    return folder, record


def recorded_command(overrides: Sequence[str]) -> SweepRecord | None:
    """Return the record of the sweep that an override `sweep.resume=SWEEP` means; None: there is no such."""
    texts = [text.partition("=")[2].strip("\"' ") for text in overrides if key_of(text) == "sweep.resume"]
    return recorded_sweep(texts[-1])[1] if texts and texts[-1] not in ("", "null") else None


def is_continued(record: SweepRecord, jobs: Sequence[NewJob], keys: set[str]) -> bool:
    """Return whether jobs go on with a recorded sweep: they hold all of its jobs, or share keys and a job."""
    recorded = {job.version for job in record.jobs}
    now = {job.version for job in jobs}
    return bool(recorded & now) and (recorded <= now or record.swept.keys() == keys)


class RecordedJobs:
    """The jobs of a record, each to be matched with at most one job of the command."""

    def __init__(self, folder: Path, jobs: Sequence[RecordedJob]) -> None:
        self.folder = folder
        self.left: dict[tuple[str, str], list[RecordedJob]] = {}
        for job in jobs:
            self.left.setdefault(job.version, []).append(job)
        self.digests: dict[str, str] = {}  # of data sets

    def match(self, job: NewJob) -> RecordedJob | None:
        """Take the recorded job with the configuration, code and data of a job, if there is one."""
        same = self.left.get(job.version, [])
        for one in sorted(same, key=lambda one: one.swept != job.composed.swept):
            if self.has_same_data(one, job):
                same.remove(one)
                return one
        return None

    def begun(self) -> list[RecordedJob]:
        """Return the jobs that match no job of the command, but have begun."""
        left = [one for same in self.left.values() for one in same]
        return [one for one in left if (self.folder / str(one.number)).is_dir()]

    def has_same_data(self, recorded: RecordedJob, job: NewJob) -> bool:
        """Return whether a job that has begun was trained with the data as they are now."""
        known = RunFolder(self.folder / str(recorded.number)).dataset.get("sha256")
        if known is None:
            return True
        section = job.composed.values["data"]
        key = json.dumps({name: value for name, value in section.items() if name not in OF_THE_SPLIT})
        if key not in self.digests:
            self.digests[key] = digest_of(section)
        return self.digests[key] in ("", known)


def digest_of(section: dict[str, Any]) -> str:
    """Return the SHA-256 of a data set; empty where it cannot be read: then no other data took its place."""
    source, problem = construct("data", section)
    assert problem is None
    try:
        return str(source.load().sha256)
    except (DataError, OSError):
        return ""


def state_of(folder: Path, values: dict[str, Any]) -> tuple[JobState, Value | None]:
    """Return the state of a job by its journal, and the value of the optimized metric of a finished one.

    Raises:
        SweepError: a process trains it at this moment.
    """
    entries = job_entries(folder)
    if job_status(entries) == "RUNNING":
        check_not_running(folder, folder.parent, ENDING)
        entries = job_entries(folder)
    has_died = DIED in (end_of(entries) or {})
    state = "interrupted" if has_died else STATES.get(job_status(entries), "interrupted")
    return state, stored_results(entries, values)[0] if state == "finished" else None


def check_not_running(folder: Path, sweep: Path, patience: float = 0.0) -> None:
    """Raise a SweepError if a process writes the journal in a folder, also after so many seconds.

    The workers of a sweep that was killed end their jobs in order, which takes a moment.
    """
    waited = 0.0
    while (folder / JOURNAL).is_file() and is_running(folder):
        if waited >= patience:
            problem = f"the sweep in {quoted_path(sweep)} is going on in another process"
            fix = "fix: wait for its end, or begin a new one with sweep.skip_finished=false"
            raise SweepError(f"{problem}; {fix}")
        sleep(INTERVAL)
        waited += INTERVAL
