"""What a comparison of runs finds: every difference in configuration and result. Of classes too, and of who is mistaken for whom.

C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnexp.config.naming import NOT_LEARNT
from nnexp.redaction import redacted
from nnexp.runs.compare.caveats import Caution, cautions
from nnexp.runs.compare.compared_run import LETTERS, PARTS, ComparedRun
from nnexp.runs.compare.metric_rows import Metric, metrics
from nnexp.runs.compare.significance import PairwiseResult, headline
from nnexp.runs.query import Run, RunError

FEWEST, MOST = 2, len(LETTERS)
MOST_MATRICES = 3  # runs whose confusion matrices are set against the baseline's


@dataclass(frozen=True)
class Setting:
    """A param that is not the same in all runs.

    Attributes:
        key: its name.
        values: None: the run has none of that name.
        learnt: whether it changes what is learnt, and not only where things lie or who is told.
    """

    key: str
    values: list[str | None]
    learnt: bool


@dataclass(frozen=True)
class Member:
    """A class, label or target: its examples, and how well each run does on it; None: not known."""

    name: str
    examples: int
    values: list[float | None]


@dataclass(frozen=True)
class Mistakes:
    """A run's confusion matrix less the baseline's.

    Attributes:
        base, other: letters.
        part: of the data: "validation" or "test".
        classes: names.
        matrix, baseline: (C, C) the run's and the baseline's, true classes down, predicted ones across.
    """

    base: str
    other: str
    part: str
    classes: list[str]
    matrix: NDArray[np.int64]
    baseline: NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; the first is the baseline.

    Attributes:
        sides: the runs.
        headline: which is better, by how much.
        gaps: each other run against the baseline.
        cautions: what should be known before that is believed.
        settings: every param that differs.
        metrics: all, those that a person looks for first.
        part: of the data that `members` and `mistakes` are of.
        members: of classes, labels or targets; empty where they cannot be compared.
        mistakes: of at most three runs.
        left_out: what could not be compared, and why.
    """

    sides: list[ComparedRun]
    headline: str
    gaps: list[PairwiseResult]
    cautions: list[Caution]
    settings: list[Setting]
    metrics: list[Metric]
    part: str
    members: list[Member]
    mistakes: list[Mistakes]
    left_out: list[str]


def compare(runs: Sequence[Run]) -> Comparison:
    """Set two to ten runs side by side.

    Raises:
        RunError: too few or too many, or a store that does not answer.
    """
    check_number(len(runs))
    sides = [ComparedRun.read(letter, run) for letter, run in zip(LETTERS, runs, strict=False)]
    base, others = sides[0], sides[1:]
    gaps = [PairwiseResult.between(base, other) for other in others]
    found = cautions(sides)
    part = next(
        (
            part
            for part in ("test", "val")
            if part in base.reports and any(part in other.reports for other in others)
        ),
        "",
    )
    left_out = [f"{gap.other.letter} with {base.letter}: {gap.apart}" for gap in gaps if gap.apart]
    alike = [gap.other for gap in gaps if not gap.apart]
    if not part:
        left_out.append(
            "mistakes by class: the baseline and another run must both have judged the same part of the data"
        )
    if len(alike) > MOST_MATRICES:
        left_out.append(
            f"confusion matrices of more than {MOST_MATRICES} runs with that of {base.letter}: name fewer runs"
        )
    return Comparison(
        sides,
        headline(gaps),
        gaps,
        found,
        differing(sides),
        metrics(sides, gaps),
        PARTS.get(part, ""),
        members(base, sides, alike, part),
        [made for other in alike[:MOST_MATRICES] if (made := mistakes(base, other, part)) is not None],
        left_out,
    )


def check_number(n: int) -> None:
    """Refuse too few and too many.

    Raises:
        RunError: which of it, and what to do.
    """
    if n < FEWEST:
        raise RunError(
            f"{n} run{'s' if n != 1 else ''} to compare: name two or more, e.g. nnexp compare best last; see them with: nnexp runs"
        )
    if n > MOST:
        raise RunError(
            f"{n} runs to compare: more than {MOST} cannot be told apart on a page; see many with: nnexp runs"
        )


def differing(sides: Sequence[ComparedRun]) -> list[Setting]:
    """Every param whose values differ, also those that some runs lack; a group above what belongs to it."""
    found = []
    for key in sorted({key for side in sides for key in side.run.params}):
        values = [side.run.params.get(key) for side in sides]
        if len(set(values)) > 1:
            learnt = not any(key == other or key.startswith(f"{other}.") for other in NOT_LEARNT)
            found.append(
                Setting(key, [None if value is None else redacted(value) for value in values], learnt)
            )
    return sorted(found, key=lambda setting: not setting.learnt)


def members(
    base: ComparedRun, sides: Sequence[ComparedRun], alike: Sequence[ComparedRun], part: str
) -> list[Member]:
    """How well each run does on each class, label or target."""
    own = {id(side): {name: value for name, _, value in side.members(part)} for side in (base, *alike)}
    return (
        [
            Member(name, n, [own.get(id(side), {}).get(name) for side in sides])
            for name, n, _ in base.members(part)
        ]
        if alike
        else []
    )


def mistakes(base: ComparedRun, other: ComparedRun, part: str) -> Mistakes | None:
    """The difference of two confusion matrices; None where not both have one of as many examples of each class."""
    reports = base.reports.get(part, {}), other.reports.get(part, {})
    if not all("matrix" in report for report in reports) or reports[0]["classes"] != reports[1]["classes"]:
        return None
    before, after = (np.array(report["matrix"], np.int64) for report in reports)  # (C, C)
    if not np.array_equal(before.sum(axis=1), after.sum(axis=1)):
        return None
    classes = list(map(str, reports[0]["classes"]))
    return Mistakes(base.letter, other.letter, PARTS[part], classes, after, before)
