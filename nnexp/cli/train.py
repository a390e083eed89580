"""The training command: check all overrides, then let Hydra run one job or the jobs of a sweep."""

import logging
import shlex
from argparse import ArgumentError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from nnexp.cli.display import TerminalDisplay
from nnexp.cli.errors import describe_error, exit_code
from nnexp.cli.run_header import run_header
from nnexp.config import ConfigError, Problem
from nnexp.config.compose import CONF, examine_overrides, hydra_of
from nnexp.config.overrides.checked_override import key_of
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.overrides.examiner import Examination
from nnexp.config.overrides.loader import record_choices
from nnexp.errors import UserError
from nnexp.experiment.run import run
from nnexp.messages import did_you_mean
from nnexp.metrics.objectives import Value
from nnexp.redaction import redact_logs_and_tracebacks

if TYPE_CHECKING:
    from nnexp.sweeps.execution.events import Event


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
    recall_sweep(options)
    if options.multirun + bool(options.cfg) + bool(options.info) + options.shell_completion > 1:
        raise ConfigError([Problem("", "only one of -m, --cfg, --info and --shell-completion at a time")])
    about_hydra = options.hydra_help or options.shell_completion or options.info
    unchecked = about_hydra or options.experimental_rerun or options.config_path
    examination = None if unchecked else check_overrides(options)
    if examination is not None and examination.is_sweep and not options.cfg:
        from nnexp.cli.sweep import run_sweep  # with what draws its report

        return run_sweep(options, examination)
    try:
        if examination is None:
            hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)(job)()
        else:
            run_job(options, examination)
    except ReportedError as reported:
        raise reported.error from None
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


def recall_sweep(options: Namespace) -> None:
    """Put the overrides of the sweep in `sweep.resume` before those that are typed."""
    if not any(key_of(text) == "sweep.resume" for text in options.overrides):
        return
    from nnexp.sweeps.plan.continuation import recorded_command  # with what reads records

    record = recorded_command(options.overrides)
    if record is not None:
        options.multirun = True
        options.overrides = [*record.overrides, *options.overrides]
        options.config_dir = options.config_dir or record.config_dir
        options.config_name = options.config_name or record.config_name


def check_overrides(options: Namespace) -> Examination:
    """Raise all errors of the overrides at once; return what they make."""
    names = {"config_dir": options.config_dir, "config_name": options.config_name or CONFIG_NAME}
    examination = examine_overrides(options.overrides, sweep=options.multirun, **names)
    if examination.problems:
        raise ConfigError(examination.problems)
    return examination


def run_job(options: Namespace, examination: Examination) -> None:
    """Run one job, or show the configuration, as `hydra.main` does; errors go to the caller."""
    config_name = options.config_name or CONFIG_NAME
    overrides = list(examination.overrides)
    with hydra_of(options.config_dir, examination.loader):
        app = GlobalHydra.instance().hydra
        assert app is not None
        if options.cfg:
            app.show_cfg(config_name, overrides, options.cfg, options.package, options.resolve)
            return
        numbers = ["hydra.mode=RUN", "hydra.job.num=0", "hydra.job.id='0'"]  # what a sweep counts
        app.run(config_name=config_name, task_function=job, overrides=[*overrides, *numbers])


def job(config: DictConfig) -> Value | None:
    """Run one experiment as a job of Hydra; return what a sweeper optimizes, of several objectives all."""
    context = HydraConfig.get()
    if context.mode == RunMode.MULTIRUN:
        from nnexp.sweeps.execution.task import SweepTask

        return SweepTask(run_header, describe_error, send=print_end)(config)
    redact_logs_and_tracebacks()
    record_choices(config, context.runtime.choices)
    folder = Path(context.runtime.output_dir)
    try:
        return run(config, folder, TerminalDisplay(), home=Path(context.runtime.cwd)).value
    except Exception as error:
        if exit_code(error) is None:
            raise
        raise ReportedError(error) from error


def print_end(event: "Event") -> None:
    """Print how a job has ended, of a sweep that Hydra runs by itself."""
    from nnexp.sweeps.execution.events import JobEnded

    if isinstance(event, JobEnded):
        print(f"#{event.number} {event.status} {event.error or event.value}", flush=True)
