"""From a composed configuration to objects: validate, then build. The only file with `instantiate`."""

from collections.abc import Iterator, Mapping
from os import environ
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.errors import ConfigError, Problem
from nnexp.config.expansion import check_expansion
from nnexp.config.metric_names import invalid_names, missing_for_classes
from nnexp.config.schema import (
    CheckpointSettings,
    DiagnosticsSettings,
    SearchSettings,
    Settings,
    SweepSettings,
    TrackingSettings,
    TrainerSettings,
)
from nnexp.config.validation import TARGET, Validator, Values, parameters_of
from nnexp.config.yaml.node import Origin, origins_of
from nnexp.messages import first_line, list_override
from nnexp.optim.regularization import Regularization
from nnexp.redaction import redacted

NO_HYDRA = "HydraConfig was not set"
OVERRIDE_DIRNAME = "hydra:job.override_dirname"
RESOLVING = "KeyError raised while resolving interpolation: "
SECTIONS = {
    "trainer": TrainerSettings,
    "tracking": TrackingSettings,
    "regularization": Regularization,
    "diagnostics": DiagnosticsSettings,
    "checkpoint": CheckpointSettings,
    "sweep": SweepSettings,
    "search": SearchSettings,
}


OF_SWEEPS = ("sweep", "search")
"""Sections that are of no single run."""


def build(config: DictConfig | Values) -> Settings:
    """Resolve and validate a configuration, and build its objects.

    Raises:
        ConfigError: all errors.
    """
    config = config if isinstance(config, DictConfig) else OmegaConf.create(config)
    settings, problems = examine(resolved(config), dict(origins_of(config)))
    if settings is None:
        raise ConfigError(problems)
    return settings


def examine(
    values: Values, origins: Mapping[str, Origin] | None = None
) -> tuple[Settings | None, list[Problem]]:
    """Build a resolved configuration, or return all errors: of values, else of constructors."""
    canonical, problems = validate(values, origins)
    if problems:
        return None, problems
    built = dict(canonical)
    for key, value in canonical.items():
        if is_object(key, value):
            built[key], problem = construct(key, value)
            problems += [problem] if problem is not None else []
    if problems:
        return None, problems
    settings = Settings(**built)
    if problems := [*missing_for_classes(canonical, len(settings.data.known_classes))]:
        return None, problems
    values = {key: value for key, value in canonical.items() if key not in OF_SWEEPS}
    object.__setattr__(settings, "values", values)
    return settings, []


def is_object(key: str, value: Any) -> bool:
    """Return whether a section of a configuration is what an object is built from."""
    return key in (*SECTIONS, "metrics") or (isinstance(value, dict) and TARGET in value)


def construct(key: str, value: Any) -> tuple[Any, Problem | None]:
    """Build the object of a valid section, or return the error of its constructor."""
    try:
        if key in SECTIONS:
            return SECTIONS[key](**value), None
        if isinstance(value, dict):  # without keywords, which Hydra merges in a copy
            return instantiate({**value, "_convert_": "all"}), None
        return instantiate(value, _convert_="all"), None
    except ValueError as error:
        return None, Problem(key, str(error))
    except InstantiationException as error:
        if not isinstance(error.__cause__, ValueError | ArithmeticError):
            raise
        return None, Problem(key, str(error.__cause__))


def validate(values: Values, origins: Mapping[str, Origin] | None = None) -> tuple[Values, list[Problem]]:
    """Return the canonical form of a resolved configuration, invalid values as they are, and all problems.

    Equal values become the same: of the declared type, with all parameters of a component.
    """
    plugins = values.get("plugins")
    allowed = tuple(map(str, plugins)) if isinstance(plugins, list) else ()
    validator = Validator(allowed, origins or {}, values.get("choices") or {})
    canonical = validator.section(Settings, values)
    problems = [*validator.problems, *invalid_names(values)]
    problems += [problem for key, value in values.items() for problem in _credentials(key, value)]
    if not problems:
        kinds = {key: annotation for key, (annotation, _) in parameters_of(Settings).items()}
        canonical = {key: validator.with_defaults(kinds[key], value) for key, value in canonical.items()}
    return canonical, problems


def resolved(config: DictConfig | Values) -> Values:
    """Resolve interpolations into plain dictionaries and lists without ??? values, or raise a ConfigError."""
    config = config if isinstance(config, DictConfig) else OmegaConf.create(config)
    check_expansion(config)
    try:
        values = OmegaConf.to_container(config, resolve=True)
    except RecursionError as error:
        raise ConfigError([Problem("", "interpolations refer to each other in a circle")]) from error
    except OmegaConfBaseException as error:
        what = first_line(error.msg or str(error)).removeprefix(RESOLVING).strip('"')
        name = what.split("'")[1] if what.startswith("Interpolation key '") else ""
        if name in environ:
            what = f"{what}; fix: ${{oc.env:{name}}}, the environment variable"
        key = str(error.full_key or "")
        if what.endswith(NO_HYDRA):
            what = (
                "${hydra:...} has a value in overrides only; fix: pass it to the command or to nnexp.compose"
            )
            if OVERRIDE_DIRNAME in str(OmegaConf.to_container(config)):
                exclude = list_override("hydra.job.config.override_dirname.exclude_keys", key)
                what = f"${{{OVERRIDE_DIRNAME}}} holds this override itself; fix: {exclude}"
        origin = dict(origins_of(config)).get(key, "")
        problem = Problem(key, what, str(origin))
        raise ConfigError([problem]) from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in _without_missing(values).items()}


def _without_missing(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _without_missing(value) for key, value in values.items() if value != MISSING}
    return [_without_missing(value) for value in values] if isinstance(values, list) else values


def _credentials(path: str, value: Any) -> Iterator[Problem]:
    """Refuse URIs that hold a user name or a password: configurations are logged."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _credentials(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _credentials(path, inner)
    elif isinstance(value, str) and redacted(value) != value:
        fix = "put them into ~/.netrc"
        if path == "tracking.uri":
            variables = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            fix = f"leave it null and set MLFLOW_TRACKING_URI, or {variables}"
        if path == "search.storage":
            fix = "leave them out and set PGUSER and PGPASSWORD"
        what = f"holds a user name or a password, and configurations are logged; fix: {fix}"
        yield Problem(f"{path}={redacted(value)}", what)
