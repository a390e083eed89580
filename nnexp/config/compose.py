"""From overrides to a checked configuration, with all mistakes of all overrides told at once.

Hydra stops at the first override that it cannot place. So each is looked at by itself first, those that are wrong are left
out, and what can still be composed is checked as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import version as hydra_version
from hydra._internal.hydra import (
    Hydra,
)  # what initialize_config_dir uses; it has no argument for a second folder
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.build import mistakes, plain
from nnexp.config.errors import ConfigError, Problem, did_you_mean, nearest, typed
from nnexp.config.validation import TARGET

PACKAGE = Path(__file__).parent.parent
CONF = next(
    path for path in (PACKAGE / "conf", PACKAGE.parent / "conf") if path.is_dir()
)  # in a wheel; in a checkout
CONFIG_NAME = "config"
OPTIONAL = ("experiment", "debug")  # groups of which nothing may be chosen


def compose(
    overrides: Sequence[str] = (), *, config_dir: str | Path | None = None, config_name: str = CONFIG_NAME
) -> DictConfig:
    """Compose the configuration that `nnexp OVERRIDES` would run.

    Args:
        overrides: as on the command line, e.g. ["data=digits", "trainer.epochs=3"].
        config_dir: a folder of your own config groups, looked in first.
        config_name: the primary config.

    Raises:
        ConfigError: tells all mistakes.
    """
    config, problems = examine(overrides, config_dir=config_dir, config_name=config_name)
    if problems or config is None:
        raise ConfigError(problems)
    return config


@contextmanager
def hydra_of(config_dir: str | Path | None) -> Iterator[ConfigLoader]:
    """A Hydra over our groups and a person's own; a Hydra application around it stays as it was."""
    outer = GlobalHydra.instance().hydra
    search_path = create_config_search_path(str(CONF))
    if config_dir is not None:
        search_path.prepend("command-line", f"file://{Path(config_dir).resolve()}")
    try:
        hydra_version.setbase("1.3")
        GlobalHydra.instance().clear()
        Hydra.create_main_hydra2("nnexp", search_path)
        yield GlobalHydra.instance().config_loader()
    finally:
        GlobalHydra.instance().clear()
        GlobalHydra.instance().hydra = outer


def examine(
    overrides: Sequence[str],
    *,
    sweep: bool = False,
    config_dir: str | Path | None = None,
    config_name: str = CONFIG_NAME,
) -> tuple[DictConfig | None, list[Problem]]:
    """Compose what can be composed and find every mistake; in a sweep, in every value that is swept over."""
    return examined(overrides, sweep=sweep, config_dir=config_dir, config_name=config_name)[:2]


def examined(
    overrides: Sequence[str],
    *,
    sweep: bool = False,
    config_dir: str | Path | None = None,
    config_name: str = CONFIG_NAME,
) -> tuple[DictConfig | None, list[Problem], bool]:
    """The same, and whether it is a sweep, be it by a preset."""
    if config_dir is not None and not Path(config_dir).is_dir():
        return None, [Problem(f"--config-dir {config_dir}", "no such folder")], sweep
    with hydra_of(config_dir) as loader:
        examination = _Examination(loader, sweep, config_name)
        return *examination.run(overrides), examination.sweep


def record_choices(config: DictConfig, choices: Mapping[Any, Any]) -> DictConfig:
    """Write into a configuration which option of each group it was composed from."""
    with open_dict(config):
        named = sorted((str(group), option) for group, option in choices.items() if option)
        config.choices = {
            group: option for group, option in named if group != "local" and not group.startswith("hydra/")
        }
    return config


