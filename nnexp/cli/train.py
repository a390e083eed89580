"""The training command: check all overrides, then let Hydra run one job or the jobs of a sweep."""

import logging
import shlex
import sys
from argparse import ArgumentError, Namespace
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from nnexp.cli.display import SweepLine, TerminalDisplay
from nnexp.cli.errors import exit_code, format_error
from nnexp.config import ConfigError, Problem
from nnexp.config.compose import CONF, examine_overrides, hydra_of
from nnexp.config.overrides.composition import record_choices
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.overrides.examiner import Examination
from nnexp.errors import UserError
from nnexp.experiment.run import run
from nnexp.messages import did_you_mean
from nnexp.redaction import redact_logs_and_tracebacks, redacted
from nnexp.sweeps.callback import SweepPlot
from nnexp.sweeps.execution.job import SweepInterrupted
from nnexp.sweeps.execution.launcher import use_launchers


class ReportedError(BaseException):
    """Carries a user's error past Hydra, which would print it with the overrides and a traceback."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; return the exit code.

    Raises:
        UserError: configuration errors, before any folder is created; or the error of the run or a job.
    """
    logging.raiseExceptions = False  # a full disk costs lines of the log
    options = parse_arguments(arguments)
    if options.multirun + bool(options.cfg) + bool(options.info) + options.shell_completion > 1:
        raise ConfigError([Problem("", "only one of -m, --cfg, --info and --shell-completion at a time")])
    about_hydra = options.hydra_help or options.shell_completion or options.info
    unchecked = about_hydra or options.experimental_rerun or options.config_path
    examination = None if unchecked else check_overrides(options)
    sweep = options.multirun if examination is None else examination.is_sweep
    try:
        if examination is None:
            hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)(job)()
        else:
            run_jobs(options, examination.overrides, sweep)
    except ReportedError as reported:
        raise reported.error from None
    except SweepInterrupted as interrupted:
        print_rest(interrupted, options)
        raise
    except Exception:
        SweepPlot.draw()
        raise
    SweepPlot.draw()
    return 0


def parse_arguments(arguments: list[str]) -> Namespace:
    """Parse Hydra's options, in any position among the overrides."""
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        options, unknown = parser.parse_known_intermixed_args(arguments)
    except ArgumentError as error:
        raise UserError(f"{error}; see nnexp --help") from error
    if unknown:
        guess = did_you_mean(unknown[0], [*parser._option_string_actions, "--help"])
        if not guess and "=" in unknown[0]:
            guess = f"settings have no dashes; fix: {shlex.quote(unknown[0].lstrip('-'))}; "
        raise UserError(f"no such option: {unknown[0]}; {guess}see nnexp --help")
    return options


def check_overrides(options: Namespace) -> Examination:
    """Raise all errors of the overrides at once; return what they make."""
    names = {"config_dir": options.config_dir, "config_name": options.config_name or CONFIG_NAME}
    examination = examine_overrides(options.overrides, sweep=options.multirun, **names)
    if examination.problems:
        raise ConfigError(examination.problems)
    return examination


def run_jobs(options: Namespace, overrides: Sequence[str], sweep: bool) -> None:
    """Run one job or a sweep, or show the configuration, as `hydra.main` does; errors go to the caller."""
    config_name = options.config_name or CONFIG_NAME
    mode = RunMode.MULTIRUN if sweep else RunMode.RUN
    modes = [f"hydra.mode={mode.name}"]
    if not sweep:
        modes += ["hydra.job.num=0", "hydra.job.id='0'"]  # what a sweep counts
    with hydra_of(options.config_dir):
        app = GlobalHydra.instance().hydra
        assert app is not None
        if options.cfg:
            app.show_cfg(config_name, list(overrides), options.cfg, options.package, options.resolve)
            return
        use_launchers()
        start = app.multirun if sweep else app.run
        start(config_name=config_name, task_function=job, overrides=[*overrides, *modes])


def print_rest(interrupted: SweepInterrupted, options: Namespace) -> None:
    """Print the jobs of which nothing was recorded, each as a command."""
    names = {"--config-dir": options.config_dir, "--config-name": options.config_name}
    given = [text for name, value in names.items() if value for text in (name, value)]
    for job in interrupted.jobs:
        overrides = [text for text in job.overrides if not text.startswith(("hydra.", "hydra/"))]
        print(f"job #{job.number} did not run; run it with: {shlex.join(['nnexp', *given, *overrides])}")


def job(config: DictConfig) -> float | None:
    """Run one experiment as a job of Hydra; return the value that a sweep optimizes."""
    context = HydraConfig.get()
    redact_logs_and_tracebacks()  # also in a worker of a sweep
    record_choices(config, context.runtime.choices)
    in_sweep = context.mode == RunMode.MULTIRUN
    label = " ".join([f"#{context.job.num}", *context.overrides.task]) if in_sweep else ""
    sweep = Path(context.sweep.dir)
    try:
        result = run(
            config,
            folder=Path(context.runtime.output_dir),
            display=SweepLine(label) if in_sweep else TerminalDisplay(),
            home=Path(context.runtime.cwd),
            sweep_id=f"{sweep.parent.name}/{sweep.name}" if in_sweep else "none",
        )
    except Exception as error:
        if exit_code(error) is None:
            raise
        if not in_sweep:
            raise ReportedError(error) from error
        print(redacted(f"{label} failed: {format_error(error)}"), file=sys.stderr, flush=True)
        raise  # Hydra reports it again when all jobs are over
    return result.value
