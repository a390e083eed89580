"""The end of a sweep on the terminal: its leaderboard, where its report is, and how to look at its runs."""

from nnexp.cli.arguments import store_option
from nnexp.cli.sweep_leaderboard import print_leaderboard
from nnexp.config.schema import TrackingSettings
from nnexp.messages import short_path
from nnexp.sweeps.display import SweepDisplay
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.report.sweep_report import Report


def show_results(
    display: SweepDisplay, plan: SweepPlan, report: Report | None, problem: str, tracking: TrackingSettings
) -> None:
    """Print the leaderboard, and where the rest is.

    Args:
        display: of the sweep, whose jobs are over.
        plan: of the sweep.
        report: in the sweep's folder; None: there is none, maybe because of a problem.
        problem: why the report failed; empty: it did not.
        tracking: of the sweep.
    """
    if report is not None:
        print_leaderboard(report.analysis)
        print(flush=True)
        display.message("report", str(short_path(plan.folder / report.paths[0])))
    elif problem:
        display.message("report", problem)
    if tracking.enabled:
        display.message("mlflow", f"view it with: nnexp ui {plan.id}{store_option(tracking.uri)}")
