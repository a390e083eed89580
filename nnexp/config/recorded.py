"""The configuration of a recorded run, made ready to run here: never trusted, changed by overrides, at home on this machine.

It may come from a server that others write to. So nothing in it decides which code runs: interpolations are refused, a `_target_`
must be a class of our own networks, optimizers and data, and `plugins` count only if they are given on the command line.
"""

import inspect
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config import ConfigError, Problem, Settings, compose
from nnexp.config.build import resolved as plain
from nnexp.config.compose import CONF
from nnexp.config.naming import flattened
from nnexp.config.overrides import OPTIONAL
from nnexp.config.validation import TARGET
from nnexp.data.images.array_cache import USER_CACHE
from nnexp.messages import did_you_mean
from nnexp.messages import override as typed
from nnexp.messages import override_value as shown
from nnexp.serving.locate import COMPONENTS, OWN, locate

Values = dict[str, Any]
Told = tuple[str, str]  # a label and a text
NEUTRAL = ("augment", "averaging", "regularization", "diagnostics", "optimized_metric", "choices")
"""Sections that older records may lack, and that change nothing unless they are told to."""


def prepared(
    path: Path, overrides: Sequence[str], config_dir: str | None = None
) -> tuple[Values, list[Told]]:
    """The configuration in a file, with overrides, to be run here; and what was changed about it, as (label, text).

    Raises:
        ConfigError: what is recorded cannot be trusted or read, or an override has no place.
    """
    values = recorded(path)
    changes = list(_parsed(overrides))
    plugins = next((change.value() for change in changes if change.key_or_group == "plugins"), [])
    if problems := list(untrusted(values, tuple(map(str, plugins)) if isinstance(plugins, list) else ())):
        raise ConfigError(problems)
    before, notes = dict(flattened(values)), list[Told]()
    values |= {"plugins": []}
    if missing := [section for section in NEUTRAL if section not in values]:
        defaults = plain(compose(["data=digits"]))
        values |= {section: defaults[section] for section in missing} | {"choices": values.get("choices", {})}
        notes.append(
            (
                "filled in",
                f"{', '.join(missing)}: not in the record, which an older nnexp made; as by default",
            )
        )
    notes += at_home(values, {str(change.key_or_group) for change in changes})
    chosen = values.get("choices") or {}
    values = _changed(values, changes, config_dir)
    for change in changes:
        key = str(change.key_or_group)
        was = before.get(key, chosen.get(key))
        notes.append(
            ("changed", str(change.input_line) + (f"; recorded is {shown(was)}" if was is not None else ""))
        )
    run_name = (values.get("tracking") or {}).get("run_name")
    return values | {"tracking": {"enabled": False, "system": None, "run_name": run_name}}, notes


def recorded(path: Path) -> Values:
    """What a run's config.yaml says, as plain values.

    Raises:
        ConfigError: it cannot be read as one.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {str(error).splitlines()[0]}")]) from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError([Problem(str(path), "is no configuration: not a mapping of names to values")])
    odd = [
        Problem(typed(key, value), "an interpolation in a record: refused")
        for key, value in _leaves(values)
        if "${" in str(value)
    ]
    if odd:
        raise ConfigError(odd)
    return values


def untrusted(values: Values, plugins: tuple[str, ...]) -> Iterator[Problem]:
    """What a record may not ask for: code outside our own classes, but for the packages that a person listed now."""
    for key, value in _leaves(values):
        if not key.endswith(TARGET) or key.startswith("tracking."):
            continue
        package = str(value).partition(".")[0]
        if package in plugins:
            continue
        if package != OWN:
            recorded_plugins = values.get("plugins") or []
            listed = (
                f", recorded as plugins={shown(recorded_plugins)}," if package in recorded_plugins else ""
            )
            what = f"code outside {OWN}{listed} is never run because a record says so: if you trust it, add plugins=[{package}]"
            yield Problem(typed(key, value), what)
        elif not str(value).startswith(COMPONENTS) or not _is_class(str(value)):
            yield Problem(
                typed(key, value),
                f"refused: a record may name classes of {', '.join(home[:-1] for home in COMPONENTS)} only",
            )


def at_home(values: Values, given: set[str]) -> Iterator[Told]:
    """Put this machine's data folder, or the file in it, where the recorded one is not here."""
    data = values.get("data")
    if not isinstance(data, dict) or "data" in given:
        return
    here = os.environ.get("NNEXP_DATA") or USER_CACHE
    root, path = data.get("root"), data.get("path")
    if (
        isinstance(root, str)
        and "data.root" not in given
        and root != here
        and not Path(root).expanduser().is_dir()
    ):
        data["root"] = here
        if not isinstance(path, str):
            yield "place", f"the data are looked for in {here}; the recorded folder is not here: {root}"
    if isinstance(path, str) and "data.path" not in given and not Path(path).expanduser().is_file():
        name = Path(path).name
        found = next(
            (place for place in (Path.cwd() / name, Path(here).expanduser() / name) if place.is_file()), None
        )
        if found is None:
            what = f"the recorded file is not here, and no {name} in {Path.cwd()} or {here}: say where it is, data.path=FILE"
            raise ConfigError([Problem(f"data.path={path}", what)])
        data["path"] = str(found)
        yield "place", f"the data are read from {found}; the recorded file is not here: {path}"


