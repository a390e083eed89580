import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from nnexp.data.batches import Batches
from nnexp.preprocessing.channels import ChannelScaling
from nnexp.preprocessing.scaling import Standardization, TargetScale

X = np.arange(100, dtype=np.uint8).reshape(50, 2)
Y = np.arange(50)
ROWS = np.arange(5, 50)


def batches(size=10, shuffle=None, dtype=np.float32):
    return Batches(X, Y, ROWS, size, 0.5, dtype, shuffle)


def test_a_pass_yields_every_row_once_scaled():
    seen = [(x.copy(), y.copy()) for x, y in batches()]
    assert [len(y) for _, y in seen] == [10, 10, 10, 10, 5]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in seen]), X[ROWS] * 0.5)
    np.testing.assert_array_equal(np.concatenate([y for _, y in seen]), Y[ROWS])
    assert len(batches()) == 5
    assert batches().examples == 45


@pytest.mark.parametrize("balanced", [False, True])
def test_every_pass_has_a_new_order_that_depends_on_the_seed(balanced):
    def orders(seed):
        made = Batches(X, Y % 3, ROWS, 10, 1, np.float32, default_rng(seed), balanced=balanced)
        return [[int(row) for _ in [list(made)] for row in made.rows] for _ in range(2)]

    first, second = orders(0)
    assert balanced or sorted(first) == sorted(second) == list(ROWS)
    assert first != second
    assert orders(0) == [first, second]


def test_labels_follow_the_order_of_the_pass():
    shuffled = batches(shuffle=default_rng(0))
    seen = np.concatenate([y.copy() for _, y in shuffled])
    np.testing.assert_array_equal(shuffled.labels, seen)


def test_batches_lie_in_the_same_buffer():
    made = batches()
    assert len({x.__array_interface__["data"][0] for x, _ in made}) == 1


def test_a_batch_larger_than_the_data_is_the_data():
    assert [len(y) for _, y in batches(size=1000)] == [45]


def test_rows_out_of_range_are_refused():
    with pytest.raises(IndexError):
        Batches(X, Y, np.array([0, 50]), 10, 1, np.float32)


SEEN = np.arange(40)
TABLE = default_rng(0).normal([5, -100, 0, 3], [2, 30, 1, 0], (60, 4)).astype(np.float32)
TABLE[::7, 0] = np.nan
NUMERIC = np.array([True, True, False, True])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_are_standardized_and_missing_numbers_become_the_mean(dtype):
    scale = Standardization.fit(TABLE, SEEN, NUMERIC)
    x = np.concatenate([x.copy() for x, _ in Batches(TABLE, np.zeros(60, np.int64), SEEN, 7, scale, dtype)])
    assert x.dtype == dtype
    there = ~np.isnan(TABLE[SEEN, 0])
    np.testing.assert_array_equal(x[~there, 0], 0)
    np.testing.assert_allclose([x[there, 0].mean(), x[:, 1].mean()], 0, atol=1e-5)
    np.testing.assert_allclose([x[there, 0].std(), x[:, 1].std()], 1, rtol=1e-5)
    np.testing.assert_array_equal(x[:, 2], TABLE[SEEN, 2].astype(dtype), "a category stays 0 or 1")
    np.testing.assert_array_equal(x[:, 3], 0, "a constant column becomes 0")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_are_standardized_and_labels_are_not(dtype):
    y = default_rng(0).normal([1000, 0], [50, 1e-3], (60, 2)).astype(np.float32)
    scale = TargetScale.fit(y, SEEN)
    made = Batches(TABLE, y, SEEN, 7, 1.0, dtype, default_rng(0), targets=scale)
    standardized = np.concatenate([y.copy() for _, y in made])
    assert standardized.dtype == dtype
    np.testing.assert_allclose(standardized.std(axis=0), 1, rtol=1e-4)
    np.testing.assert_array_equal(made.labels, y[made.rows])
    np.testing.assert_allclose(scale.restore(standardized), made.labels, rtol=1e-5, atol=1e-6)


def test_augment_changes_the_scaled_batch_in_place():
    def darker(x):
        assert x.max() <= 99 * 0.5
        x -= 1

    changed = Batches(X, Y, ROWS, 10, 0.5, np.float32, augment=darker)
    np.testing.assert_array_equal(np.concatenate([x.copy() for x, _ in changed]), X[ROWS] * 0.5 - 1)


@pytest.mark.parametrize("source", ["bytes", "floats", "targets"])
def test_a_pass_allocates_no_array_of_a_batch(source):
    n, width, size = 4000, 300, 400
    x = np.zeros((n, width), np.uint8 if source == "bytes" else np.float32)
    y = np.zeros((n, 2), np.float32) if source == "targets" else np.zeros(n, np.int64)
    rows, numeric = np.arange(n), np.ones(width, bool)
    scale = 0.5 if source == "bytes" else Standardization.fit(x, rows, numeric)
    targets = TargetScale.fit(y, rows) if source == "targets" else None
    made = Batches(x, y, rows, size, scale, np.float32, default_rng(0), targets=targets)
    for _ in made:
        pass
    tracemalloc.start()
    for _ in made:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000 < size * width  # flags of a batch would be larger; NumPy has fixed buffers of 32 kB


@given(st.lists(st.integers(1, 30), min_size=2, max_size=5), st.integers(0, 100), st.integers(0, 10))
def test_balanced_passes_draw_every_class_equally_often(counts, seed, unseen):
    y = np.repeat(np.arange(len(counts)), counts)
    rows = np.flatnonzero(np.arange(len(y)) != unseen) if min(counts) > 1 else np.arange(len(y))
    x = np.zeros((len(y), 1), np.uint8)
    made = Batches(x, y, rows, 4, 1, np.float32, default_rng(seed), balanced=True)
    for _ in range(2):
        seen = np.concatenate([y.copy() for _, y in made])
        np.testing.assert_array_equal(made.labels, seen)
        assert len(seen) == len(rows)
        assert np.ptp(np.bincount(seen, minlength=len(counts))) <= 1
        assert set(made.rows) <= set(rows)
        for label in range(len(counts)):
            times = np.bincount(made.rows, minlength=len(y))[rows[y[rows] == label]]
            assert np.ptp(times) <= 1, "no row of a class comes more often than another"


def test_balanced_batches_need_classes_and_a_random_stream():
    for y, shuffle in ((Y, None), (np.zeros((50, 1), np.float32), default_rng(0))):
        with pytest.raises(ValueError, match="balanced batches need classes"):
            Batches(X, y, ROWS, 10, 1, np.float32, shuffle, balanced=True)


def test_images_are_augmented_between_0_and_1_before_their_channels_are_standardized():
    x = default_rng(0).integers(0, 256, (20, 3 * 4), np.uint8)
    scaling = ChannelScaling.fit(x, np.arange(20), 3, 1 / 255)
    seen = []

    def blacken(images):
        seen.append((images.min(), images.max()))
        images[:] = 0

    made = Batches(x, np.zeros(20, int), np.arange(20), 20, scaling, np.float32, augment=blacken)
    ((batch, _),) = made
    assert 0 <= seen[0][0] < seen[0][1] <= 1
    np.testing.assert_allclose(batch, np.tile((-scaling.mean / scaling.deviation).repeat(4), (20, 1)), 1e-6)
    np.testing.assert_allclose(
        made.examples_of(np.arange(20)).reshape(20, 3, 4).mean(axis=(0, 2)), 0, atol=1e-6
    )
