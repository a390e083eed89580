"""What makes runs not comparable, or only with care: other data, split, seed, code or machine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from nnexp.runs.compare.compared_run import ComparedRun
from nnexp.runs.environment import environment_diff

DIGEST = 10  # characters
SPLIT_SETTINGS = ("validation", "folds", "fold", "stratify", "limit", "test", "split", "group")
SPLIT_KEYS = (*(f"data.{setting}" for setting in SPLIT_SETTINGS), "seed")
"""Params that decide which examples are trained on."""
ComparedRuns = Sequence[ComparedRun]


@dataclass(frozen=True)
class Caveat:
    """A difference that limits the comparison; with an "error", scores are not comparable."""

    what: str
    meaning: str
    severity: Literal["warning", "error"] = "warning"


def find_caveats(runs: ComparedRuns) -> list[Caveat]:
    """Find all caveats, errors first."""
    caveats = [*_of_runs(runs), *_of_data(runs), *_of_code(runs)]
    return sorted(caveats, key=lambda caveat: caveat.severity != "error")


def _of_runs(runs: ComparedRuns) -> Iterator[Caveat]:
    for one, other in combinations(runs, 2):
        if other.run.is_same(one.run):
            yield Caveat(f"{one.letter} and {other.letter} are the same run", "nothing differs", "error")
    for run in runs:
        if run.run.status != "FINISHED":
            yield Caveat(f"{run.letter} is {run.run.status}", "its training is not complete", "error")
        elif run.run.pruned:
            pruned = f"{run.letter} was pruned in {run.run.pruned}"
            yield Caveat(pruned, "its training is not complete", "error")
    if values := _differing(runs, lambda run: run.task.noun):
        yield Caveat(f"the tasks differ: {values}", "their scores are of different kinds", "error")


def _of_data(runs: ComparedRuns) -> Iterator[Caveat]:
    def data(run: ComparedRun) -> str:
        return f"{run.data_name} {run.data_sha256[:DIGEST]}" if run.data_sha256 else ""

    if values := _differing(runs, data):
        yield Caveat(f"the data (SHA-256) differ: {values}", "scores are of different examples", "error")
        return
    if values := _examples_differ(runs, "test"):
        yield Caveat(f"the test examples differ: {values}", "test scores are of different examples", "error")
    if values := _examples_differ(runs, "validation") or _split_params_differ(runs):
        meaning = "validation scores are of different examples, and training used different ones"
        yield Caveat(f"the split differs: {values}", meaning, "error")
    elif values := _examples_differ(runs, "training"):
        yield Caveat(f"the training examples differ: {values}", "training used different examples")
    if values := _differing(runs, lambda run: run.run.params.get("seed", "")):
        meaning = "any difference is partly chance: other initial weights, another order of examples"
        yield Caveat(f"the seeds differ: {values}", meaning)
    if values := _differing(runs, lambda run: run.loss):
        yield Caveat(f"the losses differ: {values}", "their values are not comparable; compare scores")


def _of_code(runs: ComparedRuns) -> Iterator[Caveat]:
    if values := _differing(runs, lambda run: run.tag("nnexp.git_commit")[:DIGEST]):
        yield Caveat(f"the code (git commit) differs: {values}", "a difference may come from the code")
    if dirty := [run.letter for run in runs if run.tag("nnexp.git_dirty") == "true"]:
        yield Caveat(f"uncommitted changes in {' and '.join(dirty)}", "the commit is not the code that ran")
    if diff := environment_diff([run.environment for run in runs]):
        facts = (f"{name} ({_grouped(runs, values)})" for name, values in diff.items())
        meaning = "times are not comparable; the last bits of results may differ"
        yield Caveat(f"the environments differ: {', '.join(facts)}", meaning)


def _differing(runs: ComparedRuns, value: Callable[[ComparedRun], str]) -> str:
    """Return which run has which value where known values differ; else nothing."""
    values = [value(run) for run in runs]
    return _grouped(runs, values) if len({*values} - {""}) > 1 else ""


def _grouped(runs: ComparedRuns, values: Sequence[str]) -> str:
    """Group runs by value: A and C 1; B 2."""
    letters: dict[str, list[str]] = {}
    for run, value in zip(runs, values, strict=True):
        letters.setdefault(value, []).append(run.letter)
    return "; ".join(f"{' and '.join(group)} {value}" for value, group in letters.items() if value)


def _examples_differ(runs: ComparedRuns, split: str) -> str:
    def examples(run: ComparedRun) -> str:
        digest = run.digest(split)
        return f"{run.dataset['splits'][split]['examples']:,} ({digest[:DIGEST]})" if digest else ""

    return _differing(runs, examples)


def _split_params_differ(runs: ComparedRuns) -> str:
    if all(run.digest("training") for run in runs):
        return ""
    values = {key: [run.run.params.get(key, "") for run in runs] for key in SPLIT_KEYS}
    differing = {key: row for key, row in values.items() if len({*row} - {""}) > 1}
    return ", ".join(f"{key} ({_grouped(runs, row)})" for key, row in differing.items())