def _parsed(overrides: Sequence[str]) -> Iterator[Override]:
    """Overrides as Hydra reads them, one value each."""
    problems = []
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            problems.append(
                Problem(text, f"cannot be read: {str(error).splitlines()[0]}; an override is key=value")
            )
            continue
        key = str(override.key_or_group)
        if override.is_sweep_override():
            problems.append(
                Problem(
                    text,
                    "several values: a run is reproduced once; for one value that is a list, write [a,b]",
                )
            )
        elif override.is_delete():
            problems.append(
                Problem(
                    text, "nothing can be taken away from a recorded configuration: give it another value"
                )
            )
        elif key.partition(".")[0].partition("/")[0] in (*OPTIONAL, "hydra", "tracking", "choices"):
            remedy = (
                "a reproduction stays in its folder"
                if key.startswith("tracking")
                else "give the keys that it would change"
            )
            problems.append(Problem(text, f"cannot be changed here: {remedy}"))
        else:
            yield override
    if problems:
        raise ConfigError(problems)


def _changed(values: Values, changes: Sequence[Override], config_dir: str | None) -> Values:
    """The configuration with overrides: first whole groups, as `nnexp` would compose them, then single values."""
    groups = {
        path.name
        for conf in (CONF, *([Path(config_dir)] if config_dir else []))
        for path in conf.iterdir()
        if path.is_dir()
    }
    chosen = [
        str(change.key_or_group)
        for change in changes
        if change.key_or_group in groups and isinstance(change.value(), str)
    ]
    if chosen:
        kept = [
            c.input_line for c in changes if str(c.key_or_group).partition(".")[0] in (*chosen, "plugins")
        ]
        composed = plain(compose([str(text) for text in kept], config_dir=config_dir))
        values = values | {group: composed[group] for group in chosen}
        values["choices"] = dict(values["choices"]) | {group: composed["choices"][group] for group in chosen}
    known = {key for key, _ in flattened(values) if not key.endswith(TARGET)}
    config, problems = OmegaConf.create(values), []
    for change in changes:
        key = str(change.key_or_group)
        if key in chosen:
            continue
        if key.partition(".")[0] not in Settings.__dataclass_fields__:
            problems.append(
                Problem(str(change.input_line), f"no such key; {did_you_mean(key, known)}".rstrip("; "))
            )
            continue
        try:
            OmegaConf.update(config, key, change.value(), merge=True, force_add=True)
        except (OmegaConfBaseException, ValueError, TypeError, IndexError) as error:
            problems.append(Problem(str(change.input_line), str(error).splitlines()[0]))
    if problems:
        raise ConfigError(problems)
    return plain(config)


def _is_class(name: str) -> bool:
    try:
        return inspect.isclass(locate(name))
    except ValueError:
        return True  # `check` tells why there is no such thing


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value in nested dictionaries and lists, and every key, with its dotted place."""
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if inner is None:
        yield at, value
        return
    for key, item in inner:
        if "${" in str(key):
            yield f"{at}.{key}", key
        yield from _leaves(item, f"{at}.{key}" if at else str(key))
