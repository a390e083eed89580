"""The end of a sweep on the terminal: its leaderboard, where its report is, and how to look at its runs."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep

from nnexp.cli.arguments import store_option
from nnexp.cli.dead_runs import upload_in_background
from nnexp.cli.sweep_leaderboard import print_leaderboard
from nnexp.config.schema import TrackingSettings
from nnexp.messages import first_line, plural, short_path
from nnexp.sweeps.display import SweepDisplay
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.report.sweep_report import Report
from nnexp.tracking.active_runs import is_being_uploaded
from nnexp.tracking.upload.client import Outcome
from nnexp.tracking.upload.sync import read_run

POLL_INTERVAL = 0.1  # seconds
SHOW_AFTER, OTHERS_TIMEOUT = 3.0, 120.0  # seconds of waiting for uploads by other processes


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
        if waiting := jobs_to_upload(plan):  # their store may be another one, or back
            upload_in_background(waiting)
    elif outcome.in_background:
        if waiting := jobs_to_upload(plan):
            upload_in_background(waiting)
        display.message("mlflow", "uploads go on in the background; should they fail, run: nnexp sync")
    else:
        upload_earlier_jobs(display, plan)
        display.message("mlflow", f"view it with: nnexp ui {plan.id}{store_option(tracking.uri)}")


def upload_earlier_jobs(display: SweepDisplay, plan: SweepPlan) -> None:
    """Upload the jobs that were finished before, where the processes that uploaded them were killed."""
    waiting = jobs_to_upload(plan)
    if not waiting:
        return
    text = f"uploading {plural(len(waiting), 'job')} that finished before and did not reach the store ..."
    display.message("mlflow", text)
    upload_in_background(waiting).wait()
    wait_for_others(display, waiting)
    if left := jobs_to_upload(plan):
        display.message(
            "mlflow", f"{plural(len(left), 'job')} not uploaded; upload them later, run: nnexp sync"
        )


def wait_for_others(display: SweepDisplay, folders: Sequence[Path]) -> None:
    """Wait, not for ever, until no process uploads these runs that an earlier command has started."""
    deadline = monotonic() + OTHERS_TIMEOUT
    show_at = monotonic() + SHOW_AFTER
    while busy := [folder for folder in folders if is_being_uploaded(folder)]:
        now = monotonic()
        if now >= deadline:
            display.message("mlflow", f"another process still uploads {plural(len(busy), 'job')}")
            return
        if now >= show_at:
            show_at = deadline
            display.message(
                "mlflow", f"waiting for another process that uploads {plural(len(busy), 'job')} ..."
            )
        sleep(POLL_INTERVAL)


def jobs_to_upload(plan: SweepPlan) -> list[Path]:
    """Return the folders of the jobs that were finished before and are not in their store."""
    folders = [plan.job_folder(job.number) for job in plan.jobs if job.state == "finished"]
    if plan.search is not None:
        folders = [path for path in plan.folder.iterdir() if path.name.isdecimal()]
    return [folder for folder in folders if read_run(folder).state == "waiting"]
