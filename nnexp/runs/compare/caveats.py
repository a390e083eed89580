"""What makes a comparison of runs one of unlike things: other data, another split, other code, another machine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from nnexp.runs.compare.compared_run import NONE, WORDS, ComparedRun

SHORT = 10  # characters of a digest
SPLIT = (
    "data.validation",
    "data.folds",
    "data.fold",
    "data.stratify",
    "data.limit",
    "data.test",
    "data.split",
    "data.group",
    "seed",
)
"""Params that decide which examples are learnt from, where no digest does."""
ARITHMETIC = ("numpy", "scipy")


@dataclass(frozen=True)
class Caution:
    """Something that is not the same in all runs, or should be known of one.

    Attributes:
        what: that, with each run's.
        meaning: for the comparison.
        grave: scores cannot simply be set side by side.
    """

    what: str
    meaning: str
    grave: bool = False


def cautions(sides: Sequence[ComparedRun]) -> list[Caution]:
    """All that a person should know before believing the numbers, the gravest first."""
    found = [*_of_runs(sides), *_of_data(sides), *_of_code(sides)]
    return [
        *(caution for caution in found if caution.grave),
        *(caution for caution in found if not caution.grave),
    ]


def _of_runs(sides: Sequence[ComparedRun]) -> Iterator[Caution]:
    for one, other in combinations(sides, 2):
        if other.repeats(one):
            yield Caution(
                f"{one.letter} and {other.letter} are the same run", "they differ in nothing", grave=True
            )
    for side in sides:
        if side.run.status != "FINISHED":
            yield Caution(
                f"{side.letter} is {side.run.status}",
                "what it shows is not the result of its whole training",
                grave=True,
            )
    if told := _differing(sides, lambda side: WORDS[side.task]):
        yield Caution(f"the tasks differ: {told}", "their scores are of different kinds", grave=True)


def _of_data(sides: Sequence[ComparedRun]) -> Iterator[Caution]:
    if told := _differing(
        sides, lambda side: f"{side.data_name} {side.data_sha256[:SHORT]}" if side.data_sha256 else ""
    ):
        yield Caution(
            f"the data (SHA-256) differ: {told}", "scores and losses are of different examples", grave=True
        )
        return
    if told := _parts(sides, "test"):
        yield Caution(
            f"the test examples differ: {told}", "test scores are of different examples", grave=True
        )
    if told := _parts(sides, "validation") or _split(sides):
        meaning = "validation scores are of different examples, and the networks learnt from different ones"
        yield Caution(f"the split differs: {told}", meaning, grave=True)
    elif told := _parts(sides, "training"):
        yield Caution(f"the training examples differ: {told}", "the networks learnt from different examples")
    if told := _differing(sides, lambda side: side.run.params.get("seed", "")):
        yield Caution(
            f"the seeds differ: {told}",
            "a part of any difference is chance: other first weights, another order of examples",
        )
    if told := _differing(sides, _loss):
        yield Caution(f"the losses differ: {told}", "their values measure different things; compare scores")


def _of_code(sides: Sequence[ComparedRun]) -> Iterator[Caution]:
    if told := _differing(sides, lambda side: _tag(side, "nnexp.git_commit")[:SHORT]):
        yield Caution(f"the code (git commit) differs: {told}", "a difference may come from the code")
    if dirty := [side.letter for side in sides if _tag(side, "nnexp.git_dirty") == "true"]:
        verb = "was" if len(dirty) == 1 else "were"
        yield Caution(
            f"{_joined(dirty)} {verb} made with changes that were not committed",
            "which code ran, git.diff says, not the commit",
        )
    if told := _differing(sides, lambda side: str(side.environment.get("threads", ""))):
        yield Caution(
            f"the numbers of threads differ: {told}",
            "times cannot be compared; sums are rounded in another order",
        )
    if told := _differing(sides, ComparedRun.machine):
        yield Caution(
            f"the machines differ: {told}", "times cannot be compared; the last bits of results may differ"
        )
    if told := _differing(sides, _arithmetic):
        yield Caution(
            f"the versions of the linear algebra differ: {told}", "the last bits of results may differ"
        )


def _differing(sides: Sequence[ComparedRun], value: Callable[[ComparedRun], str]) -> str:
    """Who has which value, where not all that are known are the same; else nothing."""
    by_value: dict[str, list[str]] = {}
    for side in sides:
        if found := value(side):
            by_value.setdefault(found, []).append(side.letter)
    return (
        "; ".join(f"{_joined(letters)} {found}" for found, letters in by_value.items())
        if len(by_value) > 1
        else ""
    )


def _parts(sides: Sequence[ComparedRun], part: str) -> str:
    """How many examples each has and which they are, told by a few characters of their digest."""

    def told(side: ComparedRun) -> str:
        digest = side.examples(part)
        return f"{side.dataset['parts'][part]['examples']:,} ({digest[:SHORT]})" if digest else ""

    return _differing(sides, told)


def _split(sides: Sequence[ComparedRun]) -> str:
    """By the params, where a run has no digests."""
    if all(side.examples("validation") for side in sides):
        return ""
    told = {key: _differing(sides, lambda side, key=key: side.run.params.get(key, "")) for key in SPLIT}  # type: ignore[misc]
    return ", ".join(f"{key} ({found})" for key, found in told.items() if found)


def _loss(side: ComparedRun) -> str:
    """The loss with what belongs to it."""
    params = side.run.params
    told = {
        key.removeprefix("loss."): value
        for key, value in params.items()
        if key.startswith("loss.") and not key.endswith("_target_")
    }
    return " ".join(
        [params.get("loss", ""), *(f"{key}={value}" for key, value in sorted(told.items()))]
    ).strip()


def _arithmetic(side: ComparedRun) -> str:
    packages, pools = side.environment.get("packages", {}), side.environment.get("blas", [])
    told = [f"{name} {packages[name]}" for name in ARITHMETIC if name in packages]
    return ", ".join(
        dict.fromkeys([*told, *(f"{pool.get('internal_api')} {pool.get('version')}" for pool in pools)])
    )


def _tag(side: ComparedRun, name: str) -> str:
    value = side.run.tags.get(name, "")
    return "" if value in NONE else value


def _joined(letters: Sequence[str]) -> str:
    return letters[0] if len(letters) == 1 else f"{', '.join(letters[:-1])} and {letters[-1]}"
