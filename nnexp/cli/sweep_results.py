"""The end of a sweep on the terminal: its leaderboard, where its report is, and how to look at its runs."""

from nnexp.cli.arguments import store_option
from nnexp.cli.sweep_leaderboard import print_leaderboard
from nnexp.config.schema import TrackingSettings
from nnexp.messages import first_line, short_path
from nnexp.sweeps.display import SweepDisplay
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.report.sweep_report import Report
from nnexp.tracking.upload.client import Outcome


def show_results(display: SweepDisplay, plan: SweepPlan, report: Report | None, problem: str) -> None:
    """Print the leaderboard, and where the report is.

    Args:
        display: of the sweep, whose jobs are over.
        plan: of the sweep.
        report: in the sweep's folder; None: there is none, maybe because of a problem.
        problem: why the report failed; empty: it did not.
    """
    if report is not None:
        print_leaderboard(report.analysis)
        print(flush=True)
        display.message("report", str(short_path(plan.folder / report.paths[0])))
    elif problem:
        display.message("report", problem)


def show_upload(display: SweepDisplay, plan: SweepPlan, tracking: TrackingSettings, outcome: Outcome) -> None:
    """Print the command that opens a sweep in the MLflow UI, or why its parent run is not there."""
    if not tracking.enabled:
        return
    if outcome.error:
        display.message("mlflow", f"not uploaded to MLflow: {first_line(outcome.error)}")
        display.message("", "the folder holds the whole record; upload it later, run: nnexp sync")
    else:
        display.message("mlflow", f"view it with: nnexp ui {plan.id}{store_option(tracking.uri)}")
