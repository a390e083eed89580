"""The interface of displays of sweeps."""

from nnexp.sweeps.execution.events import Event
from nnexp.sweeps.plan.sweep_plan import SweepPlan


class SweepDisplay:
    """Interface for displays of a sweep; this one shows nothing.

    The order of calls: `plan`, `event` for all that happens to its jobs, `close` when no job is left (also
    after an error or a signal), `message` before and after that. What runs the jobs knows only `event`.
    """

    def plan(self, plan: SweepPlan) -> None:
        """Show what is about to run, before the first job."""

    def event(self, event: Event) -> None:
        """Show what has happened to a job."""

    def close(self) -> None:
        """End the live display; show how the jobs ended, and a table of those that failed."""

    def message(self, label: str, text: str) -> None:
        """Show a line about the sweep: what it waits for, where its report is."""
