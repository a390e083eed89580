"""The task function of a sweep: runs a job, goes on with it where it was interrupted, or returns what is stored."""

from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from nnexp.config import build
from nnexp.config.overrides.composition import record_choices
from nnexp.errors import Interrupted
from nnexp.experiment.result import Result
from nnexp.experiment.run import run
from nnexp.experiment.sessions.resumption import prepare
from nnexp.messages import quoted_path
from nnexp.redaction import redact_logs_and_tracebacks, redacted
from nnexp.run_folder import ERROR
from nnexp.sweeps.execution.datasets import SweepDatasets
from nnexp.sweeps.execution.event_display import Describe, EventDisplay
from nnexp.sweeps.execution.events import JobEnded, JobStarted, Send
from nnexp.sweeps.execution.records import job_entries, job_status, stored_results
from nnexp.sweeps.execution.uploads import Uploads
from nnexp.tracking.upload.client import Uploader

LOG = "nnexp.log"


def ignore(event: object) -> None:
    """Send an event nowhere."""


@dataclass(frozen=True)
class SweepTask:
    """What Hydra calls for each job of a sweep, maybe on another machine; returns what the sweep optimizes."""

    describe: Describe  # the header of a run, for its log
    explain: Callable[[BaseException], str]  # an error in words
    send: Send = ignore
    attempt: int = 1
    uploads: Uploads | None = None  # waits for them at the end of the sweep; None: each job waits for its own
    datasets: SweepDatasets = field(default_factory=SweepDatasets)

    def __call__(self, config: DictConfig) -> float | None:
        context = HydraConfig.get()
        redact_logs_and_tracebacks()  # also in a worker
        record_choices(config, context.runtime.choices)
        folder = Path(context.runtime.output_dir)
        sweep = Path(context.sweep.dir)
        sweep_id = f"{sweep.parent.name}/{sweep.name}"
        number = int(context.job.num)
        entries = job_entries(folder)
        if job_status(entries) == "FINISHED":
            value, metrics = stored_results(entries, config)
            self.send(JobEnded(number, "SKIPPED", value, metrics, folder=folder))
            return value
        display = EventDisplay(number, self.send, self.describe)
        self.send(JobStarted(number, folder, self.attempt, epochs=epochs_of(config)))
        began = perf_counter()
        try:
            if entries:
                result = self.go_on(folder, display)
            else:
                result = self.begin(config, folder, display, Path(context.runtime.cwd), sweep_id)
        except BaseException as error:
            self.send(self.failure(number, folder, error, display.result, perf_counter() - began))
            raise
        seconds = perf_counter() - began
        self.send(JobEnded(number, "FINISHED", result.value, result.metrics, seconds, folder))
        return result.value

    def begin(
        self, config: DictConfig, folder: Path, display: EventDisplay, home: Path, sweep_id: str
    ) -> Result:
        """Run a job from its start."""
        with chdir(home):
            settings = build(config)
            Uploader.start(mlflow=settings.tracking.enabled)  # imports mlflow while the data are read
            dataset = self.datasets.load(settings.data)
        wait = self.uploads is None
        try:
            return run(settings, folder, display, home, sweep_id, dataset=dataset, wait_for_upload=wait)
        finally:
            self.follow_upload(display.number, folder, home)

    def go_on(self, folder: Path, display: EventDisplay) -> Result:
        """Go on with a job from its last checkpoint."""
        resumption = prepare(folder)
        home = resumption.home
        for label, text in resumption.notes:
            display.message(label, text)
        with chdir(home):
            dataset = self.datasets.load(resumption.settings.data)
        try:
            return run(
                resumption.settings,
                folder,
                display,
                home,
                dataset=dataset,
                resumption=resumption,
                wait_for_upload=self.uploads is None,
            )
        finally:
            self.follow_upload(display.number, folder, home)

    def follow_upload(self, number: int, folder: Path, home: Path) -> None:
        """Let the upload of a job that has ended be waited for at the end of the sweep."""
        if self.uploads is not None and job_entries(folder):
            self.uploads.follow(number, folder, home)

    def failure(
        self, number: int, folder: Path, error: BaseException, result: Result | None, seconds: float
    ) -> JobEnded:
        """Describe the end of a job by an error or a signal; a run may have finished before the signal."""
        metrics: Mapping[str, float] = result.metrics if result is not None else {}
        if result is not None and result.status == "FINISHED":
            return JobEnded(number, "FINISHED", result.value, metrics, seconds, folder)
        note = f"resume with: nnexp resume {quoted_path(folder)}" if job_entries(folder) else ""
        if isinstance(error, Interrupted):
            return JobEnded(number, "KILLED", None, metrics, seconds, folder, note=note)
        reason = redacted(self.explain(error))
        logs = [path for path in (folder / ERROR, folder / LOG) if path.is_file()]
        log = logs[0] if logs else None
        return JobEnded(number, "FAILED", None, metrics, seconds, folder, error=reason, log=log, note=note)


def epochs_of(config: DictConfig) -> int:
    """Return the maximum number of epochs; 0 where the configuration is invalid."""
    epochs = config.get("trainer", {}).get("epochs")
    return epochs if isinstance(epochs, int) else 0
