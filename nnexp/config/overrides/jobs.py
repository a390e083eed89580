"""Composition and validation of jobs, all of a sweep or the one of a run; each error once, with its jobs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.build import construct, is_object, resolved, validate
from nnexp.config.errors import ConfigError, Problem
from nnexp.config.metric_names import missing_for_classes
from nnexp.config.overrides.checked_override import key_of
from nnexp.config.overrides.composition import compose_settings, explain_unknown_key, has_setting
from nnexp.config.overrides.composition_errors import explain_composition, explain_refusal
from nnexp.config.overrides.loader import CachingLoader, parse_override
from nnexp.config.overrides.sweeper import Job
from nnexp.config.validation import Values, has_parameter
from nnexp.config.yaml.node import origins_of
from nnexp.messages import listed


@dataclass(frozen=True)
class ComposedJob:
    """A job of a sweep, or the one of a run."""

    overrides: Job
    swept: dict[str, str]  # the values of the keys that are swept over
    values: Values  # of its valid configuration


@dataclass
class JobChecker:
    """Composes and validates jobs, and collects their errors."""

    loader: CachingLoader
    config_name: str
    groups: list[str]
    hydra: Job = ()  # overrides that all jobs have
    typed: dict[str, str] = field(
        default_factory=dict
    )  # the override that each override of a job is a value of
    rejected: set[str] = field(default_factory=set)  # keys whose overrides are wrong
    problems: dict[Problem, set[int]] = field(
        default_factory=dict
    )  # with the numbers of the jobs that have it
    added: set[str] = field(default_factory=set)  # keys that a class has and its YAML leaves out
    valid: set[tuple[str, str]] = field(default_factory=set)  # sections of which an object was made, as JSON
    classes: dict[str, int] = field(default_factory=dict)  # of data, as JSON; 0: not known yet
    checked: dict[tuple[Job, str], list[Problem] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, loader: CachingLoader, config_name: str) -> "JobChecker":
        """Make what checks jobs of a configuration."""
        return cls(loader, config_name, [group for group in loader.list_groups("") if group != "hydra"])

    def check(self, job: Job, number: int, swept: dict[str, str]) -> ComposedJob | None:
        """Compose and validate a job; its errors are collected. None: it has some."""
        config = self.settings(job, number)
        if config is None:
            return None
        try:
            values, problems = validate(resolved(config), dict(origins_of(config)))
        except ConfigError as error:
            self.report(number, *error.problems)
            return None
        problems = problems or self.problems_of_objects(values)
        problems = problems or [
            *missing_for_classes(values, self.classes.get(json.dumps(values.get("data")), 0))
        ]
        self.report(number, *(problem for problem in problems if problem.where not in self.rejected))
        return None if problems else ComposedJob(job, swept, values)

    def problems_of_objects(self, values: Values) -> list[Problem]:
        """Return the errors of constructors; a section that was valid before is not built again."""
        problems = []
        for key in filter(lambda key: is_object(key, values[key]), values):
            section = (key, json.dumps(values[key]))
            if section in self.valid:
                continue
            built, problem = construct(key, values[key])
            if problem is None:
                self.valid.add(section)
                if key == "data":
                    self.classes[section[1]] = len(built.known_classes)
            else:
                problems.append(problem)
        return problems

    def settings(self, job: Job, number: int = 0) -> DictConfig | None:
        """Compose a job without overrides that are wrong: these are reported. None: it cannot be composed."""
        job = (*self.hydra, *job)
        try:
            return self.compose(job, number)
        except ConfigError as error:
            self.report(number, *error.problems)
            return None
        except (HydraException, OmegaConfBaseException):
            return self.valid_settings(job, number)

    def valid_settings(self, job: Job, number: int) -> DictConfig | None:
        """Compose the overrides of groups, and those of the others that fit them."""
        deciding = [text for text in job if self.decides_keys(text)]
        groups = tuple(
            text for text in deciding if not text.startswith("hydra/") or self.fits(text, (), number)
        )
        try:
            self.compose(groups, number)
            others = [text for text in job if not self.decides_keys(text)]
            return self.compose((*groups, *(one for one in others if self.fits(one, groups, number))), number)
        except ConfigError as error:
            self.report(number, *error.problems)
        except (HydraException, OmegaConfBaseException) as error:
            self.report(number, explain_composition(error, self.loader, self.config_name))
        return None

    def compose(self, job: Sequence[str], number: int = 0) -> DictConfig:
        """Compose a job as Hydra does, where keys that only a class has are added."""
        return compose_settings(self.loader, self.config_name, self.complete(job), number)

    def complete(self, job: Sequence[str]) -> Job:
        """Return overrides with ++ before the keys that a class has and its YAML leaves out."""
        return tuple(f"++{text}" if text.partition("=")[0] in self.added else text for text in job)

    def decides_keys(self, text: str) -> bool:
        """Return whether an override decides which keys there are."""
        return self.loader.decides_files(parse_override(text)) or key_of(text) == "plugins"

    def fits(self, text: str, groups: Job, number: int) -> bool:
        """Return whether an override can be composed beside those of groups; report why not."""
        if (groups, text) not in self.checked:
            self.checked[groups, text] = self.problems_of(text, groups)
        problems = self.checked[groups, text]
        if problems is not None:
            self.report(number, *problems)
            self.rejected.add(key_of(text))
        return problems is None

    def problems_of(self, text: str, groups: Job) -> list[Problem] | None:
        """Return what is wrong with an override beside those of groups; None: nothing."""
        parsed = parse_override(text)
        if not (parsed.is_add() or parsed.is_force_add() or parsed.is_hydra_override()):
            config = self.compose(groups)
            key = str(parsed.key_or_group)
            if not self.has_key(key, parsed.is_delete(), config):
                head, _, rest = key.partition(".")
                if rest and head in self.rejected:  # an option that does not exist has unknown keys
                    return []
                return [Problem(self.typed.get(text, text), explain_unknown_key(key, config, self.groups))]
        try:
            self.compose((*groups, text))
        except (HydraException, OmegaConfBaseException) as error:
            return [Problem(text, explain_refusal(error))]
        except ConfigError as error:
            return error.problems
        return None

    def has_key(self, key: str, is_deleted: bool, config: DictConfig) -> bool:
        """Return whether an override can set or delete a key; one that only its class has is added."""
        if has_setting(config, key) or (is_deleted and key in self.groups):
            return True
        if is_deleted or not has_parameter(config, key):
            return False
        self.added.add(key)
        return True

    def report(self, number: int, *problems: Problem) -> None:
        """Collect problems of a job."""
        for problem in problems:
            self.problems.setdefault(problem, set()).add(number)

    def all_problems(self, swept: Sequence[dict[str, str]]) -> list[Problem]:
        """Return all problems, with the jobs that have it where not all have it; swept: of each job."""
        return [
            problem
            if len(numbers) == len(swept)
            else replace(problem, what=f"{problem.what}{describe_jobs(problem, numbers, swept)}")
            for problem, numbers in self.problems.items()
        ]


def describe_jobs(problem: Problem, numbers: set[int], swept: Sequence[dict[str, str]]) -> str:
    """Describe which jobs have a problem, by the values that they have in common or by their numbers."""
    first = swept[min(numbers)]
    common = {key: value for key, value in first.items() if all(swept[i].get(key) == value for i in numbers)}
    having = [i for i, values in enumerate(swept) if common.items() <= values.items()]
    settings = [text for key, value in common.items() if (text := f"{key}={value}") != problem.where]
    if not settings and common and len(having) == len(numbers):
        return ""
    count = f"\nin {len(numbers):,} of {len(swept):,} jobs"
    if settings and len(having) == len(numbers):
        return f"{count}, those with {' '.join(settings)}"
    return f"{count}: {listed([f'#{number}' for number in sorted(numbers)])}"
