"""Which of two runs is better, by how much, and whether that is more than chance.

The n = b + c test examples of which only one of the two networks gets the class right decide: were both equally good, each of
these would be a fair coin, so b ~ Binomial(n, 1/2): McNemar's exact test (Q. McNemar, Note on the sampling error of the difference
between correlated proportions or percentages, Psychometrika 12, 1947, 153-157). It speaks of these two networks, and not of how far
the training of another seed would have led.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from nnexp.metrics.metric_info import format_metric
from nnexp.runs.compare.compared_run import WORDS, Answers, ComparedRun

LEVEL = 0.05
NORMAL = 1.959964  # 95 % of a normal distribution lie within so many standard deviations
SMALLEST = 1e-12  # of a difference that is one


@dataclass(frozen=True)
class McNemar:
    """The exact test of two networks on the same examples.

    Attributes:
        only_base, only_other: examples that only the one gets right: c and b.
        n: all examples.
        p: of a difference at least so large between two equally good networks.
    """

    only_base: int
    only_other: int
    n: int
    p: float

    @classmethod
    def of(cls, base: Answers, other: Answers) -> "McNemar":
        """Count where the answers, of the same examples, differ in being right."""
        from scipy.stats import binomtest

        only_base, only_other = int(np.sum(base.right & ~other.right)), int(np.sum(other.right & ~base.right))
        differing = only_base + only_other
        p = float(binomtest(only_other, differing, 0.5).pvalue) if differing else 1.0
        return cls(only_base, only_other, len(base.right), p)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the difference in accuracy: Wald's after half an example is added to each of the four counts (Agresti and Min 2005)."""
        b, c, n = self.only_other + 0.5, self.only_base + 0.5, self.n + 2
        middle, width = (b - c) / n, NORMAL * sqrt(b + c - (b - c) ** 2 / n) / n
        return middle - width, middle + width


@dataclass(frozen=True)
class PairwiseResult:
    """A run against the baseline.

    Attributes:
        base, other: the two.
        apart: why their scores cannot be compared at all; empty where they can.
        validation, test: the other's score less the baseline's; None: not both have one, or not of the same examples.
        mcnemar: None: it cannot be made.
        untested: why not.
    """

    base: ComparedRun
    other: ComparedRun
    apart: str = ""
    validation: float | None = None
    test: float | None = None
    mcnemar: McNemar | None = None
    untested: str = ""

    @classmethod
    def between(cls, base: ComparedRun, other: ComparedRun) -> "PairwiseResult":
        """All that can be said."""
        if apart := unlike(base, other):
            return cls(base, other, apart)
        validation, test = difference(base.validation, other.validation), difference(base.test, other.test)
        if (
            base.examples("test") != other.examples("test")
            and base.examples("test")
            and other.examples("test")
        ):
            return cls(base, other, "", validation, None, None, "the test examples are not the same")
        why = untestable(base, other)
        return cls(
            base,
            other,
            "",
            validation,
            test,
            None if why else McNemar.of(base.answers["test"], other.answers["test"]),
            why,
        )

    @property
    def both_tested(self) -> bool:
        """Whether both have a score on test examples, be they the same or not."""
        return self.base.test is not None and self.other.test is not None

    def winner(self, difference: float) -> tuple[ComparedRun, ComparedRun]:
        """Who is ahead by a difference, and who is behind."""
        return (self.other, self.base) if difference > 0 else (self.base, self.other)

    def verdict(self, level: float = LEVEL) -> str:
        """One sentence; a p below `level` is more than chance explains."""
        a, b = self.base.letter, self.other.letter
        if self.apart:
            return f"{a} and {b} cannot be compared: {self.apart}"
        if self.other.repeats(self.base):
            return f"{a} and {b} are the same run"
        return f"{self.on_test(level)}{self.on_validation()}"

    def on_test(self, level: float) -> str:
        """Who is ahead on the test examples, if anybody."""
        a, b = self.base.letter, self.other.letter
        if self.test is None:
            return f"Nothing is known of the test examples of both {a} and {b}"
        if tied(self.test):
            return f"{a} and {b} are level on test"
        lead, lag = self.winner(self.test)
        by = f"by {self.amount(self.test)} on test"
        if self.mcnemar is None:
            agreed = self.validation is None or self.validation * self.test >= 0
            return f"{'' if agreed else 'No clear winner: '}{lead.letter} is ahead of {lag.letter} {by}"
        p = p_value(self.mcnemar.p)
        if self.mcnemar.p >= level:
            return (
                f"No clear winner: {lead.letter} is ahead of {lag.letter} {by}, which may be chance (p = {p})"
            )
        return f"{lead.letter} is better than {lag.letter} {by}, more than chance explains (p = {p})"

    def on_validation(self) -> str:
        """The end of a sentence on the test examples."""
        if self.validation is None:
            return ""
        if tied(self.validation):
            return "; on validation they are level"
        return f"; on validation {self.winner(self.validation)[0].letter} is ahead by {self.amount(self.validation)}"

    def amount(self, difference: float) -> str:
        """How much it is, without its sign."""
        return amount(abs(difference), self.base.score)


