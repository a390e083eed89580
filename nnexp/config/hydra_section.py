"""Checks of the section `hydra`: what Hydra builds, calls or sets from it must be its own or nnexp's.

An experiment file may come from anyone; in this section, Hydra would run a target, a logging factory or a
program that an environment variable names before nnexp sees the configuration.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.errors import Problem
from nnexp.config.naming import flattened
from nnexp.config.validation import TARGET
from nnexp.messages import hydra_override
from nnexp.redaction import HIDDEN, redacted

TARGETS = (
    "nnexp.sweeps.",
    "hydra_plugins.",
    "hydra._internal.core_plugins.",
    "hydra.experimental.callbacks.",
    "optuna.samplers.",
)
LOGGING = ("job_logging", "hydra_logging")
CLASS = re.compile(
    r"logging\.(handlers\.)?[A-Za-z]*(Handler|Formatter|Filter)|colorlog\.ColoredFormatter|nnexp\..*"
)
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
PROGRAMS = re.compile(
    r"(LD_|DYLD_|PYTHON|GIT_|BASH_|HYDRA_).*|PATH|PATHEXT|COMSPEC|SHELL|ENV|IFS|PAGER|BROWSER"
)
"""Environment variables that decide which programs or libraries run."""


def hydra_problems(config: DictConfig, plugins: Sequence[str]) -> Iterator[Problem]:
    """Yield what of the section is refused; callbacks may come from the packages in `plugins`."""
    section = OmegaConf.to_container(config.hydra, resolve=False)
    assert isinstance(section, dict)
    for key, value in flattened({str(name): section[name] for name in section}, "hydra.", lists=True):
        names = key.split(".")
        where = hydra_override(key, redacted(value) if isinstance(value, str) else value)
        if stands_for_section(config, key, value):
            yield Problem(where, "refused: an interpolation that stands for a whole section")
        elif names[-1] == TARGET and not is_allowed(value, plugins):
            yield Problem(where, "refused: Hydra builds its own launchers, sweepers and callbacks only")
        elif names[1] in LOGGING and (problem := logging_problem(names[-1], value)):
            yield Problem(where, problem)
        elif names[1:3] == ["job", "env_set"]:
            name = key.removeprefix("hydra.job.env_set.")
            if PROGRAMS.fullmatch(name):
                yield Problem(where, "refused: it decides which programs run; fix: set it in the shell")
            elif redacted(f"{name}={value}") != f"{name}={value}":
                shown = hydra_override(key, HIDDEN)
                yield Problem(
                    shown, "holds a secret, and Hydra writes it to a file; fix: set it in the shell"
                )


def stands_for_section(config: DictConfig, key: str, value: Any) -> bool:
    """Return whether a value is an interpolation that becomes a mapping or a list."""
    if not isinstance(value, str) or "${" not in value:
        return False
    with suppress(OmegaConfBaseException, ValueError, TypeError):  # of what is known in a job only: text
        value = OmegaConf.select(config, key)
        return OmegaConf.is_config(value) or isinstance(value, dict | list)
    return False


def is_allowed(target: Any, plugins: Sequence[str]) -> bool:
    """Return whether Hydra may build a target."""
    return isinstance(target, str) and target.startswith((*TARGETS, *(f"{name}." for name in plugins)))


def logging_problem(name: str, value: Any) -> str:
    """Return what is refused of a value in a configuration of Python's logging, which may call anything."""
    if name in ("()", "class") and not (isinstance(value, str) and CLASS.fullmatch(value)):
        return "refused: expected a handler, formatter or filter of Python's logging"
    if isinstance(value, str) and value.startswith("ext://") and value not in STREAMS:
        return f"refused: expected {' or '.join(STREAMS)}"
    return ""
