"""The state of a sweep that goes on: which jobs have ended and how, which run, the best, the time left."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from nnexp.metrics.metric_info import metric_info
from nnexp.metrics.objectives import values_of
from nnexp.sweeps.execution.events import Event, JobEnded, JobProgress, JobStarted, SearchEnded
from nnexp.sweeps.plan.sweep_plan import SweepPlan
from nnexp.tasks import task_of_metrics


@dataclass
class RunningJob:
    """A job that is trained at this moment."""

    number: int
    name: str
    began: float  # on the clock of `SweepProgress`
    attempt: int
    epochs: int
    epoch: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)  # of the last evaluation

    def expected_seconds(self, now: float) -> float | None:
        """Extrapolate how long the whole job takes; None before its first evaluation."""
        return (now - self.began) * max(self.epochs / self.epoch, 1.0) if self.epoch else None


class SweepProgress:
    """Consumes the events of a sweep. Jobs without a plan, of a search, are counted as they come."""

    def __init__(self, plan: SweepPlan, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan = plan
        self.clock = clock
        self.jobs = {job.number: job for job in plan.jobs}
        self.names = {job.number: job.name for job in plan.jobs}
        self.running: dict[int, RunningJob] = {}
        self.ended: dict[int, JobEnded] = {}  # with how their last attempt ended
        self.best: dict[str, JobEnded] = {}  # by objective, which jobs of different tasks do not share
        self.has_all_trials = False  # whether a search begins no further one
        self.durations = _Durations({job.number: job.swept for job in plan.jobs if job.state != "finished"})

    @property
    def total(self) -> int | None:
        """How many jobs there are; None where a search decides that."""
        if self.plan.search is None:
            return len(self.jobs) or None
        known = len(self.ended.keys() | self.running.keys())
        if self.has_all_trials:
            return known
        return max(self.plan.search.trials, known) if self.plan.search.seeds == 1 else None

    @property
    def counts(self) -> Counter[str]:
        """How many jobs ended with each status."""
        return Counter(event.status for event in self.ended.values())

    @property
    def pruned(self) -> int:
        """How many jobs their search has pruned; they count as finished, too."""
        return sum(bool(event.pruned) for event in self.ended.values())

    @property
    def failures(self) -> list[JobEnded]:
        """The jobs that failed at last, by number."""
        return [self.ended[number] for number in sorted(self.ended) if self.ended[number].status == "FAILED"]

    def name(self, number: int) -> str:
        """Return the name of a job, of what was swept; where neither plan nor job has one, its number."""
        return self.names.get(number) or f"#{number}"

    def consume(self, event: Event) -> None:
        """Account for an event."""
        match event:
            case JobStarted(number=number):
                self.durations.drop(number)
                self.names.setdefault(number, event.name)
                job = RunningJob(number, self.name(number), self.clock(), event.attempt, event.epochs)
                self.running[number] = job
            case JobProgress(number=number) if number in self.running:
                job = self.running[number]
                job.epoch, job.epochs, job.metrics = event.epoch, event.epochs, event.metrics
            case SearchEnded():
                self.has_all_trials = True
            case JobEnded(number=number):
                self.names.setdefault(number, event.name)
                self.running.pop(number, None)
                self.durations.drop(number)
                if not event.will_retry:
                    self.end(event)

    def end(self, event: JobEnded) -> None:
        """Account for the last end of a job."""
        self.ended[event.number] = event
        if event.status == "FINISHED":
            job = self.jobs.get(event.number)
            self.durations.add(job.swept if job is not None else {}, event.seconds)
        if event.status in ("FINISHED", "SKIPPED") and not event.pruned:
            self.best |= {metric: event for metric in self.values(event) if self.is_best(metric, event)}

    def values(self, event: JobEnded) -> dict[str, float]:
        """Return what a job returned, by the names of the metrics; empty where it returned nothing finite."""
        task = task_of_metrics(event.metrics)
        names = self.plan.objectives or ((f"best/val_{task.score}",) if task is not None else ())
        return dict(zip(names, values_of(event.value), strict=False))

    def is_best(self, metric: str, event: JobEnded) -> bool:
        """Return whether a job is better than all before, if the better direction of its metric is known."""
        direction = metric_info(metric).direction
        if direction == "neither" or metric not in self.best:
            return direction != "neither"
        value, best = self.values(event)[metric], self.values(self.best[metric])[metric]
        return value > best if direction == "higher" else value < best

    def seconds_left(self) -> float | None:
        """Estimate the time until the last job ends; None while there is nothing to estimate it from."""
        now = self.clock()
        jobs = list(self.running.values())
        projected = [seconds for job in jobs if (seconds := job.expected_seconds(now)) is not None]
        waiting = self.durations.expected(default=_mean(projected))
        if self.total is None or waiting is None:
            return None
        typical = self.durations.mean or _mean(projected) or 0.0
        rest = [max((job.expected_seconds(now) or typical) - (now - job.began), 0.0) for job in jobs]
        return max([(waiting + sum(rest)) / max(self.plan.workers, 1), *rest])


class _Durations:
    """Expected durations of jobs that wait: the mean of the finished ones they share most values with."""

    def __init__(self, waiting: Mapping[int, Mapping[str, str]]) -> None:
        self.waiting = dict(waiting)
        self.nearest = dict.fromkeys(waiting, (-1, 0.0, 0))  # values shared, seconds in total, jobs
        self.seconds: list[float] = []

    @property
    def mean(self) -> float | None:
        return _mean(self.seconds)

    def drop(self, number: int) -> None:
        """Take a job off those that wait."""
        self.waiting.pop(number, None)

    def add(self, swept: Mapping[str, str], seconds: float) -> None:
        """Account for the duration of a finished job."""
        for number, values in self.waiting.items():
            shared = len(values.items() & swept.items())
            best, total, count = self.nearest[number]
            if shared > best:
                self.nearest[number] = (shared, seconds, 1)
            elif shared == best:
                self.nearest[number] = (shared, total + seconds, count + 1)
        self.seconds.append(seconds)  # last: another thread may ask for `expected`

    def expected(self, default: float | None) -> float | None:
        """Return the sum for all that wait, each by `default` where no job has finished yet."""
        if self.waiting and not self.seconds:
            return None if default is None else default * len(self.waiting)
        return sum(total / count for _, total, count in map(self.nearest.__getitem__, list(self.waiting)))


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None
