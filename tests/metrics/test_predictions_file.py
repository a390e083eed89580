"""Arrays of a file are predictions only where types, lengths and classes fit."""

import numpy as np
import pytest

from nnexp.metrics.predictions import are_predictions

N = 4
CLASSES = {"index": np.arange(N), "true": np.array([0, 1, 2, 1]), "predicted": np.array([0, 1, 2, 2])}
CLASSES |= {"confidence": np.full(N, 0.5, np.float32), "id": np.array(["a", "", "b", "c"])}
TARGETS = {"index": np.arange(N), "y": np.zeros((N, 2)), "predicted": np.ones((N, 2))}
LABELS = {**TARGETS, "y": np.ones((N, 2), bool), "confidence": np.full((N, 2), 0.5)}


@pytest.mark.parametrize("arrays", [CLASSES, TARGETS, LABELS])
def test_complete_predictions_are_accepted_with_or_without_names(arrays):
    names = "xyz" if "true" in arrays else "xy"
    assert are_predictions(arrays, names)
    assert are_predictions(arrays, ())
    assert are_predictions({name: array[:0] for name, array in arrays.items()}, names)


@pytest.mark.parametrize(
    ("arrays", "changed"),
    [
        (CLASSES, {"true": np.array([0, 1, 2, 3])}),
        (CLASSES, {"predicted": np.array([0, 1, 2, -1])}),
        (CLASSES, {"predicted": np.zeros(N)}),
        (CLASSES, {"predicted": np.zeros(N + 1, int)}),
        (CLASSES, {"true": np.zeros((N, 1), int)}),
        (CLASSES, {"true": np.array(["a"] * N)}),
        (CLASSES, {"index": np.array(0)}),
        (CLASSES, {"index": np.array(["2024"] * N, "M8[Y]")}),
        (CLASSES, {"confidence": np.zeros((N, 3))}),
        (CLASSES, {"id": np.array([b"a"] * N)}),
        (CLASSES, {"predicted": None}),
        (TARGETS, {"y": np.zeros((N, 3))}),
        (TARGETS, {"y": np.zeros(N)}),
        (TARGETS, {"predicted": np.full((N, 2), 1j)}),
        (LABELS, {"confidence": np.zeros(N)}),
    ],
)
def test_arrays_that_contradict_each_other_or_the_names_are_not(arrays, changed):
    names = "xyz" if "true" in arrays else "xy"
    merged = {name: array for name, array in (arrays | changed).items() if array is not None}
    assert not are_predictions(merged, names)
