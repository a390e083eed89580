"""Metrics as people read them: how a value is written, and whether more of it is better. Every table and page asks here."""

import math
import re

MORE = {"accuracy", "r2", "recall", "precision", "f1", "match", "second"}  # words of metrics of which more is better
LESS = {"loss", "ece", "mae", "rmse", "time", "dead"}
PERCENT = {"accuracy", "recall", "precision", "f1", "match"}
DECIMALS = {"loss", "ece"}
MOST_WITH_DECIMALS, FEWEST_WHOLE, MOST_WHOLE = 1e6, 1e4, 1e9
MINUTE, HOUR = 60, 3600


def words(name: str) -> set[str]:
    """Of a metric's name: those of examples_per_second are examples, per and second."""
    return set(re.split(r"[/_.]", name))


def written(name: str, value: float) -> str:
    """A metric: a time as one says it, an accuracy in percent, a loss with four decimals, others with four digits."""
    if not math.isfinite(value):
        return str(value)
    if name == "seconds" or name.startswith("time/"):
        return duration(value)
    if words(name) & PERCENT:
        return f"{value:.2%}"
    if words(name) & DECIMALS and abs(value) < MOST_WITH_DECIMALS:
        return f"{value:.4f}"
    whole = float(value).is_integer() or abs(value) >= FEWEST_WHOLE
    return f"{value:,.0f}" if whole and abs(value) < MOST_WHOLE else f"{value:.4g}"


def duration(seconds: float) -> str:
    """As one says it."""
    if seconds < MINUTE:
        return f"{seconds:.3g} s"
    minutes, left = divmod(round(seconds), MINUTE)
    return f"{minutes}m{left:02}s" if seconds < HOUR else f"{minutes // 60}h{minutes % 60:02}m"
