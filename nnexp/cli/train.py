"""Hydra's entry point: check all overrides, then let Hydra run one job or many. The only file with @hydra.main."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import hydra
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from nnexp.cli.display import Line, Terminal
from nnexp.config import ConfigError, Problem
from nnexp.config.compose import CONF, CONFIG_NAME, examined, record_choices
from nnexp.data.dataset import DataError
from nnexp.experiment.run import DivergedError, run
from nnexp.sweeps.callback import SweepPlot
from nnexp.tracking.mlflow.store import StoreError

USER_ERROR, FAILURE, INTERRUPTED, TERMINATED = 2, 1, 130, 143
EXIT_CODES: dict[type[Exception], int] = {
    ConfigError: USER_ERROR,
    DataError: USER_ERROR,
    StoreError: USER_ERROR,
    FileExistsError: USER_ERROR,
    MemoryError: USER_ERROR,
    DivergedError: FAILURE,
}
FULL_ERROR = "HYDRA_FULL_ERROR"


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run in the same order as Ctrl-C."""


class Stopped(BaseException):
    """A single run ended early, for a reason that is told without a traceback."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


def main() -> int:
    """Run what the command line asks for; returns the exit code."""
    full_error = os.environ.get(FULL_ERROR) == "1"
    os.environ[FULL_ERROR] = "1"  # Hydra then hands every error to us instead of printing and exiting
    signal.signal(signal.SIGTERM, _terminate)
    try:
        _check_overrides()
        try:
            job()
        finally:
            SweepPlot.draw()
    except (
        Stopped
    ) as stopped:  # a single run's end, past Hydra, which would print the overrides and a traceback
        error: Exception = stopped.reason
    except BrokenPipeError:
        raise
    except (
        ConfigError,
        DataError,
        StoreError,
        DivergedError,
        MemoryError,
        OSError,
        HydraException,
        OmegaConfBaseException,
    ) as reason:
        error = reason
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return 0
    if full_error:
        raise error
    print(f"nnexp: {_told(error)}", file=sys.stderr)
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), USER_ERROR)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)
def job(config: DictConfig) -> float:
    """One job of Hydra's: one experiment; returns the value that a sweep optimises."""
    context = HydraConfig.get()
    record_choices(config, context.runtime.choices)
    folder = Path(context.runtime.output_dir)
    home = Path(context.runtime.cwd)
    if context.mode != RunMode.MULTIRUN:
        try:
            return run(config, folder, Terminal(), home).value
        except tuple(EXIT_CODES) as error:
            raise Stopped(error) from error
    label = " ".join([f"#{context.job.num}", *context.overrides.task])
    try:
        sweep_id = "/".join(Path(context.sweep.dir).parts[-2:])
        return run(config, folder, Line(label), home, sweep_id).value
    except tuple(EXIT_CODES) as error:
        print(
            f"{label} failed: {_told(error)}", file=sys.stderr, flush=True
        )  # now; Hydra tells it when all jobs are over
        raise


def _check_overrides() -> None:
    """Tell all mistakes of the command line before Hydra makes a folder."""
    arguments = get_args_parser().parse_args()
    if (
        arguments.multirun
        + (arguments.cfg is not None)
        + (arguments.info is not None)
        + arguments.shell_completion
        > 1
    ):
        raise ConfigError([Problem("", "only one of -m, --cfg, --info and --shell-completion at a time")])
    if (
        arguments.hydra_help
        or arguments.shell_completion
        or arguments.info
        or arguments.experimental_rerun
        or arguments.config_path
    ):
        return
    config_name = arguments.config_name or CONFIG_NAME
    asked = {"sweep": arguments.multirun, "config_dir": arguments.config_dir, "config_name": config_name}
    _, problems, sweep = examined(arguments.overrides, **asked)
    if problems:
        raise ConfigError(problems)
    mode = (
        RunMode.MULTIRUN if sweep and not arguments.multirun else None
    )  # what a preset says; None: what the command line says
    Hydra.get_mode = lambda *_, **__: mode  # type: ignore[method-assign]  # Hydra would compose everything once more to find out


def _told(error: Exception) -> str:
    """What a person is told of an error."""
    if isinstance(error, FileExistsError) and error.filename:
        return f"{Path(error.filename).parent} already holds a run: give this one another folder"
    if isinstance(error, MemoryError):
        return f"out of memory: {error}; take a smaller model.hidden or trainer.batch_size"
    return str(error)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise Terminated
