"""The task function of a sweep: runs a job, goes on with an interrupted one, or returns what is stored."""

import logging
import re
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from nnexp.config import Settings, build
from nnexp.config.naming import config_hash
from nnexp.config.overrides.loader import record_choices
from nnexp.errors import UserError
from nnexp.experiment.result import Result
from nnexp.experiment.run import run
from nnexp.experiment.sessions.resumption import prepare
from nnexp.messages import hydra_override, quoted_path
from nnexp.metrics.objectives import Value
from nnexp.redaction import redact_logs_and_tracebacks, redacted
from nnexp.run_folder import ERROR, LOG, Entry, pruned_in
from nnexp.sweeps.execution.datasets import SweepDatasets
from nnexp.sweeps.execution.event_display import Describe, EventDisplay
from nnexp.sweeps.execution.events import JobEnded, JobStarted, Send
from nnexp.sweeps.execution.uploads import Upload, Uploads
from nnexp.sweeps.plan.record import name_of_job
from nnexp.sweeps.records import job_entries, job_status, stored_results
from nnexp.tracking.upload.client import Uploader

OWN_FOLDER = "fix: give each its own with 'hydra.sweep.subdir=${hydra:job.num}'"
log = logging.getLogger("nnexp")


def ignore(event: object) -> None:
    """Send an event nowhere."""


class Trial(Protocol):
    """What a job of a search that prunes asks after each epoch."""

    def should_prune(self, epoch: int, metrics: Mapping[str, float], /) -> bool:
        """Return whether the job ends after so many epochs, with these metrics."""


@dataclass(frozen=True)
class SweepTask:
    """What Hydra calls for each job, maybe on another machine; returns the value that the sweep optimizes."""

    describe: Describe  # the header of a run, for its log
    explain: Callable[[BaseException], str]  # an error in words
    send: Send = ignore
    attempt: int = 1
    trial: Trial | None = None  # says whether the job is pruned
    name: str = ""  # of the job, where no plan names it
    uploads: Uploads | None = None  # waits for them at the end of the sweep; None: each job waits for its own
    given: Collection[str] = ()  # overrides of the sweep's command: what a job has beyond them names it
    datasets: SweepDatasets = field(default_factory=SweepDatasets)

    def __call__(self, config: DictConfig) -> Value | None:
        context = HydraConfig.get()
        redact_logs_and_tracebacks()  # also in a worker
        record_choices(config, context.runtime.choices)
        folder = Path(context.runtime.output_dir)
        sweep = Path(context.sweep.dir)
        sweep_id = f"{sweep.parent.name}/{sweep.name}"
        number = int(context.job.num)
        entries = job_entries(folder)
        home = Path(context.runtime.cwd)
        if job_status(entries) == "FINISHED" and is_of_job(entries, config, home):
            value, metrics = stored_results(entries, config)
            pruned = pruned_in(entries)
            self.send(JobEnded(number, "SKIPPED", value, metrics, folder=folder, pruned=pruned))
            return value
        display = EventDisplay(number, self.send, self.describe)
        varied = [text for text in context.overrides.task if text not in self.given]
        name = name_of_job(home / sweep, number) or self.name or " ".join(map(short_numbers, varied))
        self.send(JobStarted(number, folder, self.attempt, epochs=epochs_of(config), name=name))
        began = perf_counter()
        try:
            if entries and not is_of_job(entries, config, home):
                raise UserError(f"{quoted_path(folder)}: another job has this folder; {OWN_FOLDER}")
            if entries:
                result = self.go_on(config, folder, display, home)
            else:
                result = self.begin(config, folder, display, home, sweep_id, name)
        except BaseException as error:
            self.send(self.failure(number, folder, error, display.result, perf_counter() - began))
            if isinstance(error, Exception | KeyboardInterrupt):
                raise
            raise RuntimeError(
                self.explain(error)
            ) from error  # sys.exit() in a plug-in is not the sweep's end
        seconds = perf_counter() - began
        self.send(ended(number, result, seconds, folder))
        return result.value

    def begin(
        self, config: DictConfig, folder: Path, display: EventDisplay, home: Path, sweep_id: str, name: str
    ) -> Result:
        """Run a job from its start."""
        with chdir(home):
            settings = build(config).named(name)
        return self.run(settings, folder, display, home, sweep_id=sweep_id, job_number=display.number)

    def go_on(self, config: DictConfig, folder: Path, display: EventDisplay, home: Path) -> Result:
        """Go on with a job from its last checkpoint, with the plug-ins of the command."""
        with chdir(home):
            resumption = prepare(folder, [hydra_override("plugins", list(config.plugins))])
        for label, text in resumption.notes:
            if label != "changed":  # its plug-ins, which a record never lists
                display.message(label, text)
        return self.run(resumption.settings, folder, display, resumption.home, resumption=resumption)

    def run(
        self, settings: Settings, folder: Path, display: EventDisplay, home: Path, **options: Any
    ) -> Result:
        """Run a job with a data set that jobs before it may have loaded; do not wait for its upload here."""
        uploader = Uploader.start(mlflow=settings.tracking.enabled)  # imports mlflow while data are read
        with chdir(home):
            dataset = self.datasets.load(settings.data)
        wait = self.uploads is None
        try:
            return run(
                settings,
                folder,
                display,
                home,
                dataset=dataset,
                wait_for_upload=wait,
                should_prune=self.trial.should_prune if self.trial is not None else None,
                **options,
            )
        finally:
            if self.uploads is not None and job_entries(folder):
                self.uploads.follow(Upload(display.number, folder.resolve(), home, uploader))

    def failure(
        self, number: int, folder: Path, error: BaseException, result: Result | None, seconds: float
    ) -> JobEnded:
        """Describe the end of a job by an error or a signal; a run may have finished before the signal."""
        metrics: Mapping[str, float] = result.metrics if result is not None else {}
        if result is not None and result.status == "FINISHED":
            return ended(number, result, seconds, folder)
        note = f"resume with: nnexp resume {quoted_path(folder)}" if job_entries(folder) else ""
        if isinstance(error, KeyboardInterrupt):
            return JobEnded(number, "KILLED", None, metrics, seconds, folder, note=note)
        reason = redacted(self.explain(error))
        path = folder / ERROR
        if not path.is_file():  # it failed before the journal began
            log.error("%s", redacted("".join(traceback.format_exception(error))))
            path = folder / LOG
        return JobEnded(number, "FAILED", None, metrics, seconds, folder, error=reason, log=path, note=note)


def short_numbers(text: str) -> str:
    """Shorten the numbers that a search has drawn to four digits: "lr=0.0022881136" is "lr=0.002288"."""
    return re.sub(r"\d+\.\d{5,}(e-?\d+)?", lambda match: f"{float(match[0]):.4g}", text)


def ended(number: int, result: Result, seconds: float, folder: Path) -> JobEnded:
    """Describe the end of a job that is finished, or was pruned."""
    pruned = result.pruned
    return JobEnded(number, "FINISHED", result.value, result.metrics, seconds, folder, pruned=pruned)


def is_of_job(entries: Sequence[Entry], config: DictConfig, home: Path) -> bool:
    """Return whether a journal is that of a job with this configuration."""
    with chdir(home):
        return bool(
            entries[0].get("tags", {}).get("nnexp.config_hash") in (None, config_hash(build(config).values))
        )


def epochs_of(config: DictConfig) -> int:
    """Return the maximum number of epochs; 0 where the configuration is invalid."""
    epochs = config.get("trainer", {}).get("epochs")
    return epochs if isinstance(epochs, int) else 0