class _Examination:
    """One look at a list of overrides: `problems` fills as it goes."""

    def __init__(self, loader: ConfigLoader, sweep: bool, config_name: str) -> None:
        self.loader, self.sweep, self.config_name = loader, sweep, config_name
        self.groups = [group for group in loader.list_groups("") if group != "hydra"]
        self.problems: list[Problem] = []

    def run(self, overrides: Sequence[str]) -> tuple[DictConfig | None, list[Problem]]:
        overrides = [*self.preset_sweep(overrides), *overrides]
        parsed = {text: override for text in overrides if (override := self.parsed(text)) is not None}
        kept = {text: self.options(override) for text, override in parsed.items() if self.is_group(override)}
        rest = {text: self.values(override) for text, override in parsed.items() if text not in kept}
        config = self.composed(_first(kept | rest), final=False)
        if config is None and (config := self.composed(_first(kept))) is not None:
            rest = {text: values for text, values in rest.items() if self.has_place(parsed[text], config)}
            rest = {
                text: values for text, values in rest.items() if self.fits(text, [*_first(kept), *values[:1]])
            }
            config = self.composed(_first(kept | rest))
        kept |= rest
        if config is not None:
            self.check(config)
            for text, lines in kept.items():
                for line in lines[
                    1:
                ]:  # one sweep at a time; their product would be long, and finds little more
                    if (other := self.composed(_first(kept | {text: [line]}))) is not None:
                        self.check(other)
        return config, list(dict.fromkeys(self.problems))

    def preset_sweep(self, overrides: Sequence[str]) -> list[str]:
        """What a preset itself sweeps over, as overrides, but for what the command line says otherwise."""
        given = {text.lstrip("+").partition("=")[0] for text in overrides}
        presets = [
            text
            for text in overrides
            if text.partition("=")[0] in (*OPTIONAL, "hydra.mode") and not text.endswith("=null")
        ]
        try:
            hydra = (
                hydra_compose(self.config_name, presets, return_hydra_config=True).hydra if presets else None
            )
        except (HydraException, OmegaConfBaseException):
            return []  # told later, with the place
        if hydra is None or hydra.mode != RunMode.MULTIRUN:
            return []
        self.sweep = True
        return [
            f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items() if key not in given
        ]

    def parsed(self, text: str) -> Override | None:
        try:
            (override,) = OverridesParser.create(self.loader).parse_overrides([text])
        except HydraException as error:
            self.problems.append(
                Problem(text, f"cannot be read: {str(error).splitlines()[0]}; an override is key=value")
            )
            return None
        if not override.key_or_group:
            self.problems.append(Problem(text, "cannot be read: there is no key; an override is key=value"))
            return None
        if override.is_sweep_override() and not self.sweep:
            self.problems.append(
                Problem(
                    text, "several values make a sweep: add -m; for one value that is a list, write [a,b]"
                )
            )
            return None
        if override.is_discrete_sweep() and not self.values(override):
            self.problems.append(Problem(text, "a sweep over no values"))
            return None
        return override

    def is_group(self, override: Override) -> bool:
        return override.key_or_group in self.groups and not override.is_delete()

    def is_hydra(self, override: Override) -> bool:
        return str(override.key_or_group).startswith(("hydra.", "hydra/"))

    def values(self, override: Override) -> list[str]:
        """An override as lines of one value each (none where a sweeper draws the values)."""
        if not override.is_sweep_override():
            return [str(override.input_line)]
        if not override.is_discrete_sweep():
            return []
        return [f"{override.get_key_element()}={value}" for value in override.sweep_iterator(Transformer.str)]

    def options(self, override: Override) -> list[str]:
        """The same for a group; an option that there is not is told, and the one that was likely meant takes its place."""
        group, lines = str(override.key_or_group), []
        known = self.loader.get_group_options(group, ObjectType.CONFIG)
        for line in self.values(override):
            key, option = line.split("=", 1)
            if option in known:
                lines.append(line)
                continue
            if option == "null" and group in OPTIONAL:
                continue
            advice = did_you_mean(option, known)
            self.problems.append(
                Problem(typed(group, option), f"no such option; {advice}there are: {', '.join(known)}")
            )
            if (guess := nearest(option, known)) is not None:
                lines.append(f"{key}={guess}")
        return lines

    def has_place(self, override: Override, config: DictConfig) -> bool:
        """Whether the configuration has the key that a plain override wants to change."""
        key = str(override.key_or_group)
        if (
            self.is_hydra(override)
            or override.is_add()
            or override.is_force_add()
            or override.is_delete()
            or _exists(config, key)
        ):
            return True
        known = {key for key in _leaves(OmegaConf.to_container(config)) if not key.endswith(TARGET)} | set(
            self.groups
        )
        parent = key.rpartition(".")[0]
        beside = sorted(name for name in known if parent and name.rpartition(".")[0] == parent)
        what = f"no such key; {did_you_mean(key, known)}" + (
            f"known there: {', '.join(beside)}" if beside else ""
        )
        self.problems.append(Problem(str(override.input_line), what.rstrip("; ")))
        return False

    def fits(self, text: str, overrides: list[str]) -> bool:
        """Whether Hydra takes an override beside the groups; if not, why."""
        try:
            hydra_compose(self.config_name, overrides)
        except (HydraException, OmegaConfBaseException) as error:
            self.problems.append(Problem(text, str(error.__cause__ or error).strip().splitlines()[0]))
            return False
        return True

    def composed(self, overrides: list[str], final: bool = True) -> DictConfig | None:
        """Hydra's composition; a refusal is told if it is final."""
        try:
            config = hydra_compose(self.config_name, overrides, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException) as error:
            if final:
                self.problems.append(Problem("", (str(error) or str(error.__cause__)).strip()))
            return None
        choices = config.hydra.runtime.choices
        with open_dict(config):
            del config["hydra"]
        return record_choices(config, choices)

    def check(self, config: DictConfig) -> None:
        try:
            self.problems += mistakes(plain(config))
        except ConfigError as error:
            self.problems += error.problems


def _first(lines: dict[str, list[str]]) -> list[str]:
    return [options[0] for options in lines.values() if options]


def _exists(config: DictConfig, key: str) -> bool:
    parent, _, leaf = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and leaf in list(node.keys())  # `in` is False for what is ???


def _leaves(values: Any, at: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{at}{key}.")
        else:
            yield f"{at}{key}"
