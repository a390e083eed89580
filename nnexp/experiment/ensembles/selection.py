"""The runs that an ensemble is made of, from what names them: runs, and sweeps with their finished runs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from nnexp.errors import UserError
from nnexp.messages import plural
from nnexp.run_folder import is_ensemble
from nnexp.runs.backends import RunError
from nnexp.runs.distinct import check_distinct
from nnexp.runs.ensembles import members_of, short_reference
from nnexp.runs.query import Run, Runs
from nnexp.runs.sweeps import Sweep, find_sweep, find_target

FEWEST = 2


class EnsembleError(UserError):
    """Runs that cannot be averaged."""


@dataclass(frozen=True)
class Selection:
    """The selected runs, in the order in which they were named, and what was left out of sweeps."""

    runs: list[Run]
    notes: list[str] = field(default_factory=list)


def select_runs(texts: Sequence[str], runs: Runs) -> Selection:
    """Select the runs that texts name; of a sweep, all jobs that are finished and were not pruned.

    Raises:
        RunError: there is no such run or sweep, or two names are of the same run.
        EnsembleError: there are fewer than two runs, or one is not finished, was pruned or is an ensemble.
    """
    named: list[tuple[str, Run]] = []
    notes = []
    for text in texts:
        target = find_named(text, runs, is_alone=len(texts) == 1)
        if isinstance(target, Sweep):
            finished = [run for run in target.runs if not unusable(run)]
            if left_out := len(target.runs) - len(finished):
                notes.append(f"{text}: {plural(left_out, 'job')} left out, not finished or pruned")
            named += [(f"{text} ({run.name})", run) for run in finished]
            if not finished:
                raise EnsembleError(f"{text}: the sweep has no finished run; name another sweep, or runs")
        else:
            named.append((text, target))
    check_distinct(named)
    for text, run in named:
        if problem := unusable(run):
            raise EnsembleError(f"{text}: {problem}")
    if len(named) < FEWEST:
        given = f"{texts[0]} is one run" if texts else "there is none"
        expected = f"an ensemble is made of at least {FEWEST} different runs"
        raise EnsembleError(f"{given}; {expected}; name more of them; list the runs with: nnexp runs")
    return Selection([run for _, run in named], notes)


def find_named(text: str, runs: Runs, is_alone: bool) -> Run | Sweep:
    """Return the run or sweep that a text names; one that stands alone is a sweep, where it may be both.

    The RunError of an empty store says which text it was.
    """
    if is_alone:
        with suppress(RunError):
            return find_sweep(text, runs)
    try:
        return find_target(text, runs)
    except RunError as error:
        if text in str(error):
            raise
        raise RunError(f"{text}: no such folder, and {error}") from error


def unusable(run: Run) -> str:
    """Return why a run cannot be a member; empty where it can be, as far as its status says."""
    if is_ensemble(run.description):
        members = " ".join(map(short_reference, members_of(run.params)))
        return f"run {run.name} is an ensemble itself; fix: name its members: {members}"
    if run.pruned:
        return f"run {run.name} was pruned in {run.pruned}, and not tested; fix: leave it out or resume it"
    if run.status != "FINISHED":
        return f"run {run.name} is {run.status}, not FINISHED; fix: leave it out or resume it"
    return ""
