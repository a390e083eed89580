"""The words of a sweep's display: its plan, its progress in a line, a running job, the table of failures."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from shlex import quote

from nnexp.cli.display import describe_results
from nnexp.config.schema import SearchSettings
from nnexp.messages import duration, first_line, hydra_override, joined, listed, percent, plural, short_path
from nnexp.metrics.metric_info import format_metric
from nnexp.metrics.objectives import values_of
from nnexp.sweeps.execution.events import JobEnded
from nnexp.sweeps.plan.sweep_plan import JobState, SweepPlan
from nnexp.sweeps.progress import RunningJob, SweepProgress
from nnexp.sweeps.search.pruners import describe_pruner
from nnexp.tasks import task_of_metrics
from nnexp.tracking.journal import TOTAL_TIME

NUMBER = re.compile(r"\d[\d.]*(e[+-]?\d+)?")
MAX_VALUES = 12  # of a swept key
MAX_REASONS = 20  # in the table of failures
MAX_NAMES = 4  # of jobs that failed for one reason
STATES: dict[JobState, tuple[str, str]] = {
    "finished": ("is finished already: skipped", "are finished already: skipped"),
    "interrupted": ("was interrupted: resumed", "were interrupted: resumed"),
    "failed": ("has failed: runs again", "have failed: run again"),
}


def describe_plan(plan: SweepPlan) -> Iterator[tuple[str, str]]:
    """Describe a plan as lines of (label, text); all jobs where it is not carried out."""
    chosen = "jobs" if plan.search is None else plural(plan.search.trials, "trial")
    count = plural(len(plan.jobs), "job") if plan.jobs else f"{chosen} that a search chooses"
    each = " each" if plan.workers > 1 else ""
    workers = f"{plural(plan.workers, 'worker')}, {plural(plan.threads, 'thread')}{each}"
    name = f"{plan.name}: " if plan.name else ""
    yield "sweep", f"{name}{count}, {workers}{', a dry run' if plan.settings.dry_run else ''}"
    width = 0 if plan.search is None else max(map(len, plan.swept), default=0) + 2
    for i, (key, values) in enumerate(plan.swept.items()):
        yield "" if i else "varies", f"{f'{key}:':{width}} {listed(values, MAX_VALUES)}"
    if len(plan.objectives) > 1:
        yield "optimizes", joined(plan.objectives)
    if plan.search is not None:
        yield "search", ", ".join(describe_search(plan.search, plan.epochs))
    states = Counter(job.state for job in plan.jobs)
    for state, (one, several) in STATES.items():
        if number := states[state]:
            yield "", f"{number} {one if number == 1 else several}"
    if not plan.settings.dry_run:
        yield "folder", str(short_path(plan.folder))
        return
    width = len(str(max((job.number for job in plan.jobs), default=0)))
    for i, job in enumerate(plan.jobs):
        recorded = "" if job.state == "new" else f"  {job.state}"
        yield "" if i else "jobs", f"{job.number:>{width}}  {job.name}{recorded}"


def describe_search(search: SearchSettings, epochs: int) -> Iterator[str]:
    """Yield how a search chooses trials, which it prunes, and what ends it but for their number."""
    yield f"sampler {search.sampler}"
    if search.pruner is not None:
        yield f"pruner {search.pruner} {describe_pruner(search.pruner, epochs)}"
    if search.seeds > 1:
        yield f"{search.seeds} seeds for each trial that is not pruned"
    if search.timeout is not None:
        yield f"no new trial after {duration(search.timeout)}"
    if search.max_failure_rate is not None:
        yield f"at most {percent(search.max_failure_rate, 0)} failures"
    if search.custom_search_space is not None:
        yield f"further values by {search.custom_search_space}"


def describe_progress(progress: SweepProgress, seconds: float) -> Iterator[str]:
    """Yield how many jobs have ended and how, the best so far, the time since the start and that left."""
    counts = progress.counts
    finished = f"{counts['FINISHED'] + counts['SKIPPED']:,}"
    pruned = f" ({progress.pruned:,} pruned)" if progress.pruned else ""
    yield f"{finished}{f' of {progress.total:,}' if progress.total else ''} finished{pruned}"
    states = {"running": len(progress.running), "failed": counts["FAILED"], "stopped": counts["KILLED"]}
    yield from (f"{count:,} {state}" for state, count in states.items() if count)
    yield duration(round(seconds))
    left = progress.seconds_left() if progress.running else None
    if left is not None:
        yield f"about {duration(round(left))} left"


def describe_best(progress: SweepProgress) -> Iterator[str]:
    """Yield the best job of each metric: its value and name; the metric where it is not the usual one."""
    is_usual = progress.plan.metric is None and len(progress.best) == 1
    for metric, event in progress.best.items():
        value = format_metric(metric, progress.values(event)[metric])
        yield f"{value if is_usual else f'{metric} {value}'}  {progress.name(event.number)}"


def describe_rest(progress: SweepProgress) -> str:
    """Describe how to go on with a sweep that is not finished; empty where there is nothing left."""
    counts = progress.counts
    is_grid = progress.plan.search is None  # a search does not run trials again that have failed
    left = (progress.total or 0) - counts["FINISHED"] - counts["SKIPPED"]
    left -= 0 if is_grid else counts["FAILED"]
    command = f"nnexp -m {quote(hydra_override('sweep.resume', str(short_path(progress.plan.folder))))}"
    return (
        f"with {plural(left, 'job')} that {'is' if left == 1 else 'are'} left: {command}" if left > 0 else ""
    )


def describe_running(job: RunningJob) -> str:
    """Describe how far a running job is: "3/10 epochs, validation 97.20%"."""
    texts = [f"{job.epoch}/{job.epochs} epochs"] if job.epochs else []
    if job.attempt > 1:
        texts.append(f"attempt {job.attempt}")
    task = task_of_metrics(job.metrics)
    if task is not None and (score := job.metrics.get(f"val/{task.score}")) is not None:
        texts.append(f"validation {task.describe_score(score)}")
    elif (loss := job.metrics.get("train/loss")) is not None:
        texts.append(f"training loss {format_metric('train/loss', loss)}")
    return ", ".join(texts)


def describe_job(event: JobEnded, objectives: Sequence[str]) -> str:
    """Describe the results of a job; the optimized metrics first, those that are others than its score."""
    text = describe_results(event.metrics) or "no results"
    task = task_of_metrics(event.metrics)
    scores = () if task is None else (f"best/val_{task.score}", f"test/{task.score}")
    values = zip(objectives, values_of(event.value), strict=False)
    others = [
        f"{name} {format_metric(name, value)}" for name, value in values if name not in (*scores, TOTAL_TIME)
    ]
    text = ", ".join([*others, text])
    return f"pruned in {event.pruned}: {text}" if event.pruned else text


def failure_table(progress: SweepProgress) -> Iterator[tuple[str, str]]:
    """Yield how many jobs failed; then each reason with the jobs it ended, and where the details are.

    Reasons that differ in numbers are one, unless their fixes differ: the first stands for all.
    """
    reasons: dict[str, list[JobEnded]] = {}
    for event in progress.failures:
        problem, _, fix = first_line(event.error).partition("; fix: ")
        reasons.setdefault(f"{NUMBER.sub('', problem)}{fix}", []).append(event)
    total = plural(progress.total or len(progress.ended), "job")
    yield "failed", f"{len(progress.failures):,} of {total}:"
    for events in list(reasons.values())[:MAX_REASONS]:
        yield "", first_line(events[0].error) or "unknown reason"
        names = listed([progress.name(event.number) for event in events], MAX_NAMES)
        yield "", f"  {'job' if len(events) == 1 else 'jobs'}: {names}"
        logs = [str(short_path(event.log)) for event in events if event.log is not None]
        if logs:
            yield "", f"  log: {listed(logs, 1)}"
    if len(reasons) > MAX_REASONS:
        yield "", f"and {plural(len(reasons) - MAX_REASONS, 'more reason')}"
