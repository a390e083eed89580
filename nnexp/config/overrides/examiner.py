"""Examination of overrides: all errors of all overrides, and the jobs that those that are valid make.

Hydra stops at the first override that it rejects. So each override is parsed by itself, those that are wrong
are left out, and the composition of the others is validated as a whole: in a sweep, of every job.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from shlex import quote

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from nnexp.config.annotations import TYPE_NAMES
from nnexp.config.errors import Problem
from nnexp.config.overrides.checked_override import CheckedOverride, key_of
from nnexp.config.overrides.composition import explain_unknown_key, to_values
from nnexp.config.overrides.composition_errors import explain_option
from nnexp.config.overrides.conditions import SearchGrid, condition_texts, invalid_conditions
from nnexp.config.overrides.jobs import ComposedJob, JobChecker
from nnexp.config.overrides.loader import CachingLoader
from nnexp.config.overrides.options import nearest_option, suggest_option
from nnexp.config.overrides.sweeper import (
    BASIC_SWEEPER,
    Grid,
    compose_hydra,
    is_group_of_hydra,
    value_text,
    values_of,
)
from nnexp.config.overrides.syntax import explain_several, explain_syntax
from nnexp.config.overrides.text import OVERRIDE, annotation_at, rewrite, rewrite_all, split_items
from nnexp.config.validation import Values
from nnexp.messages import hydra_override

OPTIONAL = ("experiment", "hparams_search", "debug")  # config groups that may be null
MAX_JOBS = 100_000
MAX_TRIED = 1_000  # jobs until one can be composed


@dataclass(frozen=True)
class Examination:
    """What the overrides of a command line make."""

    config: DictConfig | None  # of the valid ones, a sweep's with the first value of each; None: impossible
    problems: list[Problem]  # all errors, of all jobs
    is_sweep: bool  # by -m, or by a preset whose hydra.mode is MULTIRUN
    overrides: Sequence[str]  # with quotes around what is text, and ++ before keys that a YAML leaves out
    jobs: list[ComposedJob] = field(default_factory=list)  # where the sweeper does not choose them by results
    swept: dict[str, list[str]] = field(default_factory=dict)  # all values of each key, as text
    space: dict[str, str] = field(default_factory=dict)  # the values of each key, as they were typed
    loader: CachingLoader | None = None


class OverridesExaminer:
    """Examines the overrides of one command line."""

    def __init__(
        self, loader: CachingLoader, sweep: bool, config_name: str, known: Values | None = None
    ) -> None:
        self.loader = loader
        self.sweep = sweep  # whether several values of an override make a sweep (-m)
        self.is_grid = True  # whether Hydra's basic sweeper makes the jobs
        self.config_name = config_name
        self.known = known  # the configuration of those overrides that can be parsed
        self.checker = JobChecker.of(loader, config_name)
        self.groups = self.checker.groups
        self.problems: list[Problem] = []  # of overrides by themselves
        self.intervals: dict[str, str] = {}  # the override in which each tried value of an interval lies

    def examine(self, overrides: Sequence[str]) -> Examination:
        """Parse, compose and validate overrides; in a sweep, every job.

        What the first composition shows to be text is written with quotes, and all are examined again.
        """
        annotations = [str if key_of(text) in self.groups else None for text in overrides]
        given = [rewrite(*pair, self.sweep) for pair in zip(overrides, annotations, strict=True)]
        checked = self.parse_all(given)
        grid = self.grid_of(checked)
        composed = (self.checker.settings(job, number) for number, job in enumerate(islice(grid, MAX_TRIED)))
        config = next((settings for settings in composed if settings is not None), None)
        if config is not None and self.known is None:
            known = to_values(config)
            rewritten = rewrite_all(given, known, self.sweep)
            if rewritten != given or self.problems or self.checker.problems:
                again = OverridesExaminer(self.loader, self.sweep, self.config_name, known)
                return again.examine(rewritten)
        is_small = grid.count <= MAX_JOBS
        swept = [grid.swept_values(job) for job in grid] if is_small else [{}]
        is_checked = config is not None and is_small
        jobs = [self.checker.check(job, i, swept[i]) for i, job in enumerate(grid)] if is_checked else []
        return Examination(
            config,
            list(dict.fromkeys([*self.problems, *map(self.as_typed, self.checker.all_problems(swept))])),
            self.sweep,
            self.complete(given, checked),
            jobs=[replace(job, overrides=self.checker.complete(job.overrides)) for job in jobs if job]
            if self.is_grid
            else [],
            swept={key_of(one.key): texts_of(one) for one in checked if is_small and one.key in grid.swept},
            space={key_of(one.key): one.text.partition("=")[2] for one in checked if one.key in grid.swept},
            loader=self.loader,
        )

    def parse_all(self, overrides: Sequence[str]) -> list[CheckedOverride]:
        """Parse overrides and those that the section `hydra` sweeps over."""
        hydra = compose_hydra(self.loader, self.config_name, overrides)
        self.sweep = self.sweep or (hydra is not None and hydra.mode == RunMode.MULTIRUN)
        texts = list(overrides)
        if self.sweep and hydra is not None:
            self.is_grid = hydra.sweeper._target_ == BASIC_SWEEPER
            texts = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()] + texts
        if self.sweep:  # the last override of a key counts, at the place of the first one
            texts = list({text.partition("=")[0]: text for text in texts}.values())
        parsed = [self.parse(text, before) for text, before in zip(texts, ["", *texts], strict=False)]
        return [override for override in parsed if override is not None]

    def grid_of(self, checked: Sequence[CheckedOverride]) -> Grid:
        """Return the grid of jobs; one that is too large is reported."""
        grid = Grid.of(checked) if self.is_grid else SearchGrid.of(checked)
        if not self.is_grid:
            self.problems += invalid_conditions(checked)
        self.checker.hydra = grid.hydra
        self.checker.typed = {value: one.text for one in checked for value in one.values}
        intervals = [one for one in checked if one.is_interval]
        self.intervals = {value: one.text for one in intervals for value in one.values}
        if grid.count > MAX_JOBS:
            what = f"the sweep has {grid.count:,} jobs, expected at most {MAX_JOBS:,}; fix: fewer values"
            swept = " ".join(one.text for one in checked if one.key in grid.swept)
            self.problems.append(Problem(swept, what))
        return grid

    def as_typed(self, problem: Problem) -> Problem:
        """Return a problem of a value that lies in an interval as one of the interval."""
        typed = self.intervals.get(problem.where)
        if typed is None:
            return problem
        is_whole = problem.what.startswith(f"must be {TYPE_NAMES[int]}")
        key, _, value = typed.partition("=")
        fix = f"; fix: {quote(f'{key}=int({value})')}" if is_whole and "interval" in value else ""
        return replace(problem, where=typed, what=f"{problem.what}{fix}")

    def complete(self, given: Sequence[str], checked: Sequence[CheckedOverride]) -> list[str]:
        """Return overrides with ++ before added keys, and with the values of a shuffle in the order drawn."""
        drawn = {one.key: one for one in checked if getattr(one.parsed.value(), "shuffle", False)}
        texts = [text for text in given if text.partition("=")[0] not in drawn]
        texts += [f"{key}={','.join(written_values(one))}" for key, one in drawn.items()]
        return list(self.checker.complete(texts))

    def parse(self, text: str, before: str = "") -> CheckedOverride | None:
        """Parse an override by itself, and report what is wrong with it; before: the argument before it."""
        annotation = annotation_at(self.known, key_of(text)) if self.known else None
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
        problem = self.problem_of(parsed)
        if problem:
            self.reject(text, problem)
            return None
        values = values_of(parsed, self.sweep)
        is_group = parsed.key_or_group in self.groups or is_group_of_hydra(self.loader, parsed)
        if is_group and not parsed.is_delete():
            values = self.known_options(str(parsed.key_or_group), values)
        return CheckedOverride(parsed, values)

    def problem_of(self, parsed: Override) -> str:
        """Return what is wrong with an override that can be parsed."""
        text = str(parsed.input_line)
        if not parsed.key_or_group:
            return "cannot be parsed: there is no key; expected key=value"
        if not parsed.is_sweep_override():
            return ""
        if not self.sweep:
            return explain_several(text, None)
        if parsed.key_or_group.startswith(("hydra.", "hydra/", "sweep.", "search.")):
            return "is of the whole sweep, so it is not swept over; expected one value"
        if parsed.is_discrete_sweep():
            return "" if values_of(parsed, self.sweep) else "a sweep over no values"
        return (
            "is for a sweeper that draws values; expected values a,b,c or range(a,b)" if self.is_grid else ""
        )

    def reject(self, text: str, what: str) -> None:
        """Report a problem of an override."""
        self.checker.rejected.add(key_of(text))
        self.problems.append(Problem(text, what))

    def known_options(self, group: str, values: list[str]) -> list[str]:
        """Report options that do not exist, and replace each by the nearest one."""
        known = self.loader.get_group_options(group, ObjectType.CONFIG)
        valid = []
        for value in values:
            key, option = value.split("=", 1)
            option = option.strip("\"'")
            if option in known or (option == "null" and group in OPTIONAL):
                valid.append(value)
            else:
                advice = suggest_option(option, known)
                advice = explain_option(self.loader, group, option) + advice
                what = f"no such option; {advice}options: {', '.join(known)}"
                self.problems.append(Problem(f"{group}={option}", what))
                guess = nearest_option(option, known)
                if guess is not None:
                    valid.append(hydra_override(key, guess))
                else:
                    self.checker.rejected.add(group)
        return valid

    def has_key_of(self, text: str) -> bool:
        """Return whether the key of an override that cannot be parsed may exist; report it if not."""
        match = OVERRIDE.fullmatch(text)
        if self.known is None or match is None or match["key"].startswith("+"):
            return True
        try:
            parsed = OverridesParser.create(self.loader).parse_override(f"{match['key']}=null")
        except HydraException:
            return True
        key = str(parsed.key_or_group)
        config = OmegaConf.create(self.known)
        if parsed.is_hydra_override() or self.checker.has_key(key, parsed.is_delete(), config):
            return True
        if key.partition(".")[0] not in self.checker.rejected:
            self.reject(text, explain_unknown_key(key, config, self.groups))
        return False


def written_values(override: CheckedOverride) -> list[str]:
    """Return the values of an override as they are written for Hydra."""
    return [value.partition("=")[2] for value in override.values]


def texts_of(override: CheckedOverride) -> list[str]:
    """Return the values of an override as text; of an interval, or with a condition, as it was typed."""
    if override.is_interval or condition_texts(override.parsed):
        return [override.text.partition("=")[2]]
    return [value_text(value) for value in override.values]
