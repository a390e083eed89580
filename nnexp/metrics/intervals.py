"""The interval of a share that was counted on N examples."""

from math import sqrt

Z_95 = 1.959964  # 95 % of a normal distribution are within so many standard deviations
Interval = tuple[float, float]


def wilson_interval(count: int, examples: int) -> Interval:
    """Compute the 95 % Wilson score interval of a share, `count` of N `examples`, N > 0.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share = count / examples
    squared = Z_95**2 / examples
    centre = share + squared / 2
    half_width = Z_95 * sqrt(share * (1 - share) / examples + squared / (4 * examples))
    low, high = (centre - half_width) / (1 + squared), (centre + half_width) / (1 + squared)
    return (low if count else 0.0), (high if count < examples else 1.0)
