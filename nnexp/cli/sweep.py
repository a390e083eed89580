"""A sweep from its plan to its results: the table of contents."""

from argparse import Namespace
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from nnexp.cli.errors import FAILURE, describe_error
from nnexp.cli.run_header import run_header
from nnexp.cli.sweep_display import TerminalSweepDisplay
from nnexp.cli.sweep_results import show_results, show_upload
from nnexp.config.build import resolved
from nnexp.config.compose import hydra_of
from nnexp.config.naming import params
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.overrides.examiner import Examination
from nnexp.config.overrides.sweeper import OPTUNA_SWEEPER
from nnexp.config.schema import TrackingSettings
from nnexp.config.validation import Values
from nnexp.messages import hydra_override
from nnexp.sweeps.execution.events import Event
from nnexp.sweeps.execution.job import SweepInterrupted
from nnexp.sweeps.execution.launcher import Execution, use_launcher
from nnexp.sweeps.execution.sweeper import use_planned_sweeper
from nnexp.sweeps.execution.task import SweepTask
from nnexp.sweeps.parent_run import parent_run
from nnexp.sweeps.plan.launchers import RAY
from nnexp.sweeps.plan.planning import Command, plan_sweep
from nnexp.sweeps.plan.record import planning_lock, write_record
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.sweeps.report.end_of_sweep import report_sweep
from nnexp.sweeps.search.check import check_search
from nnexp.sweeps.search.sweeper import use_search_sweeper
from nnexp.tracking.provenance import command_line


def run_sweep(options: Namespace, examination: Examination) -> int:
    """Run a sweep, or show its plan; return the exit code."""
    config_name = options.config_name or CONFIG_NAME
    display = TerminalSweepDisplay()
    command = Command(command_line(), options.overrides, options.config_dir, config_name)
    with hydra_of(options.config_dir, examination.loader):
        app = GlobalHydra.instance().hydra
        assert app is not None
        overrides = [*examination.overrides, "hydra.mode=MULTIRUN"]
        config = app.compose_config(config_name, overrides, run_mode=RunMode.MULTIRUN)
        if config.hydra.sweeper._target_ == OPTUNA_SWEEPER:
            assert examination.loader is not None
            check_search(config, examination.loader, config_name)
        with nullcontext() if config.sweep.dry_run else planning_lock():
            plan, record = plan_sweep(config, examination, command)
            if not plan.settings.dry_run:
                write_record(plan.folder, record)
        display.plan(plan)
        if plan.settings.dry_run:
            return 0
        assert examination.config is not None
        values = resolved(examination.config)
        tracking = TrackingSettings(**values["tracking"])
        params_of_all = shared_params(values, plan)
        is_distant = config.hydra.launcher._target_ == RAY
        show_waiting = partial(display.message, "mlflow")
        with parent_run(
            plan, tracking, params_of_all, Path.cwd(), is_distant=is_distant, show=show_waiting
        ) as parent:

            def show(event: Event) -> None:
                parent.event(event)
                display.event(event)

            execution = use_launcher(plan, show)
            use_planned_sweeper()
            use_search_sweeper()
            overrides.append(hydra_override("hydra.sweep.dir", str(plan.folder)))
            task = SweepTask(run_header, describe_error)
            report, problem = None, ""
            try:
                with execution.cleanup:
                    app.multirun(config_name=config_name, task_function=task, overrides=overrides)
                    if plan.settings.report:  # while uploads of the last jobs go on
                        report, problem = report_sweep(plan.folder, values["plugins"])
                    parent.leaves_uploads = not wait_for_uploads(execution)
            finally:
                display.close()
            if report is not None:
                parent.log_artifacts(*report.paths)
        show_results(display, plan, report, problem)
        show_upload(display, plan, tracking, parent.outcome)
    return FAILURE if execution.failures else 0


def wait_for_uploads(execution: Execution) -> bool:
    """Wait for the uploads of jobs that have ended; False: a signal leaves them to the background."""
    try:
        execution.wait_for_uploads()
    except SweepInterrupted:
        return False
    return True


def shared_params(values: Values, plan: SweepPlan) -> dict[str, str]:
    """Return the settings that all jobs of a sweep share."""
    return {
        key: text
        for key, text in params(values).items()
        if not any(key == swept or key.startswith(f"{swept}.") for swept in plan.swept)
    }
