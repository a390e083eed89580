"""A recorded configuration in short: what differs from the defaults, as a command and as a preset."""

import inspect
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.build import resolved, validate
from nnexp.config.choices import CUSTOM
from nnexp.config.compose import examine_overrides, hydra_of
from nnexp.config.errors import ConfigError
from nnexp.config.naming import config_hash, flattened
from nnexp.config.overrides.composition import compose_settings, has_setting
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.overrides.examiner import OPTIONAL
from nnexp.config.validation import TARGET, has_parameter, parameters_of
from nnexp.messages import hydra_override, one_line
from nnexp.serving.locate import locate

Values = dict[str, Any]
NOT_KEPT = ("choices", "data.mirrors", "data.root", "plugins", "search", "sweep", "tracking")
"""Keys and sections that are of this machine or of the record, not of the experiment."""
NO_LOCAL = "~local"  # without your own defaults on this machine


@dataclass(frozen=True)
class Preset:
    """A configuration, to be trained again: as overrides, and as a file of the config group `experiment`."""

    overrides: tuple[str, ...]  # "optimizer=adam", "optimizer.lr=0.01"
    command: str  # the same as one types it in a shell: "nnexp optimizer=adam optimizer.lr=0.01"
    yaml: str  # independent of your own defaults on this machine


def preset_of(
    values: Values,
    *,
    config_dir: str | Path | None = None,
    config_name: str = CONFIG_NAME,
    plugins: Sequence[str] = (),
    note: str = "",
) -> Preset | None:
    """Describe a recorded configuration by what differs from the defaults.

    Args:
        values: as in a run's config.yaml.
        config_dir: the folder of config groups that it was composed with.
        config_name: the primary config.
        plugins: packages that may be imported: a record does not decide which code runs.
        note: the first comment of the preset.

    Returns:
        What composes to the same hash; None: no overrides do, since a section was made in Python, or an
        option or a package is missing here.
    """
    choices = values.get("choices")
    needed = values.get("plugins") or []
    if not isinstance(choices, dict) or CUSTOM in choices.values() or not {*needed} <= {*plugins}:
        return None
    groups = {key: option for key, option in choices.items() if key not in (*OPTIONAL, "tracking")}
    given = [hydra_override("plugins", needed)] if needed else []
    chosen = [*given, *(hydra_override(*group) for group in groups.items())]
    try:
        with hydra_of(config_dir) as loader:
            default = compose_settings(loader, config_name, given)["choices"]
            base = compose_settings(loader, config_name, chosen)
            has_local = "default" in loader.get_group_options("local")
            plain = compose_settings(loader, config_name, [*chosen, NO_LOCAL]) if has_local else base
        changed = dict(_changes(values, base))
        overrides = [
            *given,
            *(hydra_override(*group) for group in groups.items() if default.get(group[0]) != group[1]),
            *(f"{_sign(key, base)}{hydra_override(key, value)}" for key, value in changed.items()),
        ]
        examined = examine_overrides(overrides, config_dir=config_dir, config_name=config_name)
        if examined.problems or examined.config is None:
            return None
        composed, problems = validate(resolved(examined.config))
        if problems or config_hash(composed | {"sweep": {}}) != config_hash(values | {"sweep": {}}):
            return None
        everything = dict(_changes(values, plain)) | changed
    except (ConfigError, HydraException, OmegaConfBaseException):
        return None
    words = ["nnexp", *_options(config_dir, config_name), *map(shlex.quote, overrides)]
    return Preset(tuple(overrides), " ".join(words), _as_yaml(groups, needed, everything, note))


def _changes(values: Values, base: DictConfig) -> Iterator[tuple[str, Any]]:
    """Yield the keys whose values differ from a composition with all parameters of its classes."""
    complete = resolved(base)
    required = []
    for section, content in complete.items():
        recorded = values.get(section)
        if isinstance(content, dict) and TARGET in content and isinstance(recorded, dict):
            for key in _required(content, tuple(base.plugins)):
                if key not in content and key in recorded:
                    required.append(f"{section}.{key}")
                    content[key] = recorded[key]
    canonical, problems = validate(complete)
    if problems:
        raise ConfigError(problems)
    before = dict(flattened(canonical))
    yielded = set()
    for leaf, value in flattened(values):
        if leaf in required or leaf not in before or before[leaf] != value:
            key = _outermost_new(leaf, canonical)
            kept = not any(key == other or key.startswith(f"{other}.") for other in NOT_KEPT)
            if kept and key not in yielded:
                yielded.add(key)
                yield key, _at(values, key)


def _required(section: Values, plugins: tuple[str, ...]) -> list[str]:
    """Return the parameters that the class of a section has no default of."""
    try:
        parameters = parameters_of(locate(section[TARGET], plugins))
    except ValueError as error:
        raise ConfigError([]) from error
    return [name for name, (_, default) in parameters.items() if default is inspect.Parameter.empty]


def _outermost_new(leaf: str, base: Values) -> str:
    """Return the first of `a`, `a.b`, `a.b.c` that the base has no mapping at: what is set as a whole."""
    words = leaf.split(".")
    for length in range(1, len(words)):
        if not isinstance(_at(base, ".".join(words[:length])), dict):
            return ".".join(words[:length])
    return leaf


def _at(values: Values, key: str) -> Any:
    """Return the value at a dotted key; None: there is none."""
    inner: Any = values
    for word in key.split("."):
        inner = inner.get(word) if isinstance(inner, dict) else None
    return inner


def _sign(key: str, base: DictConfig) -> str:
    """Return the + of an override whose key neither the composition nor a class has."""
    return "" if has_setting(base, key) or has_parameter(base, key) else "+"


def _options(config_dir: str | Path | None, config_name: str) -> list[str]:
    options = [] if config_name == CONFIG_NAME else ["--config-name", shlex.quote(config_name)]
    return options if config_dir is None else ["--config-dir", shlex.quote(str(config_dir)), *options]


def _as_yaml(groups: dict[str, str], plugins: Sequence[str], changed: Values, note: str) -> str:
    """Write a preset of the config group `experiment`."""
    values: Values = {"plugins": list(plugins)} if plugins else {}
    for key, value in changed.items():
        *parents, last = key.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    head = ["# @package _global_", *([f"# {one_line(note)}"] if note else []), "defaults:"]
    defaults = [
        f"  - {OmegaConf.to_yaml({f'override /{group}': option})}" for group, option in groups.items()
    ]
    text = f"\n{OmegaConf.to_yaml(values)}" if values else ""
    return "\n".join(head) + "\n" + "".join(defaults) + text
