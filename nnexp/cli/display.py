"""What a person at the terminal sees of a run: a header, the epochs as they pass, a summary."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nnexp.cli.run_header import run_header
from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.experiment.display import Display, RunSummary
from nnexp.training.best_weights import BestWeights
from nnexp.training.trainer import Record, Trainer

log = logging.getLogger("nnexp")  # in a run's folder, this keeps what the terminal showed
MOST_LINES = 25  # of epochs above a progress bar
REFRESHES = 4  # a second


class Screen(Console):
    """A terminal that may go away: whoever reads a run's output with `head` does not end the run."""

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Terminal(Display):
    """A progress bar where there is a terminal, plain lines where there is none."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Screen()

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        self.lines(run_header(settings, components, threads))

    def lines(self, lines: Iterable[tuple[str, str]]) -> None:
        """Show lines of (label, text)."""
        for label, text in lines:
            self.say(f"[bold]{label:10}[/]{escape(text)}")

    @contextmanager
    def training(self, trainer: Trainer) -> Iterator[None]:
        self.planned = trainer.steps_planned if trainer.evaluate_every else trainer.n_epochs
        evaluations = (
            trainer.steps_planned // trainer.evaluate_every if trainer.evaluate_every else trainer.n_epochs
        )
        self.every = (
            max(1, -(-evaluations // MOST_LINES)) * (trainer.evaluate_every or 1)
            if self.console.is_terminal
            else 1
        )
        self.unit = trainer.unit
        if not self.console.is_terminal:
            yield
            return
        with _Bar(trainer, self.console):
            yield

    def epoch(self, record: Record, best: BestWeights) -> None:
        mark = "[green]*[/]" if best.record is record else " "
        text = (
            f"{self.unit} {record.at:>{len(str(self.planned))}}/{self.planned}{mark} "
            f"training {record.train_loss:.4f} {scored(record.score_name, record.train_score)}   "
            f"validation {record.val_loss:.4f} {scored(record.score_name, record.val_score)}   "
            f"lr {record.lr:.2g}   {record.examples_per_second:,.0f} examples/s"
        )
        shown = record.at % self.every == 0 or record.at in (1, self.planned)
        self.say(text, to_terminal=shown)

    def uploading(self) -> None:
        if self.console.is_terminal:
            self.console.print("[dim]drawing pictures, writing the record ...[/]", end="\r")

    def conclusion(self, summary: RunSummary) -> None:
        ended = {"KILLED": "[yellow]stopped[/]", "FAILED": "[red]failed[/]"}.get(summary.status)
        if ended:
            self.say(f"{ended} after {summary.epochs} of {summary.planned} epochs; what was learnt is kept")
        elif summary.stopped:
            self.say(f"ended in epoch {summary.epochs} of {summary.planned}: {summary.stopped}")
        if summary.metrics:
            self.say(f"[bold]{'best':10}[/]{results(summary.metrics)}")
        self.say(f"[bold]{'folder':10}[/]{escape(str(short(summary.folder)))}")
        if summary.outcome.error and not summary.tracked:
            self.say(
                f"[bold]{'pictures':10}[/][yellow]not drawn:[/] {escape(first_line(summary.outcome.error))}"
            )
        elif summary.outcome.error:
            self.say(
                f"[bold]{'mlflow':10}[/][yellow]not recorded:[/] {escape(first_line(summary.outcome.error))}"
            )
            self.say(f"{'':10}the folder has everything; send it when the store is there again: nnexp sync")
        elif summary.tracked:
            self.say(
                f"[bold]{'mlflow':10}[/]run {escape(summary.name)}, id {summary.outcome.run_id}; look at it with: nnexp ui"
            )
        if summary.outcome.note:
            self.say(f"{'':10}[yellow]{escape(first_line(summary.outcome.note))}[/]")

    def say(self, markup: str, to_terminal: bool = True) -> None:
        if to_terminal:
            self.console.print(markup)
        log.info(self.console.render_str(markup).plain)


class Line(Display):
    """One line per run, when it is over: for sweeps."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.console = Screen()

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        for label, text in run_header(settings, components, threads):
            log.info("%-10s%s", label, text)

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:
        return nullcontext()

    def epoch(self, record: Record, best: BestWeights) -> None:
        log.info(
            "epoch %d: %s",
            record.epoch,
            " ".join(
                f"{name} {value:.5g}" for name, value in record.metrics().items() if name not in record.layers
            ),
        )

    def uploading(self) -> None:
        pass

    def conclusion(self, summary: RunSummary) -> None:
        ended = "" if summary.status == "FINISHED" else f" [red]{summary.status}[/]"
        found = results(summary.metrics) if summary.metrics else "nothing learnt"
        trouble = (
            f" [yellow](not in MLflow: {escape(first_line(summary.outcome.error))})[/]"
            if summary.outcome.error
            else ""
        )
        text = f"[bold]{escape(self.label)}[/]{ended} {found}  {escape(str(short(summary.folder)))}{trouble}"
        self.console.print(text)
        log.info(self.console.render_str(text).plain)


class _Bar(Progress):
    """Follows the trainer's step counter, so that a long epoch moves too."""

    def __init__(self, trainer: Trainer, console: Console) -> None:
        self.trainer = trainer
        columns = (
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
        )
        super().__init__(
            *columns,
            TextColumn("time left"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
        )
        self.add_task("", total=trainer.steps_planned, epoch=1, epochs=trainer.n_epochs)

    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.tasks:
            step = self.trainer.steps_taken
            self.update(
                task.id,
                completed=step,
                epoch=min(1 + step // self.trainer.steps_per_epoch, self.trainer.n_epochs),
            )
        return super().get_renderables()


def results(metrics: Mapping[str, float]) -> str:
    """The metrics that are told once, as a sentence."""
    score = "accuracy" if "best/val_accuracy" in metrics else "r2"
    best = (
        f"validation {short_score(score, metrics[f'best/val_{score}'])} in epoch {metrics['best/epoch']:.0f}"
    )
    tested = f", test {short_score(score, metrics[f'test/{score}'])}" if f"test/{score}" in metrics else ""
    took = f", {metrics['time/total']:.1f} s" if "time/total" in metrics else ""
    return f"{best}{tested}{took}"


def short_score(score: str, value: float) -> str:
    """A score in a sentence."""
    return " ".join(scored(score, value).split())


def scored(score: str, value: float) -> str:
    """An accuracy in percent, R2 as it is; as wide as others in its column."""
    return f"{value:7.2%}" if score == "accuracy" else f"R2 {value:7.4f}"


def short(folder: Path) -> Path:
    """A path as one would type it from here."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def first_line(text: str) -> str:
    """The first line of a message."""
    return text.strip().splitlines()[0] if text.strip() else ""
