"""The jobs of a search: the study is asked for a trial when a worker is free, and gets its result at the end.

Trial k with S seeds owns the jobs k S ... k S + S - 1: the first runs alone, the others only where it was not
pruned; the mean of all is the trial's value.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from time import monotonic
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn

from nnexp.messages import plural
from nnexp.metrics.objectives import values_of
from nnexp.sweeps.execution.events import Event, JobEnded, SearchEnded, Send
from nnexp.sweeps.execution.job import Job
from nnexp.sweeps.execution.job_queue import JobQueue
from nnexp.sweeps.plan.search_settings import StudySettings
from nnexp.sweeps.search.names import job_name
from nnexp.sweeps.search.space import Space, overrides_of
from nnexp.sweeps.search.study import make_sampler
from nnexp.sweeps.search.trial import TrialHandle

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

LEAST_TRIALS = 10  # that `max_failure_rate` is a share of: fewer would end a search by one failure
EXHAUSTED = "all combinations of search.sampler=grid have been tried"
HandleOf = Callable[[int], TrialHandle | None]
"""Makes the handle of a trial, by its id in the storage; None where nothing is pruned."""


@dataclass(frozen=True)
class Search:
    """What trials are made from."""

    study: "Study"
    settings: StudySettings
    space: Space
    seed: int  # of the first job of each trial, and of the sampler
    handle_of: HandleOf
    groups: frozenset[str] = frozenset()  # config groups, whose options name themselves

    def sampler_of(self, number: int) -> "BaseSampler":
        """Return the sampler of a trial."""
        return make_sampler(self.settings, self.space, self.seed, number)

    def ask(self) -> "Trial":
        """Return a new trial with its values."""
        self.study.sampler = self.sampler_of(len(self.study.get_trials(deepcopy=False)))
        trial = self.study.ask()
        self.space.draw(trial)
        return trial

    def go_on(self, trial: "FrozenTrial") -> "Trial":
        """Return a trial that was running when an earlier search died, with the values that it lacked."""
        from optuna.trial import Trial

        self.study.sampler = self.sampler_of(trial.number)
        same = Trial(self.study, trial._trial_id)
        self.space.draw(same)
        return same


@dataclass
class OpenTrial:
    """A trial that has not ended."""

    number: int
    overrides: list[str]
    handle: TrialHandle | None
    params: Mapping[str, str]  # its values as text, which name its runs
    values: list[tuple[float, ...]] = field(default_factory=list)  # of the objectives, by seed so far
    left: int = 0  # seeds that have not ended


class Waiting(deque[Job]):
    """The jobs that wait, and how many trials the study is still to be asked for."""

    unasked = 0

    def __len__(self) -> int:
        return super().__len__() + self.unasked

    def __bool__(self) -> bool:
        return len(self) > 0


class TrialQueue(JobQueue):
    """Hands out the jobs of trials; those that were running when an earlier search died come first."""

    def __init__(self, search: Search, show: Send, *, retries: int = 0, fail_fast: bool = False) -> None:
        super().__init__([], show, retries=retries, fail_fast=fail_fast)
        self.search = search
        self.waiting: Waiting = Waiting()
        self.asked: list[Job] = []
        self.jobs = self.asked
        self.trials: dict[int, OpenTrial] = {}  # by number
        self.ends: dict[int, JobEnded] = {}  # of the last attempt of each job that has ended
        self.began = monotonic()
        trials = search.study.get_trials(deepcopy=False)
        self.waiting.unasked = max(search.settings.trials - len(trials), 0)
        self.combinations = getattr(search.sampler_of(0), "_n_min_trials", None)  # of a grid
        self.begun_before = sum(trial.state.is_finished() for trial in trials)
        self.failed = sum(trial.state.name == "FAIL" for trial in trials)
        self.closed = self.begun_before
        for trial in trials:
            if not trial.state.is_finished():
                self.begin(search.go_on(trial))

    def next(self) -> Job | None:
        """Return a job that waits, else the first one of a new trial."""
        limit = self.search.settings.timeout
        if limit is not None and monotonic() - self.began > limit:
            self.ask_no_more(f"search.timeout={limit:g} is over")
        if self.combinations is not None and self.begun_before + len(self.trials) >= self.combinations:
            self.ask_no_more(EXHAUSTED)
        if not deque.__len__(self.waiting) and self.waiting.unasked and not self.is_stopped:
            self.waiting.unasked -= 1
            self.begin(self.search.ask())
        return super().next()

    def begin(self, trial: "Trial") -> None:
        """Let the first job of a trial wait."""
        handle = self.search.handle_of(trial._trial_id)
        params = {key: str(value) for key, value in trial.params.items()}
        one = OpenTrial(trial.number, overrides_of(trial, self.search.space), handle, params)
        one.left = self.search.settings.seeds
        self.trials[trial.number] = one
        self.add(one, 0)

    def add(self, trial: OpenTrial, repeat: int) -> None:
        """Let the job of one of a trial's seeds wait; only the first one can be pruned."""
        seeds = self.search.settings.seeds
        overrides = list(trial.overrides)
        params = dict(trial.params)
        if seeds > 1:
            params["seed"] = str(self.search.seed + repeat)
            overrides = [text for text in overrides if not text.startswith("seed=")]
            overrides.append(f"seed={params['seed']}")
        handle = trial.handle if repeat == 0 else None
        name = job_name(params, self.search.groups)
        job = Job(trial.number * seeds + repeat, overrides, trial=handle, name=name)
        self.asked.append(job)
        self.waiting.append(job)

    def event(self, event: Event) -> None:
        """Show an event, and keep how jobs end."""
        if isinstance(event, JobEnded):
            self.ends[event.number] = event
        super().event(event)

    def end(self, job: Job, outcome: JobReturn) -> None:
        """Account for the outcome of an attempt; at the last one of a trial, the study gets its result."""
        super().end(job, outcome)
        if job.number not in self.outcomes:  # it runs again
            return
        seeds = self.search.settings.seeds
        trial = self.trials[job.number // seeds]
        end = self.ends[job.number]
        values = values_of(end.value) if end.status in ("FINISHED", "SKIPPED") else ()
        trial.left -= 1
        if not values:
            self.close(trial, "FAIL")
        elif end.pruned:
            self.close(trial, "PRUNED")
        else:
            trial.values.append(values)
            if job.number % seeds == 0:
                for repeat in range(1, seeds):
                    self.add(trial, repeat)
            if len(trial.values) == seeds:
                self.close(trial, "COMPLETE")

    def close(self, trial: OpenTrial, state: str) -> None:
        """Give the study the result of a trial, unless it has it already."""
        from optuna.trial import TrialState

        means = [fmean(values) for values in zip(*trial.values, strict=True)] if state == "COMPLETE" else None
        try:
            self.search.study.tell(trial.number, means, state=TrialState[state], skip_if_finished=True)
        except RuntimeError:  # the result is stored; the sampler has no more points: a grid
            self.ask_no_more(EXHAUSTED)
        self.closed += 1
        if state == "FAIL":
            self.failed += 1
            self.stop_at_failures()

    def stop_at_failures(self) -> None:
        """End the search where too large a share of its trials has failed."""
        settings = self.search.settings
        least = min(settings.trials, LEAST_TRIALS)
        limit = settings.max_failure_rate
        if limit is not None and self.failed > limit * max(self.closed, least):
            failed = f"{self.failed} of {plural(self.closed, 'trial')} failed"
            self.stop_reason = f"search.max_failure_rate={limit:g} has ended the search: {failed}"
            self.is_stopped = True

    def ask_no_more(self, reason: str) -> None:
        """Ask the study for no further trial, for a reason in words."""
        if self.waiting.unasked:
            self.waiting.unasked = 0
            with self.lock:
                self.show(SearchEnded(reason))
