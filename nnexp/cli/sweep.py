"""A sweep from its plan to its results: the table of contents."""

import json
import shlex
import sys
from argparse import Namespace
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from joblib import cpu_count, effective_n_jobs
from omegaconf import DictConfig

from nnexp.atomic_write import write_atomically
from nnexp.cli.errors import FAILURE, describe_error
from nnexp.cli.run_header import run_header
from nnexp.cli.sweep_display import TerminalSweepDisplay
from nnexp.cli.sweep_results import show_results
from nnexp.config.build import resolved
from nnexp.config.compose import hydra_of
from nnexp.config.naming import params
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.overrides.examiner import Examination
from nnexp.config.schema import SweepSettings, TrackingSettings
from nnexp.config.validation import Values
from nnexp.errors import UserError
from nnexp.messages import hydra_override
from nnexp.run_folder import SWEEP
from nnexp.sweeps.execution.events import Event
from nnexp.sweeps.execution.launcher import use_launcher
from nnexp.sweeps.execution.sweeper import BASIC_SWEEPER, use_planned_sweeper
from nnexp.sweeps.execution.task import SweepTask
from nnexp.sweeps.parent_run import parent_run
from nnexp.sweeps.plan.sweep_plan import PlannedJob, SweepPlan
from nnexp.sweeps.report.end_of_sweep import report_sweep


def run_sweep(options: Namespace, examination: Examination) -> int:
    """Run a sweep, or show its plan; return the exit code."""
    config_name = options.config_name or CONFIG_NAME
    display = TerminalSweepDisplay()
    with hydra_of(options.config_dir):
        app = GlobalHydra.instance().hydra
        assert app is not None
        overrides = [*examination.overrides, "hydra.mode=MULTIRUN"]
        plan = unplanned(app.compose_config(config_name, overrides, run_mode=RunMode.MULTIRUN))
        display.plan(plan)
        if plan.settings.dry_run:
            return 0
        write_plan(plan, options)
        assert examination.config is not None
        values = resolved(examination.config)
        tracking = TrackingSettings(**values["tracking"])
        with parent_run(plan, tracking, shared_params(values, plan), Path.cwd()) as parent:

            def show(event: Event) -> None:
                parent.event(event)
                display.event(event)

            execution = use_launcher(plan, show)
            use_planned_sweeper()
            overrides.append(hydra_override("hydra.sweep.dir", str(plan.folder)))
            task = SweepTask(run_header, describe_error)
            try:
                app.multirun(config_name=config_name, task_function=task, overrides=overrides)
            finally:
                display.close()
            report, problem = (
                report_sweep(plan.folder, values["plugins"]) if plan.settings.report else (None, "")
            )
            if report is not None:
                parent.log_artifacts(*report.paths)
        show_results(display, plan, report, problem, tracking)
    return FAILURE if execution.failures else 0


def shared_params(values: Values, plan: SweepPlan) -> dict[str, str]:
    """Return the settings that all jobs of a sweep share."""
    return {
        key: text
        for key, text in params(values).items()
        if not any(key == swept or key.startswith(f"{swept}.") for swept in plan.swept)
    }


def write_plan(plan: SweepPlan, options: Namespace) -> None:
    """Write sweep.json."""
    record = {
        "id": plan.id,
        "name": plan.name,
        "command": plan.command,
        "overrides": options.overrides,
        "config_dir": options.config_dir,
        "config_name": options.config_name or CONFIG_NAME,
        "swept": plan.swept,
        "metric": plan.metric,
        "jobs": [
            {"number": job.number, "name": job.name, "overrides": job.overrides, "swept": job.swept}
            for job in plan.jobs
        ],
    }
    write_atomically(plan.folder / SWEEP, json.dumps(record, indent=1))


def unplanned(config: DictConfig) -> SweepPlan:
    """Return the plan of a sweep that compares its jobs with no record."""
    HydraConfig.instance().set_config(config)  # for ${hydra:...} in the sweep's folder
    folder = Path(config.hydra.sweep.dir)
    n_jobs = config.sweep.jobs or config.hydra.launcher.get("n_jobs", 1)
    if n_jobs == 0:
        problem = "no process would run a job; fix: hydra.launcher.n_jobs=-1 (one for each core)"
        raise UserError(f"hydra.launcher.n_jobs=0: {problem}")
    workers = effective_n_jobs(n_jobs)
    settings = SweepSettings(**config.sweep)
    threads = max(cpu_count() // workers, 1)
    sweep_id = f"{folder.parent.name}/{folder.name}"
    jobs = []
    if config.hydra.sweeper._target_ == BASIC_SWEEPER:
        params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
        parsed = OverridesParser.create().parse_overrides([*params, *config.hydra.overrides.task])
        varied = {one.get_key_element() for one in parsed if one.is_sweep_override()}
        for number, overrides in enumerate(BasicSweeper.split_arguments(parsed, None)[0]):
            swept = dict(text.split("=", 1) for text in overrides if text.partition("=")[0] in varied)
            name = " ".join(f"{key}={value}" for key, value in swept.items())
            jobs.append(PlannedJob(number, name, tuple(overrides), swept, ""))
    values: dict[str, list[str]] = {}
    for one in jobs:
        for key, value in one.swept.items():
            values[key] = list(dict.fromkeys([*values.get(key, []), value]))
    name = " x ".join(values)
    command = shlex.join(sys.argv)
    return SweepPlan(folder, sweep_id, name, command, tuple(jobs), values, workers, threads, settings)
