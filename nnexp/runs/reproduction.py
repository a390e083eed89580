"""Whether a training that was done again is the same: to the bit, nearly, or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

NEARLY = 1e-6  # the relative difference up to which two trainings count as the same calculation, rounded differently
SHARES = ("accuracy", "r2", "ece", "exact_match")  # how these end, with 1 for all or perfect
PARTS = ("recall/", "dead_units/")  # how those begin that are shares too
EXACT = ("lr", "best/epoch", "best/step")  # no sum is rounded in them
LOSS_AT_END = {"best/val_loss": "val/loss", "test/loss": "val/loss"}  # and where such a loss came from
CLOCK = ("time/epoch", "examples_per_second")  # told of each epoch, and never the same twice
LOSSES = ("train/loss", "val/loss")  # what says most about a training
Word = Literal["identical", "same to 1e-6", "different"]


@dataclass(frozen=True)
class Trace:
    """What can be compared of a training.

    Attributes:
        epochs: the metrics of each evaluation by step.
        results: those that are told once.
        weights: arrays by the file they are in and their name there.
    """

    epochs: Mapping[int, Mapping[str, float]]
    results: Mapping[str, float]
    weights: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Difference:
    """A number, or an array, that is not the same.

    Attributes:
        name: of the metric or the array; of an array's element, with its place.
        recorded, found: both values; of arrays that cannot be compared, their shapes.
        size: |recorded - found| relative to the larger of both, or to what such a number is measured by if that is more, see
            `compare`; of an array's element, relative to the array's largest number.
        step: of the evaluation; None for what is told once.
    """

    name: str
    recorded: float | str
    found: float | str
    size: float
    step: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        evaluations, metrics, results, arrays: how many were compared.
        first: of the first evaluation that differs: the difference of its loss; if that is the same, the largest one.
        largest: of all differences.
        count: of differences.
        telling: what says best that both are not the same: of the first evaluation with a difference beyond rounding that of its loss,
            else the largest one; without such an evaluation the largest result, else the largest of all. None unless they differ.
    """

    evaluations: int
    metrics: int
    results: int
    arrays: int
    first: Difference | None
    largest: Difference | None
    count: int
    telling: Difference | None = None

    @property
    def verdict(self) -> Word:
        """All bits are equal, all numbers are nearly equal, or some are not."""
        if self.largest is None:
            return "identical"
        return "same to 1e-6" if self.largest.size <= NEARLY else "different"


def compare(recorded: Trace, again: Trace) -> Comparison:
    """Compare all that both have.

    An evaluation that only one of them came to is a difference; a metric that only one of them has is left out: another version
    may measure more.

    Rounding leaves its trace in proportion to what a number was made of, not to what is left of it. So a mean activation is measured by
    its layer's standard deviation, a share (accuracy, R2, recall) by 1, any other metric by its largest value so far, and a loss at the
    end by the first one of the history.
    """
    steps = sorted(recorded.epochs.keys() & again.epochs.keys())
    both = {step: recorded.epochs[step].keys() & again.epochs[step].keys() - {*CLOCK} for step in steps}
    results, arrays = (
        recorded.results.keys() & again.results.keys(),
        recorded.weights.keys() & again.weights.keys(),
    )
    within, most, start = list[Difference](), dict[str, float](), dict[str, float]()
    for step in steps:
        one, other = recorded.epochs[step], again.epochs[step]
        for name in sorted(both[step]):
            most[name] = _greatest(most.get(name, 0.0), one[name], other[name])
            start.setdefault(name, most[name])
            within += _of(name, one, other, _measure(name, one, other, most), step)
    within += _alone(recorded, again)
    ends = [
        d
        for name in sorted(results)
        for d in _of(
            name,
            recorded.results,
            again.results,
            1.0 if _is_share(name) else start.get(LOSS_AT_END.get(name, ""), 0.0),
        )
    ]
    weights = [
        d for name in sorted(arrays) for d in _of_arrays(name, recorded.weights[name], again.weights[name])
    ]
    apart = _beyond_rounding(within)
    return Comparison(
        evaluations=len(steps),
        metrics=len(set().union(*both.values())),
        results=len(results),
        arrays=len(arrays),
        first=_telling(within),
        largest=_largest(within + ends + weights),
        count=len(within + ends + weights),
        telling=_telling(apart) or _largest(_beyond_rounding(ends)) or _largest(_beyond_rounding(weights)),
    )


