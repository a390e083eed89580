"""sweep.json, the record of a sweep: its command, what it sweeps over, and its jobs; not how these went."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nnexp.atomic_write import MODE, write_atomically
from nnexp.run_folder import SWEEP, RunFolder
from nnexp.runs.sweeps import SWEEPS
from nnexp.valid_records import are, has_kinds

JOB = {"number": int, "name": str, "overrides": list, "swept": dict, "config_hash": str, "code_sha256": str}
LOCK_TIMEOUT = 30.0  # seconds
RECORD = {"id": str, "overrides": list, "config_name": str, "swept": dict, "jobs": list}


@dataclass(frozen=True)
class RecordedJob:
    """A job that a sweep has planned."""

    number: int
    name: str
    overrides: list[str]
    swept: dict[str, str]
    config_hash: str
    code_sha256: str

    @property
    def version(self) -> tuple[str, str]:
        """What decides the result, but for the content of the data."""
        return self.config_hash, self.code_sha256


@dataclass(frozen=True)
class SweepRecord:
    """What a sweep.json holds."""

    id: str
    name: str
    command: str
    overrides: list[str]  # as they were typed
    config_dir: str | None
    config_name: str
    swept: dict[str, list[str]]
    metric: str | None
    tracking: dict[str, Any]  # where its runs are recorded
    jobs: list[RecordedJob] = field(default_factory=list)
    objectives: list[str] = field(default_factory=list)  # the metric, and the others that are optimized
    search: str = ""  # of a search: a digest of space, sampler and fixed settings, which stay the same
    question: str = ""  # that it is to answer, in the title of its profile


@contextmanager
def planning_lock(timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Let no other process plan a sweep of this project: a command given twice at once is one sweep."""
    lock = FileLock(SWEEPS / ".lock", timeout=timeout, mode=MODE)
    with suppress(Timeout, OSError):  # a file system without locks
        SWEEPS.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def read_record(folder: Path) -> SweepRecord | None:
    """Read the record of the sweep in a folder; None: there is no valid one."""
    values = RunFolder(folder).json(SWEEP)
    if not has_kinds(values, RECORD) or not are(values["overrides"], str):
        return None
    jobs = [job for job in values["jobs"] if has_kinds(job, JOB) and are(job["swept"].values(), str)]
    return SweepRecord(
        values["id"],
        str(values.get("name", "")),
        str(values.get("command", "")),
        values["overrides"],
        values.get("config_dir"),
        values["config_name"],
        values["swept"],
        values.get("metric"),
        tracking=values.get("tracking") or {},
        objectives=[*map(str, values.get("objectives") or [])],
        search=str(values.get("search") or ""),
        question=str(values.get("question") or ""),
        jobs=[RecordedJob(**{key: job[key] for key in JOB}) for job in jobs],
    )


def write_record(folder: Path, record: SweepRecord) -> None:
    """Write the record into the folder of the sweep, which is made."""
    write_atomically(folder / SWEEP, json.dumps(asdict(record), indent=1))


def name_of_job(folder: Path, number: int) -> str:
    """Return the name that the record of a sweep's folder gives to a job; empty where it is not planned."""
    try:
        state = (folder / SWEEP).stat()
    except OSError:
        return ""
    return _names(folder, state.st_mtime_ns).get(number, "")


@lru_cache(maxsize=2)
def _names(folder: Path, mtime: int) -> Mapping[int, str]:
    """Read the names of the jobs of a sweep, once for all jobs of a process."""
    record = read_record(folder)
    return {job.number: job.name for job in record.jobs} if record is not None else {}
