"""Which of two runs is better, by how much, and whether that is more than chance.

McNemar's exact test: of the n = b + c test examples that only one of two networks classifies correctly, b are
Binomial(n, 1/2) if both are equally good (Q. McNemar, Note on the sampling error of the difference between
correlated proportions or percentages, Psychometrika 12, 1947, 153-157). It ignores the variance over seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from nnexp.analysis.estimate import LEVEL
from nnexp.analysis.text.wording import format_amount, format_p
from nnexp.metrics.intervals import Z_95
from nnexp.runs.compare.compared_run import ComparedRun, ExampleResults
from nnexp.tasks import Classification

OTHER_EXAMPLES = "the test examples are not the same"
Headline = tuple[str, str]  # the main statement, and details (may be empty)


@dataclass(frozen=True)
class McNemar:
    """The exact test of two networks on the same n examples."""

    only_base: int  # c: only the baseline classifies them correctly
    only_other: int  # b
    n: int
    p: float  # of a difference at least so large between two equally good networks

    @classmethod
    def of(cls, base: ExampleResults, other: ExampleResults) -> "McNemar":
        from scipy.stats import binomtest

        only_base = int(np.sum(base.correct & ~other.correct))
        only_other = int(np.sum(other.correct & ~base.correct))
        discordant = only_base + only_other
        p = float(binomtest(only_other, discordant, 0.5).pvalue) if discordant else 1.0
        return cls(only_base, only_other, len(base.correct), p)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the difference in accuracy: Wald's, with 1/2 added to each count (Agresti and Min 2005)."""
        b, c, n = self.only_other + 0.5, self.only_base + 0.5, self.n + 2
        middle = (b - c) / n
        width = Z_95 * sqrt(b + c - (b - c) ** 2 / n) / n
        return middle - width, middle + width


@dataclass(frozen=True)
class PairwiseResult:
    """A run against the baseline; a difference is the other's score minus the baseline's."""

    base: ComparedRun
    other: ComparedRun
    incomparable_reason: str = ""  # why their scores cannot be compared; empty where they can
    validation_difference: float | None = None  # None: unknown
    test_difference: float | None = None
    mcnemar: McNemar | None = None
    test_skipped_reason: str = ""  # why there is no `mcnemar`

    @classmethod
    def between(cls, base: ComparedRun, other: ComparedRun) -> "PairwiseResult":
        if reason := _incomparable_reason(base, other):
            return cls(base, other, reason)
        validation = _difference(base.validation_score, other.validation_score)
        if len({base.digest("test"), other.digest("test")} - {""}) > 1:
            return cls(base, other, "", validation, test_skipped_reason=OTHER_EXAMPLES)
        test = _difference(base.test_score, other.test_score)
        return cls(base, other, "", validation, test, *_test(base, other))

    def summary(self, level: float = LEVEL) -> Headline:
        """Summarize the result; a p below `level` is significant."""
        both = f"{self.base.letter} and {self.other.letter}"
        if self.incomparable_reason:
            return f"{both} cannot be compared: {self.incomparable_reason}", ""
        if self.other.run.is_same(self.base.run):
            return f"{both} are the same run", ""
        return self._on_test(level), self._on_validation()

    def _on_test(self, level: float) -> str:
        a = self.base.letter
        b = self.other.letter
        difference = self.test_difference
        if difference is None or is_tied(difference):
            state = "have no common test scores" if difference is None else "are level on test"
            return f"{a} and {b} {state}"
        better, worse = (b, a) if difference > 0 else (a, b)
        by = f"{worse} by {format_amount(difference, self.base.task.score)} on test"
        ahead = f"{better} is ahead of {by}"
        if self.mcnemar is None:
            validation = self.validation_difference
            agrees = validation is None or validation * difference >= 0
            return ahead if agrees else f"No clear winner: {ahead}"
        p = format_p(self.mcnemar.p)
        if self.mcnemar.p >= level:
            return f"No clear winner: {ahead}, which may be chance (p = {p})"
        return f"{better} is better than {by}, more than chance explains (p = {p})"

    def _on_validation(self) -> str:
        difference = self.validation_difference
        if difference is None or is_tied(difference):
            return "" if difference is None else "on validation they are level"
        better = self.other if difference > 0 else self.base
        return f"on validation {better.letter} is ahead by {format_amount(difference, better.task.score)}"


def headline(results: Sequence[PairwiseResult]) -> Headline:
    """Say which run is best: of many by validation, since the maximum of many test scores is optimistic."""
    if len(results) == 1:
        return results[0].summary()
    base = results[0].base
    comparable = [base, *(result.other for result in results if not result.incomparable_reason)]
    scores = {run.letter: run.validation_score for run in comparable if run.validation_score is not None}
    if len(scores) < 2:
        return f"No run can be compared with {base.letter}", "see below why"
    best = max(scores.values())
    winners = [letter for letter, score in scores.items() if is_tied(score - best)]
    total = f"of {len(scores)}" + (" that can be compared" if len(scores) <= len(results) else "")
    state = "is" if len(winners) == 1 else "are"
    main = f"By validation, {' and '.join(winners)} {state} the best {total}: {base.task.format_score(best)}"
    test = next(run.test_score for run in comparable if run.letter == winners[0])
    tested = f", {base.task.format_score(test)} on test" if test is not None and state == "is" else ""
    return f"{main}{tested}", ""


def corrected_level(results: Sequence[PairwiseResult]) -> float:
    """Return the p below which a difference is significant: Bonferroni's correction for several tests."""
    return LEVEL / max(1, sum(result.mcnemar is not None for result in results))


def is_tied(difference: float) -> bool:
    """Return whether a difference is no more than rounding."""
    return abs(difference) < 1e-12


def _incomparable_reason(base: ComparedRun, other: ComparedRun) -> str:
    if base.task != other.task:
        return f"one is {base.task.noun}, the other {other.task.noun}"
    if len({base.data_sha256, other.data_sha256} - {""}) > 1:
        return f"their data are not the same ({base.data_name} and {other.data_name})"
    if base.output_names and other.output_names and base.output_names != other.output_names:
        return "their classes, labels or targets are not the same"
    return ""


def _test(base: ComparedRun, other: ComparedRun) -> tuple[McNemar | None, str]:
    """Test the difference, or return why it cannot be tested."""
    if base.task.report_folder != Classification.report_folder:
        return None, "McNemar's test needs one class per example"
    if base.test_results is None or other.test_results is None:
        missing = [run.letter for run in (base, other) if run.test_results is None]
        return None, f"{' and '.join(missing)} has no predictions of the test examples"
    if not base.test_results.has_same_examples(other.test_results):
        return None, OTHER_EXAMPLES
    return McNemar.of(base.test_results, other.test_results), ""


def _difference(base: float | None, other: float | None) -> float | None:
    return None if base is None or other is None else other - base
