import numpy as np
import pytest

from nnexp.plots.run.histograms import histograms, merge_bins, value_range
from nnexp.plots.style import evenly_spaced


def layers(n, records, bins=64):
    rng = np.random.default_rng(0)
    arrays = {"steps": np.arange(records)}
    for i in range(n):
        for kind in ("weights", "gradients"):
            counts, edges = np.histogram(rng.standard_normal(500) - 5 * (kind == "gradients"), bins)
            arrays[f"dense{i}/{kind}/counts"] = np.tile(counts, (records, 1))
            arrays[f"dense{i}/{kind}/edges"] = np.tile(edges, (records, 1))
    return arrays


@pytest.mark.parametrize(
    ("kind", "n", "records"), [("weights", 1, 1), ("gradients", 2, 10), ("weights", 30, 200)]
)
def test_at_most_six_layers_and_twelve_records_are_drawn(kind, n, records, tmp_path):
    figure = histograms(layers(n, records), kind)
    figure.savefig(tmp_path / "histograms.png")
    assert [axes.get_title() for axes in figure.axes] == [f"dense{i}" for i in evenly_spaced(n, 6)]
    steps = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (steps[0], steps[-1], len(steps)) == ("0", str(records - 1), min(records, 12))


def test_gradients_that_are_all_zero_are_a_line(tmp_path):
    arrays = layers(1, 3)
    arrays["dense0/gradients/counts"][:] = 0
    histograms(arrays, "gradients").savefig(tmp_path / "histograms.png")


def test_few_values_are_drawn_in_few_bins_and_none_is_lost():
    counts, edges = np.ones((2, 64), int), np.tile(np.linspace(0, 64, 65), (2, 1))
    fewer, wider = merge_bins(counts, edges)
    assert fewer.shape == (2, 8)
    assert (fewer == 8).all()
    np.testing.assert_array_equal(wider[0], np.arange(0, 65, 8))
    same, _ = merge_bins(counts * 10_000, edges)
    assert same.shape == (2, 64)


def test_the_x_axis_shows_where_nearly_all_values_are():
    counts = np.zeros((1, 100), int)
    counts[0, 40:60], counts[0, 0] = 1000, 1
    low, high = value_range(counts, np.linspace(0, 100, 101)[None], 0.001)
    assert 38 < low < 40
    assert 60 < high < 62
