"""The parent run of a sweep: its journal in the sweep's folder, in which MLflow nests the runs of the jobs.

It trains nothing: it holds what is swept, what all jobs share, and how the sweep goes on and ends.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from filelock import Timeout

from nnexp.config.schema import TrackingSettings
from nnexp.errors import UserError
from nnexp.experiment.metadata import upload_destination
from nnexp.messages import quoted_path
from nnexp.run_folder import (
    JOURNAL,
    KIND_TAG,
    PARENT_SWEEP_TAG,
    SWEEP,
    SWEEP_KIND,
    SWEPT,
    Entry,
    RunFolder,
    end_of,
    head_of,
    history,
)
from nnexp.sweeps.execution.events import Event, JobEnded
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.progress import SweepProgress
from nnexp.tracking.active_runs import active, is_alive
from nnexp.tracking.journal import TOTAL_TIME, Journal, Status, journal_lock
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.provenance import git_state, provenance_tags
from nnexp.tracking.upload.client import ENTRY_POINT, Outcome, Uploader
from nnexp.tracking.upload.fork_server import ForkServer

INTERVAL = 2.0  # seconds between two entries of metrics, at least
OF_RUNS = ("register", "baseline", "system")  # settings of tracking that are not for a parent run


class ParentRun:
    """Writes how a sweep goes on into the journal of its parent run."""

    def __init__(self, plan: SweepPlan, journal: Journal, send: Callable[[], object]) -> None:
        self.plan = plan
        self.journal = journal
        self.send = send  # what the journal holds now, to the store
        self.progress = SweepProgress(plan)
        self.outcome = Outcome()  # of the upload
        self.leaves_uploads = False  # to the background, after Ctrl-C when all jobs had ended
        self.began = self.logged = monotonic()
        self.earlier_seconds = max(
            (v for (_, k), v in journal.metrics.items() if k == TOTAL_TIME), default=0.0
        )

    def event(self, event: Event) -> None:
        """Account for what has happened to a job."""
        self.progress.consume(event)
        if isinstance(event, JobEnded) and monotonic() - self.logged >= INTERVAL:
            self.log_metrics()

    def log_metrics(self) -> None:
        """Write how many jobs have ended, and the best value so far, as the next step."""
        self.logged = monotonic()
        step = 1 + max((step for step, _ in self.journal.metrics), default=0)
        counts = self.progress.counts
        values = {
            "sweep/jobs": float(self.progress.total or len(self.progress.ended)),
            "sweep/finished": float(counts["FINISHED"] + counts["SKIPPED"]),
            "sweep/failed": float(counts["FAILED"]),
            **({"sweep/pruned": float(self.progress.pruned)} if self.progress.pruned else {}),
            TOTAL_TIME: self.earlier_seconds + self.logged - self.began,
        }
        best = {name: self.progress.values(event)[name] for name, event in self.progress.best.items()}
        if len(best) == 1:  # jobs of several tasks have no best one
            values["sweep/best"] = next(iter(best.values()))
        elif self.plan.objectives:
            values |= {f"sweep/best/{name}": value for name, value in best.items()}
        self.journal.log_metrics(step, values)
        self.send()

    def log_artifacts(self, *paths: str) -> None:
        """Add files of the sweep's folder to the parent run: its report."""
        self.journal.log_artifacts(*paths)

    @property
    def status(self) -> Status:
        """FINISHED if all jobs are."""
        counts = self.progress.counts
        finished = counts["FINISHED"] + counts["SKIPPED"]
        return "FINISHED" if finished == (self.progress.total or len(self.progress.ended)) else "FAILED"


@contextmanager
def parent_run(
    plan: SweepPlan,
    tracking: TrackingSettings,
    params: Mapping[str, str],
    home: Path,
    *,
    is_distant: bool = False,
    show: Callable[[str], object] = lambda text: None,
) -> Iterator[ParentRun]:
    """Begin the parent run of a sweep, or go on with it; the end of the block is that of the run.

    Args:
        plan: of the sweep, whose folder holds its sweep.json.
        tracking: where the parent run is uploaded; without tracking it is only a journal.
        params: the settings that all jobs share.
        home: the project's folder.
        is_distant: whether jobs may run where its folder is not seen; they find it in the store.
        show: gets the reason of a longer wait for its upload.

    Raises:
        UserError: another process runs the sweep.
    """
    texts = {key: text for key, text in params.items() if not key.startswith(SWEPT)}
    texts |= {f"{SWEPT}{key}": ", ".join(values) for key, values in plan.swept.items()}
    destination = upload_destination(tracking, home, plan.folder)
    if destination is not None:
        destination |= dict.fromkeys(OF_RUNS)
    if destination is not None and plan.workers > 1:
        ForkServer.start(ENTRY_POINT, tracking_uri(destination["uri"], home))
    uploader = Uploader.start(mlflow=True) if destination is not None else None
    with opened(plan, texts, destination) as journal, active(plan.folder, home):
        journal.log_artifacts(SWEEP)
        send = uploader.send_so_far if uploader is not None and is_distant else lambda folder: None
        parent = ParentRun(plan, journal, lambda: send(plan.folder))
        parent.send()
        status: Status | None = None
        try:
            yield parent
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            parent.log_metrics()
            journal.end(status or parent.status)
            if uploader is not None:
                uploader.submit(plan.folder)
                parent.outcome = Outcome(in_background=True)
                if status is None and not parent.leaves_uploads:
                    with suppress(KeyboardInterrupt):
                        parent.outcome = uploader.wait(plan.folder, show)
            ForkServer.stop()


@contextmanager
def opened(
    plan: SweepPlan, params: Mapping[str, str], destination: Mapping[str, Any] | None
) -> Iterator[Journal]:
    """Open the journal of a parent run with its first entry, or that of one that goes on."""
    folder = plan.folder
    tags = {KIND_TAG: SWEEP_KIND, PARENT_SWEEP_TAG: plan.id} | provenance_tags(git_state())
    try:
        with journal_lock(folder):
            entries = RunFolder(folder).entries() if (folder / JOURNAL).exists() else []
            if not entries:
                journal = Journal(folder)
                journal.log_run(plan.name, params, tags, destination)
            else:
                check_not_running(folder, entries)
                journal = Journal.reopen(folder)
                before = head_of(entries)["params"]
                changed = {key: text for key, text in params.items() if before.get(key) != text}
                step = max((step for step, _ in history(entries)), default=0)
                journal.log_resume(plan.name, step, changed, tags, destination)
    except Timeout as error:
        raise UserError(f"{folder}: another process goes on with the sweep at this moment") from error
    with journal:
        yield journal


def check_not_running(folder: Path, entries: list[Entry]) -> None:
    """Raise a UserError if a process runs the sweep at this moment."""
    writer = head_of(entries)["writer"]
    if end_of(entries) is None and is_alive(writer, folder):
        problem = f"{quoted_path(folder)}: the sweep is run by process {writer['pid']} on {writer['host']}"
        raise UserError(f"{problem}; fix: wait for it, or end that process")
