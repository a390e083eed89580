"""From a composed configuration to objects: check everything, then build everything. The only file with `instantiate`."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.errors import ConfigError, Problem
from nnexp.config.schema import DiagnosticsSettings, Settings, TrackingSettings, TrainerSettings
from nnexp.config.validation import check
from nnexp.optim.regularization import Regularization
from nnexp.redaction import redacted

SECTIONS = {
    "trainer": TrainerSettings,
    "tracking": TrackingSettings,
    "regularization": Regularization,
    "diagnostics": DiagnosticsSettings,
}


def build(config: DictConfig | dict[str, Any]) -> Settings:
    """Check a configuration and build its parts.

    Raises:
        ConfigError: tells all mistakes; nothing was built.
    """
    values = plain(config)
    if problems := _bound(values):
        raise ConfigError(problems)
    built, problems = _built(values)
    if problems:
        raise ConfigError(problems)
    return Settings(**built)


def plain(config: DictConfig | dict[str, Any]) -> dict[str, Any]:
    """The configuration as plain dictionaries and lists, every interpolation resolved; what was left ??? is left out."""
    try:
        values = OmegaConf.to_container(OmegaConf.create(config), resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(
            [Problem(str(error.full_key or ""), (error.msg or str(error)).splitlines()[0])]
        ) from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in _given(values).items()}


def _given(values: Any) -> Any:
    """Nested values without those that nobody gave."""
    if isinstance(values, dict):
        return {key: _given(value) for key, value in values.items() if value != MISSING}
    return [_given(value) for value in values] if isinstance(values, list) else values


def mistakes(values: dict[str, Any]) -> list[Problem]:
    """Every mistake in a plain configuration: first each value by itself, then what does not go together."""
    return _bound(values) or _built(values)[1]


def _bound(values: dict[str, Any]) -> list[Problem]:
    """What signatures refuse."""
    plugins = values.get("plugins")
    listed = tuple(map(str, plugins)) if isinstance(plugins, list) else ()
    return check(Settings, values, plugins=listed) + [
        problem for key, value in values.items() for problem in _secrets(key, value)
    ]


def _secrets(path: str, value: Any) -> list[Problem]:
    """Addresses with a name or a password in them: configurations are logged."""
    if isinstance(value, dict):
        return [problem for key, inner in value.items() for problem in _secrets(f"{path}.{key}", inner)]
    if isinstance(value, list):
        return [problem for inner in value for problem in _secrets(path, inner)]
    if not isinstance(value, str) or redacted(value) == value:
        return []
    remedies = {
        "tracking.uri": "leave it null and set MLFLOW_TRACKING_URI, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    }
    remedy = remedies.get(path, "put them into ~/.netrc")
    return [
        Problem(
            f"{path}={redacted(value)}",
            f"holds a name or a password, and configurations are logged: {remedy}",
        )
    ]


def _built(values: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The parts, and what constructors refuse."""
    built, problems = dict(values), []
    for key, value in values.items():
        if key in SECTIONS:
            try:
                built[key] = SECTIONS[key](**value)
            except ValueError as error:
                problems.append(Problem(key, str(error)))
        elif isinstance(value, dict) and "_target_" in value:
            try:
                built[key] = instantiate(value, _convert_="all")
            except InstantiationException as error:
                if not isinstance(error.__cause__, ValueError | ArithmeticError):
                    raise
                problems.append(Problem(key, str(error.__cause__)))
    return built, problems
