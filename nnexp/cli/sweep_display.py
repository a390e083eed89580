"""Displays of a sweep: plain lines."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from nnexp.cli.console import RunConsole
from nnexp.messages import plural
from nnexp.sweeps.display import SweepDisplay

if TYPE_CHECKING:
    from nnexp.sweeps.plan.sweep_plan import SweepPlan


class PlainSweepDisplay(SweepDisplay):
    """Display of a sweep in lines that stay."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or RunConsole()

    def plan(self, plan: "SweepPlan") -> None:
        self.message("sweep", f"{plan.name}: {plural(len(plan.jobs), 'job')}")

    def message(self, label: str, text: str) -> None:
        self.console.print(f"[bold]{label:10}[/]{escape(text)}")
