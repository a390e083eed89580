"""Comparisons of settings: t-tests of each two, corrected for their number by Holm's method.

Paired (Student, The probable error of a mean, Biometrika 6, 1908) where both have values of the same repeats:
what a seed or a fold does to both cancels. Else Welch's test, which lets the variances differ (B. L. Welch,
The generalization of "Student's" problem when several different population variances are involved, Biometrika
34, 1947). S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
Statistics 6, 1979: the probability of one or more false positives among all comparisons is at most 5 %.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from statistics import fmean, stdev
from typing import Any, Literal

from nnexp.analysis.estimate import DIGITS, Estimate, t_quantile
from nnexp.analysis.results import Comparison

MAX_SAMPLES = 150  # whose pairs are all listed: 11,175
ONE_EACH = "one result each: chance cannot be estimated; add seeds"
NO_SPREAD = "all differences are equal: there is no spread to test against"


@dataclass(frozen=True)
class Sample:
    """The values of a setting, or of a param's level, by repeat."""

    label: str
    values: Mapping[Any, float]


def compare_samples(
    samples: Sequence[Sample], overlap: float = 0.0, resolution: float = 0.0
) -> tuple[Comparison, ...]:
    """Compare each two samples; of very many, each with the first.

    The correction counts all pairs in any case, since which one is the first was chosen by its results.

    Args:
        samples: the best one first.
        overlap: see `nnexp.analysis.estimate.estimate`.
        resolution: see `compare`.
    """
    count = len(samples)
    pairs = list(combinations(samples, 2) if count <= MAX_SAMPLES else ((samples[0], b) for b in samples[1:]))
    comparisons = [compare(a, b, overlap, resolution) for a, b in pairs]
    return correct(comparisons, count * (count - 1) // 2 - len(pairs))


def compare(a: Sample, b: Sample, overlap: float = 0.0, resolution: float = 0.0) -> Comparison:
    """Test the difference of two samples, b minus a; the p-value is not corrected.

    Args:
        a: one sample.
        b: the other.
        overlap: see `nnexp.analysis.estimate.estimate`.
        resolution: the smallest step of the values. The standard deviation of differences is at least that
            of rounding two values to it, so that a few equal differences are no proof.
    """
    common = [repeat for repeat in a.values if repeat in b.values]
    rounding = resolution / sqrt(6)
    if len(common) > 1:
        differences = [b.values[repeat] - a.values[repeat] for repeat in common]
        n = len(differences)
        std = max(stdev(differences), rounding)
        error = std * sqrt(1 / n + overlap)
        return _comparison(a, b, _Test("paired t-test", fmean(differences), error, n - 1, n, std))
    means = [fmean(sample.values.values()) for sample in (a, b)]
    sizes = [len(sample.values) for sample in (a, b)]
    if min(sizes) < 2:
        note = ONE_EACH if max(sizes) < 2 else "one result on one side: chance cannot be estimated"
        return Comparison(a.label, b.label, Estimate(min(sizes), means[1] - means[0]), None, None, None, note)
    floor = rounding**2 / 2
    errors = [
        max(stdev(sample.values.values()) ** 2, floor) * (1 / len(sample.values) + overlap)
        for sample in (a, b)
    ]
    squares = sum(error**2 / (n - 1) for error, n in zip(errors, sizes, strict=True))
    df = sum(errors) ** 2 / squares if squares else 1.0
    difference = means[1] - means[0]
    return _comparison(a, b, _Test("Welch's t-test", difference, sqrt(sum(errors)), df, sum(sizes), None))


@dataclass(frozen=True)
class _Test:
    """A t-test: the difference, its standard error, and the degrees of freedom."""

    name: Literal["paired t-test", "Welch's t-test"]
    difference: float
    error: float
    df: float
    n: int
    std: float | None  # of the differences


def _comparison(a: Sample, b: Sample, test: _Test) -> Comparison:
    from scipy.special import stdtr

    size = max(abs(value) for sample in (a, b) for value in sample.values.values())
    has_spread = test.error > size * 10**-DIGITS
    if not has_spread and round(test.difference, DIGITS):
        estimate = Estimate(test.n, test.difference, 0.0)
        return Comparison(a.label, b.label, estimate, None, None, None, NO_SPREAD)
    t = abs(test.difference) / test.error if has_spread else 0.0
    p = 2 * float(stdtr(test.df, -t))
    half = t_quantile(test.df) * test.error
    estimate = Estimate(test.n, test.difference, test.std, test.difference - half, test.difference + half)
    return Comparison(a.label, b.label, estimate, test.name, p, p)


def correct(comparisons: Sequence[Comparison], unlisted: int = 0) -> tuple[Comparison, ...]:
    """Correct p-values for their number by Holm's method; untested pairs count only if they are unlisted."""
    tested = [index for index, comparison in enumerate(comparisons) if comparison.p is not None]
    adjusted = holm([comparisons[index].p or 0.0 for index in tested], unlisted)
    corrected = list(comparisons)
    for index, p in zip(tested, adjusted, strict=True):
        corrected[index] = replace(comparisons[index], adjusted_p=p)
    return tuple(corrected)


def holm(p_values: Sequence[float], unlisted: int = 0) -> list[float]:
    """Adjust p-values: the k-th smallest of m times m - k + 1, no less than those before it.

    Args:
        p_values: of the tests.
        unlisted: how many more tests were made; they count as the largest.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) + unlisted - place)))
        adjusted[index] = largest
    return adjusted
