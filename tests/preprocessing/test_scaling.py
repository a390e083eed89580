"""Standardization by mean and deviation of the training rows, without missing numbers."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from nnexp.data.dataset import Dataset
from nnexp.preprocessing.scaling import CHUNK, Standardization, TargetScale

RNG = np.random.default_rng(0)
EVERY = np.ones(3, bool)


def table(n=200, missing=0.1):
    x = RNG.normal([1e4, -3, 0.001], [1, 50, 1e-4], (n, 3)).astype(np.float32)
    x[RNG.random((n, 3)) < missing] = np.nan
    return x


@pytest.mark.parametrize("n", [5, 200, CHUNK, 2 * CHUNK + 17])
def test_agrees_with_scikit_learn(n):
    x = table(n, missing=0 if n == 5 else 0.1)
    rows = np.sort(RNG.permutation(n)[: n - 2])
    fitted, oracle = Standardization.fit(x, rows, EVERY), StandardScaler().fit(x[rows].astype(np.float64))
    np.testing.assert_allclose(fitted.shift, oracle.mean_, rtol=1e-12)
    np.testing.assert_allclose(1 / fitted.factor, oracle.scale_, rtol=1e-9)


@pytest.mark.parametrize("value", [0, 0.1, 1e7, -1e-30, np.nan])
def test_a_constant_or_empty_column_gets_the_factor_0(value):
    x = np.full((30_000, 3), value, np.float32)
    np.testing.assert_array_equal(Standardization.fit(x, np.arange(30_000), EVERY).factor, 0)


def test_columns_that_are_not_numeric_stay_as_they_are():
    fitted = Standardization.fit(table(), np.arange(200), ~EVERY)
    assert (list(fitted.shift), list(fitted.factor)) == ([0] * 3, [1] * 3)


def test_a_category_that_no_training_row_has_is_0_in_all_rows():
    x = np.eye(3, dtype=np.float32)
    fitted = Standardization.fit(x, np.arange(2), ~EVERY)
    fitted(x)
    np.testing.assert_array_equal(x, np.diag([1, 1, 0]))


def test_a_constant_target_is_restored_exactly():
    y = np.full((50, 1), 7, np.float32)
    scale = TargetScale.fit(y, np.arange(50))
    np.testing.assert_array_equal(scale.restore(np.zeros((2, 1), np.float32)), 7)


def test_images_are_scaled_by_a_factor_and_classes_not_at_all():
    x, y = np.zeros((4, 2), np.uint8), np.arange(4) % 2
    images = Dataset("images", x, y, x, y, (2,), ("a", "b"), 1 / 255, "")
    assert images.fit_scaling(np.arange(4)) == 1 / 255
    assert images.fit_target_scale(np.arange(4)) is None
