"""Progress displays of one run: header, epochs and summary; or a line when it is over."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nnexp.cli.arguments import store_option
from nnexp.cli.console import RunConsole, can_redraw
from nnexp.cli.run_header import run_header
from nnexp.config import Settings
from nnexp.config.schema import TrackingSettings
from nnexp.experiment.components import Components
from nnexp.experiment.display import Display
from nnexp.experiment.result import Result
from nnexp.messages import duration, first_line, quoted_path, short_path
from nnexp.metrics.metric_info import format_metric
from nnexp.task import Task
from nnexp.tasks import task_of, task_of_metrics
from nnexp.tracking.upload.client import Outcome
from nnexp.training.best_weights import BestWeights
from nnexp.training.record import Record
from nnexp.training.trainer import Trainer

log = logging.getLogger("nnexp")  # in a run's folder, this keeps what the terminal showed
MAX_PROGRESS_LINES = 25  # above a progress bar
REFRESHES_PER_SECOND = 4
STATUS_MARKUP = {"KILLED": "[yellow]stopped[/]", "FAILED": "[red]failed[/]"}


class TerminalDisplay(Display):
    """Display of one run: with a progress bar on a terminal, in plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or RunConsole()

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        self.task: Task = task_of(components.dataset.task)
        self.lines(run_header(settings, components, threads))

    def lines(self, lines: Iterable[tuple[str, str]]) -> None:
        for label, text in lines:
            self.labelled(label, escape(text))

    def message(self, label: str, text: str) -> None:
        self.labelled(label, escape(text))

    @contextmanager
    def training(self, trainer: Trainer) -> Iterator[None]:
        self.unit = trainer.unit
        self.planned = trainer.steps_planned if trainer.evaluate_every else trainer.n_epochs
        self.lines_every = 1
        if not can_redraw(self.console):
            yield
            return
        period = trainer.evaluate_every or 1
        self.lines_every = max(1, -(-(self.planned // period) // MAX_PROGRESS_LINES)) * period
        with _ProgressBar(trainer, self.console):
            yield

    def epoch(self, record: Record, best: BestWeights) -> None:
        score = self.task.describe_score
        is_best = "[green]*[/]" if best.record is record and record.val_loss is not None else " "
        validation = ""
        if record.val_loss is not None and record.val_score is not None:
            validation = f"validation {record.val_loss:.4f} {score(record.val_score, width=7)}   "
        if (monitored := record.val_metrics.get(best.monitor)) is not None:
            validation += f"{best.monitor} {format_metric(best.monitor, monitored)}   "
        text = (
            f"{self.unit} {record.at:>{len(str(self.planned))}}/{self.planned}{is_best} "
            f"training {record.train_loss:.4f} {score(record.train_score, width=7)}   "
            f"{validation}lr {record.lr:.2g}   {record.examples_per_second:,.0f} examples/s"
        )
        self.print(text, to_terminal=record.at % self.lines_every == 0 or record.at in (1, self.planned))

    def uploading(self) -> None:
        if can_redraw(self.console):
            self.console.print("[dim]drawing plots, uploading the run ...[/]", end="\r")

    def waiting(self, reason: str) -> None:
        self.labelled("mlflow", f"[yellow]waiting:[/] {escape(reason)}")
        self.labelled("", "training is over; after Ctrl-C the upload goes on in the background")

    def conclusion(self, settings: Settings, result: Result, outcome: Outcome) -> None:
        epochs = f"{result.epochs} of {settings.trainer.epochs} epochs"
        if status := STATUS_MARKUP.get(result.status):
            self.print(f"{status} after {epochs}; partial results were saved")
        elif result.pruned:
            self.print(f"pruned after {epochs}")
        elif result.stopped:
            self.print(f"stopped early after {epochs}: {result.stopped}")
        if result.metrics:
            self.labelled("best", describe_results(result.metrics))
        self.upload(result.folder, settings.run_name, settings.tracking, outcome)
        if result.status == "KILLED":
            self.print(f"resume with: nnexp resume {escape(quoted_path(result.folder))}")

    def upload(self, folder: Path, name: str, tracking: TrackingSettings, outcome: Outcome) -> None:
        """Show where the record of a run is: its folder, and what became of its upload."""
        self.labelled("folder", escape(str(short_path(folder))))
        error = escape(first_line(outcome.error))
        if outcome.in_background and tracking.enabled:
            self.labelled("mlflow", "the upload goes on in the background; should it fail, run: nnexp sync")
        elif outcome.in_background:
            self.labelled("plots", "they are drawn in the background")
        elif error and not tracking.enabled:
            self.labelled("plots", f"[yellow]not drawn:[/] {error}")
        elif error:
            self.labelled("mlflow", f"[yellow]not uploaded to MLflow:[/] {error}")
            self.labelled("", "the folder holds the whole record; upload it later, run: nnexp sync")
        elif tracking.enabled:
            run = f"run {escape(name)}, id {outcome.run_id}"
            view = f"nnexp ui {outcome.run_id[:8]}{store_option(tracking.uri)}"
            self.labelled("mlflow", f"{run}; view it with: {escape(view)}")
        if outcome.note:
            self.labelled("", f"[yellow]{escape(first_line(outcome.note))}[/]")

    def labelled(self, label: str, markup: str) -> None:
        """Print a line with its label in a column of its own."""
        self.print(f"[bold]{label:10}[/]{markup}")

    def print(self, markup: str, to_terminal: bool = True) -> None:
        """Print a line and log it in the run's folder."""
        if to_terminal:
            self.console.print(markup)
        log.info(self.console.render_str(markup).plain)


class LineDisplay(Display):
    """Display of one run in a line, when it is over, that begins with a label."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.console = RunConsole()

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        for label, text in run_header(settings, components, threads):
            log.info("%-10s%s", label, text)

    def message(self, label: str, text: str) -> None:
        log.info("%-10s%s", label, text)

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:
        return nullcontext()

    def epoch(self, record: Record, best: BestWeights) -> None:
        metrics = record.metrics().items()
        text = " ".join(f"{name} {value:.5g}" for name, value in metrics if name not in record.layers)
        log.info("epoch %d: %s", record.epoch, text)

    def conclusion(self, settings: Settings, result: Result, outcome: Outcome) -> None:
        status = "" if result.status == "FINISHED" else f" [red]{result.status}[/]"
        results = describe_results(result.metrics) if result.metrics else "no results"
        text = f"[bold]{escape(self.label)}[/]{status} {results}  {escape(str(short_path(result.folder)))}"
        if outcome.error:
            text += f" [yellow](not uploaded to MLflow: {escape(first_line(outcome.error))})[/]"
        if outcome.note:
            text += f" [yellow]({escape(first_line(outcome.note))})[/]"
        if result.status == "KILLED":
            text += f"\nresume with: nnexp resume {escape(quoted_path(result.folder))}"
        self.console.print(text)
        log.info(self.console.render_str(text).plain)


class _ProgressBar(Progress):
    """Progress bar that follows the trainer's step counter, so that it moves within a long epoch too."""

    def __init__(self, trainer: Trainer, console: Console) -> None:
        self.trainer = trainer
        epoch = TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}")
        percentage = TextColumn("{task.percentage:.0f} %")
        columns = epoch, BarColumn(), percentage, TextColumn("time left"), TimeRemainingColumn()
        options: dict[str, Any] = {"refresh_per_second": REFRESHES_PER_SECOND, "transient": True}
        super().__init__(*columns, console=console, **options)
        self.add_task("", total=trainer.steps_planned, epoch=1, epochs=trainer.n_epochs)

    def get_renderables(self) -> Iterable[RenderableType]:
        step = self.trainer.steps_taken
        epoch = min(1 + step // self.trainer.steps_per_epoch, self.trainer.n_epochs)
        for task in self.tasks:
            self.update(task.id, completed=step, epoch=epoch)
        return super().get_renderables()


def describe_results(metrics: Mapping[str, float]) -> str:
    """Describe the metrics that are logged once: "validation 97.20% in epoch 3, test 96.80%, 4.2 s"."""
    task = task_of_metrics(metrics)
    results = []
    if task is not None and (score := metrics.get(f"best/val_{task.score}")) is not None:
        results.append(f"validation {task.describe_score(score)} in epoch {metrics['best/epoch']:.0f}")
    elif "best/epoch" in metrics:
        results.append(f"no validation, weights of epoch {metrics['best/epoch']:.0f}")
    if task is not None and (score := metrics.get(f"test/{task.score}")) is not None:
        results.append(f"test {task.describe_score(score)}")
    elif "time/total" in metrics:
        results.append("no test")
    if "time/total" in metrics:
        results.append(duration(metrics["time/total"]))
    return ", ".join(results)
