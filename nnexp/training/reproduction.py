"""Whether a training that was done again is the same: to the bit, nearly, or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isnan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

NEARLY = 1e-6  # the relative difference up to which two trainings count as the same calculation, rounded differently
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
        size: |recorded - found| relative to the larger of both; of an array's element, to the array's largest number.
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
    """

    evaluations: int
    metrics: int
    results: int
    arrays: int
    first: Difference | None
    largest: Difference | None
    count: int

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
    """
    steps = sorted(recorded.epochs.keys() & again.epochs.keys())
    both = {step: recorded.epochs[step].keys() & again.epochs[step].keys() - {*CLOCK} for step in steps}
    results, arrays = recorded.results.keys() & again.results.keys(), recorded.weights.keys() & again.weights.keys()
    within = [d for step in steps for name in sorted(both[step]) for d in _of(name, recorded.epochs[step], again.epochs[step], step)]
    within += _alone(recorded, again)
    once = [d for name in sorted(results) for d in _of(name, recorded.results, again.results)]
    once += [d for name in sorted(arrays) for d in _of_arrays(name, recorded.weights[name], again.weights[name])]
    start = min((d.step for d in within if d.step is not None), default=None)
    return Comparison(
        evaluations=len(steps),
        metrics=len(set().union(*both.values())),
        results=len(results),
        arrays=len(arrays),
        first=_telling([d for d in within if d.step == start]),
        largest=_largest(within + once),
        count=len(within + once),
    )


def relative(one: float, other: float) -> float:
    """How far two numbers are apart, in parts of the larger one; infinitely if only one of them is finite."""
    if one == other or (isnan(one) and isnan(other)):
        return 0.0
    if not (np.isfinite(one) and np.isfinite(other)):
        return inf
    return abs(one - other) / max(abs(one), abs(other))


def _of(name: str, recorded: Mapping[str, float], found: Mapping[str, float], step: int | None = None) -> Iterator[Difference]:
    one, other = recorded[name], found[name]
    if not (one == other or (isnan(one) and isnan(other))):
        yield Difference(name, one, other, relative(one, other), step)


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
        yield Difference(where, float(one[place]), float(other[place]), float(size[place]) / most if most else float(size[place]))


def _alone(recorded: Trace, again: Trace) -> Iterator[Difference]:
    """The evaluations that only one training came to."""
    for step in sorted(recorded.epochs.keys() ^ again.epochs.keys()):
        names = {**recorded.epochs, **again.epochs}[step].keys()
        name = next((name for name in LOSSES if name in names), min(names))
        one, other = (trace.epochs[step][name] if step in trace.epochs else "none" for trace in (recorded, again))
        yield Difference(name, one, other, inf, step)


def _largest(differences: list[Difference]) -> Difference | None:
    return max(differences, key=lambda difference: difference.size, default=None)


def _telling(differences: list[Difference]) -> Difference | None:
    named = {difference.name: difference for difference in differences}
    return next((named[name] for name in LOSSES if name in named), _largest(differences))
