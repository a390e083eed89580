"""Standardization by mean and deviation of the training rows, without missing numbers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.preprocessing.scaling import CHUNK, Standardization, TargetScale, is_constant

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


@given(
    st.sampled_from([0, 2000, -20180131, 1_517_356_800, 1e12]),
    st.sampled_from([0.01, 1, 300, 1e6]),
    st.integers(0, 30),
)
def test_targets_are_those_of_float64_and_restored_to_their_units(offset, spread, seed):
    y = (offset + spread * np.random.default_rng(seed).standard_normal((80, 1))).round(3)
    rows = np.arange(60)
    scale = TargetScale.fit(y, rows)
    exact = y - y[0]  # without rounding of numbers that are near each other
    deviation = exact[rows].std()
    z = (exact - exact[rows].mean()) / deviation
    every = Batches(np.zeros((80, 1), np.uint8), y, np.arange(80), 80, 1, np.float32, targets=scale)
    ((_, standardized),) = every
    tolerance = 2e-5 if scale.origin is None else 3e-7 * np.maximum(np.abs(z), 1)
    assert (np.abs(standardized - z) <= tolerance).all()
    restored = scale.restore(standardized)
    assert restored.dtype == np.float64
    assert (np.abs(restored - y) <= 2 * tolerance * deviation + 2 * np.spacing(np.abs(y))).all()
    np.testing.assert_array_equal(every.labels, y)
    assert TargetScale.from_json(json.loads(json.dumps(scale.to_json()))).restore(standardized) == (
        pytest.approx(restored, rel=0, abs=0)
    )


def test_an_origin_changes_nothing_where_it_is_not_needed():
    y = RNG.normal(5, 2, (50, 2))
    scale = TargetScale.fit(y, np.arange(50))
    assert scale.origin is None
    assert set(scale.to_json()) == {"mean", "deviation"}
    np.testing.assert_array_equal(scale.mean, TargetScale.fit(y.astype(np.float32), np.arange(50)).mean)


@pytest.mark.parametrize(
    ("x", "constant"),
    [
        ([0.3, 0.1 + 0.2], True),
        ([1e12, 1e12 + 1], False),
        ([1707954127790123456, 1707954127790123456 + 256], False),
        ([5, 5], True),
        ([], True),
    ],
)
def test_only_numbers_that_differ_by_more_than_rounding_vary(x, constant):
    low, high = min(x, default=np.inf), max(x, default=-np.inf)
    whole = np.array([all(float(number).is_integer() for number in x)])
    assert is_constant(np.array([low], float), np.array([high], float), whole) == constant
