"""The display of a sweep: its plan, a line per job, failures at once; on a terminal also what runs now."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnexp.cli.console import RunConsole, can_redraw
from nnexp.cli.sweep_text import (
    describe_best,
    describe_job,
    describe_plan,
    describe_progress,
    describe_rest,
    describe_running,
    failure_table,
)
from nnexp.messages import align, display_width, first_line, short_path
from nnexp.redaction import redacted
from nnexp.sweeps.display import SweepDisplay
from nnexp.sweeps.execution.events import Event, JobEnded, JobMessage, SearchEnded, UploadsLeft
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.progress import RunningJob, SweepProgress

LABEL = 10  # characters
MAX_NAME = 40  # characters to which the names of jobs are aligned
MIN_NAME = 20  # characters that a name has beside a long state
GAP = "  "
BAR = 30  # characters
OTHER_LINES = 7  # of a terminal, which the list of running jobs leaves free
REFRESHES_PER_SECOND = 2
SUMMARY_EVERY = 60.0  # seconds, where lines cannot be drawn over
ENDS = {"KILLED": "[yellow]stopped:[/] ", "SKIPPED": "finished before: "}


class TerminalSweepDisplay(SweepDisplay):
    """Display of a sweep: with an overview of what runs on a terminal, in plain lines elsewhere."""

    progress: SweepProgress  # since `plan`

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console or RunConsole()
        self.errors = self.console if can_redraw(self.console) else RunConsole(stderr=True)
        self.clock = clock
        self.live: Live | None = None
        self.has_ended_jobs = False
        self.is_waiting = False
        self.messages: set[tuple[str, str]] = set()  # that were shown

    def plan(self, plan: SweepPlan) -> None:
        self.progress = SweepProgress(plan, self.clock)
        self.began = self.clock()
        self.summarized = self.began
        self.width = min(max((display_width(job.name) for job in plan.jobs), default=0), MAX_NAME)
        for label, text in describe_plan(plan):
            self.message(label, text)

    def event(self, event: Event) -> None:
        if isinstance(event, UploadsLeft):
            self.waits()
            return
        if isinstance(event, SearchEnded):
            self.progress.consume(event)
            self.message("search", f"begins no further trial: {event.reason}")
            return
        running = self.progress.running.get(event.number)
        self.progress.consume(event)
        if self.live is None and self.progress.running and can_redraw(self.console):
            self.start_live()
        if isinstance(event, JobEnded):
            self.has_ended_jobs = True
            self.job_ended(event, running.attempt if running is not None else 1)
        elif isinstance(event, JobMessage) and (event.label, event.text) not in self.messages:
            self.messages.add((event.label, event.text))  # of all jobs that have it, shown for the first one
            self.message(event.label, f"{self.progress.name(event.number)}: {event.text}")
        if self.live is None and self.clock() - self.summarized >= SUMMARY_EVERY:
            self.summarized = self.clock()
            self.summary("sweep")

    def waits(self) -> None:
        """Show once that the sweep waits for its uploads."""
        if not self.is_waiting:
            self.is_waiting = True
            self.message("mlflow", "waiting for uploads and plots of the jobs that are over ...")

    def close(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None
        if not self.has_ended_jobs:
            return
        self.has_ended_jobs = False
        self.summary("ended")
        if self.progress.failures:
            for label, text in failure_table(self.progress):
                self.errors.print(f"[bold red]{label:{LABEL}}[/]{escape(redacted(text))}")
        if left := describe_rest(self.progress):
            self.message("go on", left)

    def message(self, label: str, text: str) -> None:
        self.console.print(f"[bold]{label:{LABEL}}[/]{escape(redacted(text))}")

    def summary(self, label: str) -> None:
        """Print the progress in a line, and the best so far."""
        self.message(label, ", ".join(describe_progress(self.progress, self.clock() - self.began)))
        for text in describe_best(self.progress):
            self.message("best", text)

    def job_ended(self, event: JobEnded, attempt: int) -> None:
        """Print the line of a job: how many are over, its name, its results or why it failed."""
        plan = self.progress.plan
        planned = self.progress.jobs.get(event.number)
        is_known = planned.state == "finished" if planned is not None else plan.search is not None
        if event.status == "SKIPPED" and is_known:
            return  # the plan has shown it, or a search has had it before
        done, total = f"{len(self.progress.ended):,}", f"{self.progress.total or 0:,}"
        position = f"{done:>{len(total)}} of {total}" if self.progress.total else done
        name = align(redacted(self.progress.name(event.number)), self.width)
        line = f"[bold]{position}[/]  {escape(name)}  "
        has_note = event.note and event.status == "FINISHED"  # what is not finished goes on with the sweep
        note = f" [yellow]({escape(redacted(first_line(event.note)))})[/]" if has_note else ""
        if event.status != "FAILED":
            self.console.print(
                f"{line}{ENDS.get(event.status, '')}{describe_job(event, plan.objectives)}{note}"
            )
            return
        attempts = "" if event.is_lost else f"attempt {attempt} of {plan.settings.retries + 1}, "
        again = f"{attempts}runs again: " if event.will_retry else ""
        reason = escape(redacted(event.error.strip().replace("\n", f"\n{'':{LABEL}}")))
        self.errors.print(f"{line}[red]failed:[/] {again}{reason}")
        if event.log is not None:
            self.errors.print(f"{'':{LABEL}}log: {escape(str(short_path(event.log)))}")

    def start_live(self) -> None:
        """Begin to draw the overview below the lines."""
        options: dict[str, Any] = {"refresh_per_second": REFRESHES_PER_SECOND, "transient": True}
        self.live = Live(get_renderable=self.overview, console=self.console, **options)
        self.live.start()

    def overview(self) -> RenderableType:
        """Render a bar with the progress, the best so far, and the running jobs."""
        progress = self.progress
        bar = ProgressBar(total=progress.total, completed=len(progress.ended), width=BAR)
        counts = Text(", ".join(describe_progress(progress, self.clock() - self.began)))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(*([bar] if progress.total else []), counts)
        jobs = list(progress.running.values())
        room = max(self.console.height - OTHER_LINES, 1)
        running = list(self.running_lines(jobs[:room]))
        if len(jobs) > room:
            running.append(f"and {len(jobs) - room} more")
        return Group(grid, *_block("best", describe_best(progress)), *_block("running", running))

    def running_lines(self, jobs: Sequence[RunningJob]) -> Iterator[str]:
        """Yield names of running jobs and how far they are, for which long names leave the room."""
        states = [describe_running(job) for job in jobs]
        room = self.console.width - LABEL - len(GAP) - max(map(display_width, states), default=0)
        longest = max((display_width(job.name) for job in jobs), default=0)
        for job, state in zip(jobs, states, strict=True):
            name = Text(job.name)
            name.truncate(min(max(self.width, longest), max(room, MIN_NAME)), overflow="ellipsis", pad=True)
            yield f"{name.plain}{GAP}{state}"


def _block(label: str, lines: Iterable[str]) -> Iterable[Text]:
    """Return lines with a label before the first one; long ones are cut off."""
    for i, line in enumerate(lines):
        start = "" if i else label
        text = Text.assemble((f"{start:{LABEL}}", "bold"), redacted(line))
        text.no_wrap = True
        text.overflow = "ellipsis"
        yield text
