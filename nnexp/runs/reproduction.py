"""Comparison of a training with its repetition: identical, the same to 1e-6, or different."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.array_file import ArrayFileError, read_arrays
from nnexp.metrics.metric_info import metric_info
from nnexp.run_folder import Which, weights_path
from nnexp.runs.query import Run, RunError

TOLERANCE = 1e-6  # relative: the same calculation, rounded in another order
LOSSES = ("train/loss", "val/loss")  # the first that differs is reported
Outcome = Literal["identical", "same to 1e-6", "different"]
Metrics = Mapping[str, float]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Trace:
    """What can be compared of a training: metrics by step, final metrics, arrays of weights."""

    epochs: Mapping[int, Metrics]
    results: Metrics
    weights: Arrays

    @classmethod
    def of(cls, run: Run, finished: bool) -> "Trace":
        """Read a run; of an unfinished one, only what does not depend on where it ended."""
        prefixes = ("best/", "test/") if finished else ("best/",)
        results = {name: value for name, value in run.metrics.items() if name.startswith(prefixes)}
        weights = {**_weights(run, "best"), **(_weights(run, "final") if finished else {})}
        return cls(dict(run.history()), results, weights)


@dataclass(frozen=True)
class Difference:
    """A metric, or an element of an array, that is not the same."""

    name: str
    recorded: float | str
    repeated: float | str
    size: float  # |recorded - repeated| relative to the scale of the metric, see `compare`
    step: int | None = None  # of the evaluation; None for final metrics and weights


@dataclass(frozen=True)
class Comparison:
    """The differences, and how many evaluations, metrics, results and arrays were compared."""

    compared: dict[str, int]
    differences: list[Difference]

    @property
    def outcome(self) -> Outcome:
        """Whether all bits are equal, all numbers equal up to rounding, or some are not."""
        if self.largest is None:
            return "identical"
        return "same to 1e-6" if self.largest.size <= TOLERANCE else "different"

    @property
    def largest(self) -> Difference | None:
        return max(self.differences, key=lambda difference: difference.size, default=None)

    @property
    def first(self) -> Difference | None:
        """The first evaluation that differs, beyond rounding if any does: its loss, else the largest."""
        relevant = [each for each in self.differences if each.size > TOLERANCE] or self.differences
        step = min((each.step for each in relevant if each.step is not None), default=None)
        by_name = {each.name: each for each in relevant if each.step == step}
        losses = (by_name[name] for name in LOSSES if name in by_name)
        return next(losses, max(by_name.values(), key=lambda each: each.size, default=None))


def compare(recorded: Trace, repeated: Trace) -> Comparison:
    """Compare all that both have; an evaluation, but not a metric, that only one of them has is a difference.

    Rounding errors are proportional to the summands, not the sum: the scale of a mean activation is its
    layer's standard deviation, of a share (accuracy, R2, recall) it is 1, of any other metric its largest
    value so far, and of a final loss the first one of the history.
    """
    steps = sorted(recorded.epochs.keys() & repeated.epochs.keys())
    differences: list[Difference] = []
    largest: dict[str, float] = {}  # values so far: later ones would excuse what led to a divergence
    first: dict[str, float] = {}
    for step in steps:
        one, other = recorded.epochs[step], repeated.epochs[step]
        for name in sorted(one.keys() & other.keys()):
            if not metric_info(name).cost:
                largest[name] = _magnitude(largest.get(name, 0.0), one[name], other[name])
                first.setdefault(name, largest[name])
                scale = _scale(name, one, other, largest[name])
                differences += _difference(name, one[name], other[name], scale, step)
    differences += _missing_evaluations(recorded, repeated)
    results = sorted(recorded.results.keys() & repeated.results.keys())
    for name in results:
        first_loss = first.get("val/loss", 0.0) if name.endswith("loss") else 0.0
        scale = 1.0 if metric_info(name).share else first_loss
        differences += _difference(name, recorded.results[name], repeated.results[name], scale)
    arrays = sorted(recorded.weights.keys() & repeated.weights.keys())
    for name in arrays:
        differences += _array_differences(name, recorded.weights[name], repeated.weights[name])
    counts = {"evaluations": steps, "metrics": largest, "results": results, "arrays": arrays}
    return Comparison({name: len(compared) for name, compared in counts.items()}, differences)


def relative(one: float, other: float, scale: float = 0.0) -> float:
    """Return |one - other| relative to the larger of both or the scale; infinite if one is not finite."""
    if one == other or (isnan(one) and isnan(other)):
        return 0.0
    if not (isfinite(one) and isfinite(other)):
        return inf
    return abs(one - other) / max(abs(one), abs(other), scale)


def _difference(
    name: str, one: float, other: float, scale: float, step: int | None = None
) -> list[Difference]:
    size = relative(one, other, scale)
    return [Difference(name, one, other, size, step)] if size else []


def _scale(name: str, one: Metrics, other: Metrics, largest: float) -> float:
    info = metric_info(name)
    kind, _, layer = name.partition("/")
    if kind == "activation_mean":
        return _magnitude(*(metrics.get(f"activation_std/{layer}", 0.0) for metrics in (one, other)))
    return float(info.share) if info.share or info.exact else largest


def _magnitude(*values: float) -> float:
    return max((abs(value) for value in values if isfinite(value)), default=0.0)


def _missing_evaluations(recorded: Trace, repeated: Trace) -> Iterator[Difference]:
    for step in sorted(recorded.epochs.keys() ^ repeated.epochs.keys()):
        names = {**recorded.epochs, **repeated.epochs}[step].keys()
        name = next((name for name in LOSSES if name in names), min(names))
        one, other = (trace.epochs.get(step, {}).get(name, "none") for trace in (recorded, repeated))
        yield Difference(name, one, other, inf, step)


def _array_differences(name: str, one: NDArray[Any], other: NDArray[Any]) -> Iterator[Difference]:
    """Yield the largest difference of two arrays, relative to their largest number."""
    if one.shape != other.shape:
        yield Difference(name, str(one.shape), str(other.shape), inf)
    elif (one.dtype, one.tobytes()) != (other.dtype, other.tobytes()):
        finite = np.isfinite(one) & np.isfinite(other)
        equal = (one == other) | (np.isnan(one) & np.isnan(other))
        first, second = (np.where(finite, array, 0).astype(np.float64) for array in (one, other))
        gap = np.where(finite | equal, np.abs(first - second), inf)
        scale = max(float(np.abs(array).max(initial=0)) for array in (first, second))
        index = np.unravel_index(int(gap.argmax()), gap.shape)
        element = f"{name}[{', '.join(map(str, index))}]"
        yield Difference(element, float(one[index]), float(other[index]), float(gap[index]) / (scale or 1.0))


def _weights(run: Run, which: Which) -> Arrays:
    file = weights_path(which)
    if (path := run.backend.file(file)) is None:
        return {}
    try:
        return {f"{file} {name}": array for name, array in read_arrays(path).items()}
    except (OSError, ArrayFileError) as error:
        raise RunError(f"cannot be read as weights: {error}") from error
