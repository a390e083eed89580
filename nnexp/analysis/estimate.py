"""The mean of repeated measurements with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, sqrt
from statistics import fmean, stdev

LEVEL = 0.05
"""An effect is significant below this probability; intervals hold 1 - LEVEL."""
DIGITS = 12  # of values that are equal but for rounding
MIN_EXAMPLES, MAX_EXAMPLES = 100, 100_000  # whose shares are recognized by their values


@dataclass(frozen=True)
class Estimate:
    """The mean of n values, their standard deviation, and an interval of the mean."""

    n: int
    mean: float
    std: float | None = None  # of the values, with n - 1; None: of one value
    low: float | None = None  # the 95 % interval of the mean; None: unknown, of one value or without spread
    high: float | None = None


def estimate(values: Sequence[float], overlap: float = 0.0, resolution: float = 0.0) -> Estimate:
    """Estimate a mean and its 95 % interval by Student's t: mean +- t(n - 1) std sqrt(1/n + overlap).

    Args:
        values: at least one.
        overlap: of k folds 1 / (k - 1), the ratio of their validation and training examples: their results
            depend on each other (C. Nadeau and Y. Bengio, Inference for the generalization error, Machine
            Learning 52, 2003, equation 9); of independent values 0.
        resolution: the smallest step of the values; the interval is at least that of rounding to it.
    """
    n = len(values)
    mean = fmean(values)
    if n < 2:
        return Estimate(n, mean)
    std = stdev(values)
    half = t_quantile(n - 1) * max(std, resolution / sqrt(12)) * sqrt(1 / n + overlap)
    if half <= abs(mean) * 10**-DIGITS:
        return Estimate(n, mean, std)
    return Estimate(n, mean, std, mean - half, mean + half)


def t_quantile(df: float, level: float = LEVEL) -> float:
    """Return Student's t that 1 - level of the distribution lie within, on both sides of 0."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 1 - level / 2))


def resolution_of(values: Sequence[float], examples: int = 0) -> float:
    """Return the smallest step of values that are shares of examples, such as accuracies; of others 0.

    Args:
        values: shares of n examples are multiples of 1/n, the reciprocal of their common denominator.
        examples: the least that n can be, if known: a few values may have a smaller denominator in common.
    """
    distinct = {round(value, DIGITS) for value in values}
    denominator = 1
    for value in distinct:
        fraction = Fraction(value).limit_denominator(MAX_EXAMPLES)
        denominator = lcm(denominator, fraction.denominator)
        if denominator > MAX_EXAMPLES or abs(float(fraction) - value) > 10**-DIGITS:
            return 1 / examples if examples else 0.0
    if not examples and len(distinct) < 2:
        return 0.0
    return 1 / max(denominator, examples or MIN_EXAMPLES)
