"""A data set as a plug-in makes it: classes of any type of number, shapes that agree."""

import numpy as np
import pytest

from nnexp.data.dataset import Dataset
from nnexp.data.errors import DataError

X = np.zeros((4, 2), np.float32)
Y = np.array([0, 1, 1, 0])


def dataset(x=X, y=Y):
    return Dataset("ring", x, y, X, Y, shape=(2,), classes=("in", "out"))


@pytest.mark.parametrize("y", [Y == 1, Y.astype(float), Y.tolist()], ids=["booleans", "floats", "list"])
def test_classes_are_whole_numbers_whatever_they_are_given_as(y):
    made = dataset(y=y)
    assert made.y.dtype == np.int64
    np.testing.assert_array_equal(made.y, Y)
    assert made.sha256 == dataset().sha256


def test_examples_may_be_lists():
    np.testing.assert_array_equal(dataset(x=X.tolist()).x, X)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": [0, 1, 2, 0]}, "ring: y: expected classes from 0 to 1, got 2"),
        ({"y": [0, 1, -1, 0]}, "got -1"),
        ({"y": [0, 1, 0.5, 0]}, "got 0.5"),
        ({"y": [0, 1, np.nan, 0]}, "got nan"),
        ({"y": ["a", "b", "a", "b"]}, "got values of type <U1"),
        ({"y": Y[:3]}, r"expected x of shape \(3, 2\), got \(4, 2\)"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_one_message(changes, message):
    with pytest.raises(DataError, match=message):
        dataset(**changes)
