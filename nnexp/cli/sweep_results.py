"""The end of a sweep on the terminal: its leaderboard, where its report is, and how to look at its runs."""

from nnexp.cli.arguments import store_option
from nnexp.cli.sweep_leaderboard import print_leaderboard
from nnexp.config.schema import TrackingSettings
from nnexp.messages import short_path
from nnexp.sweeps.display import SweepDisplay
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.report.sweep_report import PAGE, Report


def show_results(display: SweepDisplay, plan: SweepPlan, report: Report, tracking: TrackingSettings) -> None:
    """Print the leaderboard, and where the rest is."""
    print_leaderboard(report.analysis)
    print(flush=True)
    display.message("report", str(short_path(plan.folder / PAGE)))
    show_store(display, plan, tracking)


def show_store(display: SweepDisplay, plan: SweepPlan, tracking: TrackingSettings) -> None:
    """Print the command that opens the sweep in the MLflow UI, if it is there."""
    if tracking.enabled:
        view = f"nnexp ui {plan.id}{store_option(tracking.uri)}"
        display.message("mlflow", f"view it with: {view}")
