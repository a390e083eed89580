"""Settings of a search: the section `search`, whose values also have the names of the official sweeper."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnexp.config.errors import ConfigError
from nnexp.config.schema import SearchSettings, SweepSettings
from nnexp.config.validation import TARGET, Validator

OFFICIAL_NAMES = {"trials": "n_trials"} | {
    name: name
    for name in ("sampler", "direction", "storage", "study_name", "max_failure_rate", "custom_search_space")
}
"""Keys of `hydra.sweeper`, which by default have the value of the section."""
SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "nsga2": "NSGAIISampler",
    "grid": "GridSampler",
    "qmc": "QMCSampler",
}
"""The classes of optuna.samplers."""


@dataclass(frozen=True)
class StudySettings(SearchSettings):
    """The section `search`, and what the official sweeper has beyond it."""

    sampler_options: Mapping[str, Any] = field(default_factory=dict)  # of Optuna's class, such as seed


def search_settings(config: DictConfig) -> StudySettings:
    """Return the settings of a search, from the configuration of its command.

    Raises:
        ConfigError: a value in `hydra.sweeper` is invalid; those of the section are validated before.
    """
    section: Any = OmegaConf.to_container(config.search, resolve=True)
    sweeper: Mapping[str, Any] = config.hydra.sweeper
    official = {key: plain(sweeper[name]) for key, name in OFFICIAL_NAMES.items() if name in sweeper}
    sampler = official.get("sampler")
    options = {}
    if isinstance(sampler, dict):
        options = {key: value for key, value in sampler.items() if key != TARGET and value is not None}
        official["sampler"] = sampler_name(str(sampler.get(TARGET, section["sampler"])))
    given = {key: value for key, value in official.items() if value != section[key]}
    validator = Validator()
    values = section | official
    values |= validator.section(
        SearchSettings, {one.name: values[one.name] for one in fields(SearchSettings)}, "s"
    )
    check(validator, {f"s.{key}": f"hydra.sweeper.{OFFICIAL_NAMES.get(key, 'sampler')}" for key in given})
    return StudySettings(**values, sampler_options=options)


def sweep_settings(config: DictConfig) -> SweepSettings:
    """Return the settings of a sweep, whose workers the official sweeper calls n_jobs."""
    section: Any = OmegaConf.to_container(config.sweep, resolve=True)
    settings = SweepSettings(**section)
    validator = Validator()
    jobs = validator.section(SweepSettings, {"jobs": config.hydra.sweeper.get("n_jobs")}, "s")["jobs"]
    check(validator, {"s.jobs": "hydra.sweeper.n_jobs"})
    return replace(settings, jobs=settings.jobs or jobs)


def check(validator: Validator, typed: Mapping[str, str]) -> None:
    """Raise a ConfigError of all problems, which name the keys that were typed."""
    problems = []
    for problem in validator.problems:
        key, _, value = problem.where.partition("=")
        problems.append(replace(problem, where=f"{typed.get(key, key)}={value}"))
    if problems:
        raise ConfigError(problems)


def sampler_name(target: str) -> str:
    """Return the name of a sampler, of which a class of Optuna is typed; another text is returned."""
    return next((name for name, kind in SAMPLERS.items() if target == f"optuna.samplers.{kind}"), target)


def plain(value: Any) -> Any:
    """Return a value without OmegaConf's containers."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