def unlike(base: ComparedRun, other: ComparedRun) -> str:
    """Why scores of two runs cannot be compared; empty where they can."""
    if base.task != other.task:
        return f"one is {WORDS[base.task]}, the other {WORDS[other.task]}"
    if base.data_sha256 and other.data_sha256 and base.data_sha256 != other.data_sha256:
        names = base.data_name, other.data_name
        return (
            f"their data are not the same ({names[0]} and {names[1]})"
            if names[0] != names[1]
            else "their data are not the same"
        )
    if base.names() and other.names() and base.names() != other.names():
        return f"they do not tell the same {'targets' if base.task == 'regression' else 'classes'} apart"
    return ""


def untestable(base: ComparedRun, other: ComparedRun) -> str:
    """Why McNemar's test cannot be made; empty where it can."""
    if base.task != "classification":
        return "McNemar's is for examples with one right answer"
    lacking = [side.letter for side in (base, other) if "test" not in side.answers]
    if lacking:
        return f"{' and '.join(lacking)} kept no predictions of the test examples"
    if not base.answers["test"].same_examples(other.answers["test"]):
        return "the test examples are not the same"
    return ""


def headline(gaps: Sequence[PairwiseResult]) -> str:
    """Which run is best; of more than two the best by validation, since choosing the best of many by test would flatter it."""
    level = corrected(gaps)
    if len(gaps) == 1:
        return gaps[0].verdict(level)
    base = gaps[0].base
    sides = [
        side for side in [base, *(gap.other for gap in gaps if not gap.apart)] if side.validation is not None
    ]
    if len(sides) < 2:
        return f"There is nothing to compare {base.letter} with: see below why"
    best = max(sides, key=lambda side: side.validation or 0.0)
    level_with = [
        side.letter
        for side in sides
        if side is not best and tied((side.validation or 0.0) - (best.validation or 0.0))
    ]
    of = f"of the {len(sides)} that can be compared" if len(sides) <= len(gaps) else f"of {len(sides)}"
    tested = f", {scored(best.test, best.score)} on test" if best.test is not None else ""
    if level_with:
        return f"By validation, {' and '.join([best.letter, *level_with])} are the best {of}: {scored(best.validation, best.score)}"
    return f"By validation, {best.letter} is the best {of}: {scored(best.validation, best.score)}{tested}"


def corrected(gaps: Sequence[PairwiseResult]) -> float:
    """The p below which a difference counts: Bonferroni's share where several are tested."""
    return LEVEL / max(1, sum(gap.mcnemar is not None for gap in gaps))


def difference(base: float | None, other: float | None) -> float | None:
    """None where one of them is not known."""
    return None if base is None or other is None else other - base


def tied(difference: float) -> bool:
    """No more than rounding."""
    return abs(difference) < SMALLEST


def amount(difference: float, score: str) -> str:
    """A difference of two scores."""
    if score == "r2":
        return f"{difference:.4f} of R2"
    points = f"{100 * difference:.2f}" if abs(difference) >= 1e-4 else f"{100 * difference:.2g}"
    return f"{points} percentage points"


def scored(value: float | None, score: str) -> str:
    """A score as one reads it."""
    if value is None:
        return "-"
    return format_metric(score, value) if score == "accuracy" else f"R2 {value:.4f}"


def p_value(p: float) -> str:
    """With as many digits as matter."""
    return f"{p:.1e}" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