def relative(one: float, other: float, measure: float = 0.0) -> float:
    """How far two numbers are apart, in parts of the larger one or of a larger measure; infinitely if only one of them is finite."""
    if one == other or (isnan(one) and isnan(other)):
        return 0.0
    if not (np.isfinite(one) and np.isfinite(other)):
        return inf
    return abs(one - other) / max(abs(one), abs(other), measure)


def _of(
    name: str,
    recorded: Mapping[str, float],
    found: Mapping[str, float],
    measure: float,
    step: int | None = None,
) -> Iterator[Difference]:
    one, other = recorded[name], found[name]
    if not (one == other or (isnan(one) and isnan(other))):
        yield Difference(name, one, other, relative(one, other, measure), step)


def _measure(
    name: str, one: Mapping[str, float], other: Mapping[str, float], most: Mapping[str, float]
) -> float:
    """What an evaluation's metric is measured by; most: the largest values so far."""
    if name in EXACT:
        return 0.0
    if _is_share(name):
        return 1.0
    kind, _, layer = name.partition("/")
    if kind == "activation_mean":
        return _greatest(*(metrics.get(f"activation_std/{layer}", 0.0) for metrics in (one, other)))
    return most[name]  # what came later does not count: a run that diverges would excuse all that led to it


def _is_share(name: str) -> bool:
    return name.endswith(SHARES) or name.startswith(PARTS)


def _greatest(*values: float) -> float:
    return max((abs(value) for value in values if isfinite(value)), default=0.0)


def _beyond_rounding(differences: list[Difference]) -> list[Difference]:
    return [difference for difference in differences if difference.size > NEARLY]


def _of_arrays(name: str, one: NDArray[Any], other: NDArray[Any]) -> Iterator[Difference]:
    if one.shape != other.shape:
        yield Difference(name, str(one.shape), str(other.shape), inf)
    elif (one.dtype, one.tobytes()) != (other.dtype, other.tobytes()):
        finite = np.isfinite(one) & np.isfinite(other)
        odd = ~finite & ~((one == other) | (np.isnan(one) & np.isnan(other)))
        apart = np.where(finite, one, 0).astype(np.float64) - np.where(finite, other, 0)
        size = np.where(odd, inf, np.abs(apart))
        most = max((float(np.abs(array[finite]).max(initial=0)) for array in (one, other)), default=0.0)
        place = np.unravel_index(int(size.argmax()), size.shape)
        where = f"{name}[{', '.join(map(str, place))}]"
        yield Difference(
            where,
            float(one[place]),
            float(other[place]),
            float(size[place]) / most if most else float(size[place]),
        )


def _alone(recorded: Trace, again: Trace) -> Iterator[Difference]:
    """The evaluations that only one training came to."""
    for step in sorted(recorded.epochs.keys() ^ again.epochs.keys()):
        names = {**recorded.epochs, **again.epochs}[step].keys()
        name = next((name for name in LOSSES if name in names), min(names))
        one, other = (
            trace.epochs[step][name] if step in trace.epochs else "none" for trace in (recorded, again)
        )
        yield Difference(name, one, other, inf, step)


def _largest(differences: list[Difference]) -> Difference | None:
    return max(differences, key=lambda difference: difference.size, default=None)


def _telling(differences: list[Difference]) -> Difference | None:
    """Of the first evaluation that differs: the difference of its loss, else the largest one."""
    start = min((difference.step for difference in differences if difference.step is not None), default=None)
    named = {difference.name: difference for difference in differences if difference.step == start}
    return next((named[name] for name in LOSSES if name in named), _largest([*named.values()]))
