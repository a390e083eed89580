import numpy as np
import pytest

from nnexp.training.diagnostics.histograms import BINS, Histograms, histogram, thinning_stride


def test_a_histogram_counts_every_finite_value():
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    counts, edges = histogram(values)
    expected_counts, expected_edges = np.histogram(values.astype(np.float64), BINS)
    np.testing.assert_array_equal(counts, expected_counts)
    np.testing.assert_allclose(edges, expected_edges, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e-30, 1e30, 1e-310])
def test_equal_values_are_in_one_bin(value):
    counts, edges = histogram(np.full(7, value))
    (bin_,) = np.flatnonzero(counts)
    assert counts[bin_] == 7
    assert edges[bin_] - 1e-12 <= value <= edges[bin_ + 1]
    assert (np.diff(edges) > 0).all()


@pytest.mark.parametrize(("finite", "count"), [([1, 2, -9e299, 9e299], 4), ([], 0)])
def test_nan_and_infinity_are_in_no_bin(finite, count):
    with np.errstate(all="ignore"):
        counts, edges = histogram(np.array([np.nan, np.inf, -np.inf, *finite]))
    assert counts.sum() == count
    assert len(edges) == BINS + 1
    assert np.isfinite(edges).all()


def test_a_long_run_keeps_an_even_grid_of_its_records():
    histograms = Histograms(max_records=10)
    for at in range(1, 101):
        histograms.add(at, [("a", np.arange(float(at)))])
        steps = histograms.arrays()["steps"]
        assert len(steps) <= 10
        assert len(set(np.diff(steps))) <= 1
    assert steps[0] == 1
    assert steps[-1] > 100 - histograms.stride
    np.testing.assert_array_equal(histograms.arrays()["a/counts"].sum(axis=1), steps)


@pytest.mark.parametrize("shape", [(784, 128), (1000, 1000), (3000, 10), (20, 20), (200, 100)], ids=str)
def test_thinning_keeps_values_of_every_output(shape):
    inputs, outputs = shape
    stride = thinning_stride(inputs * outputs, outputs, 20_000)
    kept = np.arange(0, inputs * outputs, stride)
    assert len(kept) <= 20_000
    assert len(set(kept % outputs)) == outputs
    assert (stride == 1) == (inputs * outputs <= 20_000)
