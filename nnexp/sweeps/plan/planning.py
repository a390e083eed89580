"""Planning of a sweep: which jobs it has, where they go, and what is done already."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from nnexp.analysis.setting_names import short_keys
from nnexp.config.build import resolved
from nnexp.config.naming import config_hash, run_name
from nnexp.config.overrides.checked_override import key_of
from nnexp.config.overrides.examiner import Examination
from nnexp.config.overrides.sweeper import OPTUNA_SWEEPER
from nnexp.metrics.objectives import objectives_of
from nnexp.sweeps.plan.continuation import (
    NewJob,
    RecordedJobs,
    SweepError,
    check_not_running,
    find_continued,
    state_of,
)
from nnexp.sweeps.plan.launchers import check_launcher, threads_of, workers_of
from nnexp.sweeps.plan.names import job_names
from nnexp.sweeps.plan.record import RecordedJob, SweepRecord
from nnexp.sweeps.plan.search_settings import search_settings, sweep_settings
from nnexp.sweeps.plan.sweep_plan import PlannedJob, SweepPlan
from nnexp.tracking.code_version import code_sha256

DESTINATION = ("enabled", "uri", "experiment")  # keys of tracking
NO_STUDY = "a sweep whose jobs depend on results cannot go on"
GROWING = ("trials", "timeout", "max_failure_rate")  # settings of a search that may change when it goes on
OF_ONE_COMMAND = ("sweep.resume", "sweep.skip_finished")  # keys that do not count when the sweep goes on


@dataclass(frozen=True)
class Command:
    """A command that starts a sweep."""

    text: str
    overrides: Sequence[str]
    config_dir: str | None
    config_name: str


def plan_sweep(
    config: DictConfig, examination: Examination, command: Command
) -> tuple[SweepPlan, SweepRecord]:
    """Plan a sweep; also returns what its sweep.json is to hold.

    Args:
        config: of the sweep, as Hydra composes it.
        examination: of its overrides.
        command: that starts it.

    Raises:
        SweepError: the sweep that goes on is running, or cannot go on. RunError: several are meant.
    """
    HydraConfig.instance().set_config(config)  # for ${hydra:...} in the sweep's folder
    settings = sweep_settings(config)
    tracking = {key: value for key, value in values_of(config, "tracking").items() if key in DESTINATION}
    jobs = [
        NewJob(job, config_hash(job.values), code_sha256(job.values["plugins"])) for job in examination.jobs
    ]
    folder = Path(config.hydra.sweep.dir)
    is_given = any(key_of(text) == "hydra.sweep.dir" and "${" not in text for text in command.overrides)
    search = digest_of_search(config, examination)
    continued = find_continued(
        settings, folder, jobs, examination.swept, tracking, is_given=is_given, search=search
    )
    before: list[RecordedJob] = []
    if continued is not None:
        folder, record = continued
        before = record.jobs
        check_not_running(folder, folder)
        if not jobs and (not search or record.search != search):
            fix = "fix: begin a new one, without sweep.resume"
            why = "a search goes on with the space and the settings it began with" if search else NO_STUDY
            raise SweepError(f"{folder}: {why}; {fix}")
    groups = sorted({group for job in jobs for group in job.composed.values["choices"]})
    planned, dropped = plan_jobs(folder, jobs, before, groups)
    of_search = search_settings(config) if search else None
    check_launcher(config.hydra.launcher)
    count = len(jobs) or (of_search.trials if of_search is not None else 0)
    workers = workers_of(settings, config.hydra.launcher, count)
    keys = short_keys(list(examination.swept))
    swept = {key: list(dict.fromkeys(values)) for key, values in examination.swept.items()}
    plan = SweepPlan(
        folder,
        f"{folder.parent.name}/{folder.name}",
        " x ".join(keys.values()) or (run_name(jobs[0].composed.values) if jobs else ""),
        command.text,
        tuple(planned),
        swept,
        workers,
        threads_of(config.hydra.launcher, workers),
        settings,
        objectives=objectives_of(config.optimized_metric),
        search=of_search,
        epochs=config.trainer.epochs,
    )
    if of_search is not None and of_search.custom_search_space is not None:
        swept = {}  # not only these: its table has all that differ
    codes = {job.config_hash: job.code_sha256 for job in jobs}
    recorded = [
        RecordedJob(
            one.number, one.name, list(one.overrides), one.swept, one.config_hash, codes[one.config_hash]
        )
        for one in planned
    ]
    record = SweepRecord(
        plan.id,
        plan.name,
        command.text,
        [text for text in command.overrides if key_of(text) not in OF_ONE_COMMAND],
        command.config_dir,
        command.config_name,
        merged(continued[1].swept if continued is not None else {}, swept),
        plan.metric,
        objectives=list(plan.objectives),
        tracking=tracking,
        search=search,
        question=plan.settings.question or "",
        jobs=sorted([*dropped, *recorded], key=lambda job: job.number),
    )
    return plan, record


def digest_of_search(config: DictConfig, examination: Examination) -> str:
    """Return what decides whether a search is the same: space, sampler, fixed settings; empty for a grid."""
    if config.hydra.sweeper._target_ != OPTUNA_SWEEPER or examination.config is None:
        return ""
    settings = asdict(search_settings(config))
    function = settings["custom_search_space"]
    values = resolved(examination.config)
    packages = [*values["plugins"], *([function.partition(".")[0]] if function is not None else [])]
    settings = {key: value for key, value in settings.items() if key not in GROWING}
    facts = [examination.space, settings, values["optimized_metric"], config_hash(values)]
    text = json.dumps([*facts, code_sha256(packages)], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def plan_jobs(
    folder: Path, jobs: Sequence[NewJob], before: Sequence[RecordedJob], groups: Sequence[str]
) -> tuple[list[PlannedJob], list[RecordedJob]]:
    """Number and name the jobs; also returns jobs that began, and that the command does not have."""
    recorded = RecordedJobs(folder, before)
    matches = [recorded.match(job) for job in jobs]
    dropped = recorded.begun()
    numbers = free_numbers(folder, before)
    names = job_names([job.composed.swept for job in jobs], groups)
    used = {one.name for one in [*dropped, *matches] if one is not None}
    planned = []
    for job, match, name in zip(jobs, matches, names, strict=True):
        overrides = job.composed.overrides
        swept = job.composed.swept
        if match is None:
            number = next(numbers)
            free_name = f"{name} #{number}" if name in used else name
            planned.append(PlannedJob(number, free_name, overrides, swept, job.config_hash))
        else:
            state, value = state_of(folder / str(match.number), job.composed.values)
            one = PlannedJob(match.number, match.name, overrides, swept, job.config_hash, state, value)
            planned.append(one)
    return sorted(planned, key=lambda one: one.number), dropped


def free_numbers(folder: Path, before: Sequence[RecordedJob]) -> Iterator[int]:
    """Yield numbers after those of all jobs that a folder has or was to have."""
    folders = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
    number = max([*folders, *(job.number for job in before)], default=-1)
    while True:
        number += 1
        yield number


def values_of(config: DictConfig, section: str) -> dict[str, Any]:
    """Return a section as plain values."""
    values = OmegaConf.to_container(config[section], resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def merged(before: dict[str, list[str]], now: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return all values of each key, those from before first."""
    keys = dict.fromkeys([*before, *now])
    return {key: list(dict.fromkeys([*before.get(key, []), *now.get(key, [])])) for key in keys}
