"""Examination of overrides: all errors of all overrides, and the composition of those that are valid.

Hydra stops at the first override that it rejects. So each override is parsed by itself, those that are wrong
are left out, and the composition of the others is validated as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra import compose as hydra_compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.build import examine, resolved
from nnexp.config.errors import ConfigError, Problem
from nnexp.config.overrides.checked_override import CheckedOverride, first_values
from nnexp.config.overrides.composition import compose_settings, explain_unknown_key, has_setting, to_values
from nnexp.config.overrides.composition_errors import explain_composition, explain_option, explain_refusal
from nnexp.config.overrides.syntax import explain_several, explain_syntax
from nnexp.config.overrides.text import OVERRIDE, annotation_at, rewrite, rewrite_all, split_items
from nnexp.config.validation import Values, has_parameter
from nnexp.config.yaml.node import origins_of
from nnexp.messages import did_you_mean, hydra_override, nearest

OPTIONAL = ("experiment", "debug")  # config groups that may be null


@dataclass(frozen=True)
class Examination:
    """What the overrides of a command line make."""

    config: DictConfig | None  # of the valid ones, a sweep's with the first value of each; None: impossible
    problems: list[Problem]  # all errors; in a sweep, of every value that is swept over
    is_sweep: bool  # by -m, or by a preset whose hydra.mode is MULTIRUN
    overrides: Sequence[str]  # with quotes around what is text, and + before keys that a YAML leaves out


class OverridesExaminer:
    """Examines the overrides of one command line."""

    def __init__(
        self, loader: ConfigLoader, sweep: bool, config_name: str, known: Values | None = None
    ) -> None:
        self.loader = loader
        self.sweep = sweep  # whether several values of an override make a sweep (-m)
        self.config_name = config_name
        self.known = known  # the configuration of those overrides that can be parsed
        self.groups = [group for group in loader.list_groups("") if group != "hydra"]
        self.problems: list[Problem] = []
        self.rejected: set[str] = set()  # keys whose overrides are left out
        self.added: set[str] = set()  # overrides of keys that a class has and its YAML leaves out

    def examine(self, overrides: Sequence[str]) -> Examination:
        """Parse, compose and validate overrides; in a sweep, every value.

        What the first composition shows to be text is written with quotes, and all are examined again.
        """
        keys = [text.partition("=")[0].lstrip("+") for text in overrides]
        annotations = [str if key in self.groups else None for key in keys]
        given = [rewrite(*pair, self.sweep) for pair in zip(overrides, annotations, strict=True)]
        checked = self.parse_all(given)
        config = self.compose(checked, report=False)
        if config is None:
            checked, config = self.compose_valid(checked)
        if config is not None and self.known is None:
            known = to_values(config)
            rewritten = rewrite_all(given, known, self.sweep)
            if rewritten != given or self.problems:
                again = OverridesExaminer(self.loader, self.sweep, self.config_name, known)
                return again.examine(rewritten)
        if config is not None:
            self.validate(config)
            for override in checked:
                for value in override.values[1:]:  # one sweep at a time; the product would take long
                    swept = self.compose(checked, replaced={override.text: value})
                    if swept is not None:
                        self.validate(swept)
        given = [f"+{text}" if text in self.added else text for text in given]
        return Examination(config, list(dict.fromkeys(self.problems)), self.sweep, given)

    def parse_all(self, overrides: Sequence[str]) -> list[CheckedOverride]:
        """Parse overrides and those of a preset that sweeps; those of config groups come first."""
        texts = dict.fromkeys([*self.sweep_of_preset(overrides), *overrides])
        before = ["", *texts]
        parsed = [self.parse(text, before[i]) for i, text in enumerate(texts)]
        checked = [override for override in parsed if override is not None]
        return sorted(checked, key=lambda override: not override.is_group)

    def compose_valid(
        self, checked: list[CheckedOverride]
    ) -> tuple[list[CheckedOverride], DictConfig | None]:
        """Compose the groups and those of the other overrides that fit them."""
        groups = [override for override in checked if override.is_group or override.key == "plugins"]
        groups += [one for one in checked if one.key.startswith("hydra/") and self.is_accepted(one, [])]
        base = self.compose(groups)
        if base is None:
            return groups, None
        others = [override for override in checked if override not in groups]
        others = [self.added_to(base, override) for override in others if self.has_key(override, base)]
        valid = [override for override in others if self.is_accepted(override, groups)]
        return groups + valid, self.compose(groups + valid)

    def sweep_of_preset(self, overrides: Sequence[str]) -> list[str]:
        """Return the sweep of a preset as overrides, without keys that the command line sets itself."""
        given = {text.lstrip("+").partition("=")[0] for text in overrides}
        keys = (*OPTIONAL, "hydra.mode")
        presets = [text for text in overrides if text.split("=")[0] in keys and not text.endswith("=null")]
        if not presets:
            return []
        try:
            hydra = hydra_compose(self.config_name, presets, return_hydra_config=True).hydra
        except (HydraException, OmegaConfBaseException):
            return []  # reported when all overrides are composed
        if hydra.mode != RunMode.MULTIRUN:
            return []
        self.sweep = True
        swept = hydra.sweeper.get("params") or {}
        return [f"{key}={value}" for key, value in swept.items() if key not in given]

    def parse(self, text: str, before: str = "") -> CheckedOverride | None:
        """Parse an override by itself, and report what is wrong with it; before: the argument before it."""
        annotation = annotation_at(self.known, text.partition("=")[0].lstrip("+")) if self.known else None
        match = OVERRIDE.fullmatch(text)
        if not self.sweep and match is not None and len(split_items(match["value"])) > 1:
            self.reject(text, explain_several(text, annotation))
            return None
        try:
            (parsed,) = OverridesParser.create(self.loader).parse_overrides([text])
        except HydraException as error:
            if annotation is not None or self.has_key_of(text):
                self.reject(text, explain_syntax(text, error, annotation, before))
            return None
        values = self.values_of(parsed)
        problem = ""
        if not parsed.key_or_group:
            problem = "cannot be parsed: there is no key; expected key=value"
        elif parsed.is_sweep_override() and not self.sweep:
            problem = explain_several(text, None)
        elif parsed.is_discrete_sweep() and not values:
            problem = "a sweep over no values"
        if problem:
            self.reject(text, problem)
            return None
        is_group = parsed.key_or_group in self.groups and not parsed.is_delete()
        if is_group:
            values = self.known_options(str(parsed.key_or_group), values)
        return CheckedOverride(parsed, is_group, values)

    def values_of(self, parsed: Override) -> list[str]:
        """Return one override for each value that is swept over; none where a sweeper draws the values."""
        if not parsed.is_sweep_override():
            return [str(parsed.input_line)]
        if not parsed.is_discrete_sweep():
            return []
        key = parsed.get_key_element()
        return [f"{key}={value}" for value in parsed.sweep_iterator(Transformer.str)]

    def reject(self, text: str, what: str) -> None:
        """Report a problem of an override."""
        self.rejected.add(text.partition("=")[0].lstrip("+~"))
        self.problems.append(Problem(text, what))

    def known_options(self, group: str, values: list[str]) -> list[str]:
        """Report options that do not exist, and replace each by the nearest one."""
        known = self.loader.get_group_options(group, ObjectType.CONFIG)
        valid = []
        for value in values:
            key, option = value.split("=", 1)
            option = option.strip("\"'")
            if option in known:
                valid.append(value)
            elif option != "null" or group not in OPTIONAL:
                advice = did_you_mean(option, known)
                advice = explain_option(self.loader, group, option) + advice
                what = f"no such option; {advice}options: {', '.join(known)}"
                self.problems.append(Problem(f"{group}={option}", what))
                guess = nearest(option, known)
                if guess is not None:
                    valid.append(hydra_override(key, guess))
                else:
                    self.rejected.add(group)
        return valid

    def has_key(self, override: CheckedOverride, config: DictConfig) -> bool:
        """Return whether the configuration has the key that the override changes; report it if not."""
        parsed = override.parsed
        key = override.key
        if key.startswith(("hydra.", "hydra/")) or parsed.is_add() or parsed.is_force_add():
            return True
        in_defaults = parsed.is_delete() and key in self.groups
        if in_defaults or has_setting(config, key) or (not parsed.is_delete() and has_parameter(config, key)):
            return True
        if key.partition(".")[0] in self.rejected:  # an option that does not exist has unknown keys
            return False
        self.reject(override.text, explain_unknown_key(key, config, self.groups))
        return False

    def has_key_of(self, text: str) -> bool:
        """Return whether the key of an override that cannot be parsed may exist; report it if not."""
        match = OVERRIDE.fullmatch(text)
        if self.known is None or match is None or match["key"].startswith("+"):
            return True
        try:
            parsed = OverridesParser.create(self.loader).parse_override(f"{match['key']}=null")
        except HydraException:
            return True
        parsed.input_line = text
        return self.has_key(CheckedOverride(parsed, False, []), OmegaConf.create(self.known))

    def added_to(self, config: DictConfig, override: CheckedOverride) -> CheckedOverride:
        """Return an override that adds its key where only the class of the section has it."""
        if has_setting(config, override.key) or not has_parameter(config, override.key):
            return override
        self.added.add(override.text)
        return override.adding()

    def is_accepted(self, override: CheckedOverride, groups: list[CheckedOverride]) -> bool:
        """Return whether Hydra accepts the override beside the groups; report why not."""
        try:
            hydra_compose(self.config_name, first_values([*groups, override], {}))
        except (HydraException, OmegaConfBaseException) as error:
            self.reject(override.text, explain_refusal(error))
            return False
        return True

    def compose(
        self, checked: list[CheckedOverride], report: bool = True, replaced: Mapping[str, str] | None = None
    ) -> DictConfig | None:
        """Compose the first value of each override; None, and a problem if `report`, where Hydra refuses."""
        try:
            return compose_settings(self.config_name, first_values(checked, replaced or {}))
        except (HydraException, OmegaConfBaseException) as error:
            self.problems += [explain_composition(error, self.loader, self.config_name)] if report else []
        except ConfigError as error:
            self.problems += error.problems
        return None

    def validate(self, config: DictConfig) -> None:
        """Report the errors of a composed configuration."""
        try:
            problems = examine(resolved(config), dict(origins_of(config)))[1]
            self.problems += [problem for problem in problems if problem.where not in self.rejected]
        except ConfigError as error:
            self.problems += error.problems
