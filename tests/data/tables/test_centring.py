"""Columns are centred in float64 before float32 holds them: the inputs are those of a float64 computation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnexp.data.batches import Batches
from nnexp.data.tables.table import Table
from nnexp.preprocessing.scaling import NOISE

N = 60
ULP = float(np.finfo(np.float32).eps)
OFFSETS = st.sampled_from([0, 1, 300, 2000, 1e5, 20180131, 1517356800, -3e9, 1e12])
SPREADS = st.sampled_from([1e-3, 0.5, 1, 40, 1e4, 1e7])


def load(path, columns, **settings):
    np.savez(path, **columns)
    return Table(path=str(path), **settings).load()


def inputs(dataset):
    rows = np.arange(len(dataset.x))
    ((x, _),) = Batches(dataset.x, dataset.y, rows, len(rows), dataset.fit_scaling(rows), np.float32)
    return x


def restored(dataset):
    """The rows of the file in the order of the data set."""
    return dataset.x.astype(np.float64) + (0 if dataset.origin is None else dataset.origin)


@given(OFFSETS, SPREADS, st.booleans(), st.integers(0, 50))
def test_inputs_are_those_of_float64(tmp_path_factory, offset, spread, whole, seed):
    rng = np.random.default_rng(seed)
    x = offset + spread * rng.standard_normal(N)
    x = np.rint(x) if whole else x
    if np.ptp(x) <= NOISE * abs(offset):
        return
    columns = {"x": x, "row": np.arange(N), "y": np.arange(N) % 2}
    dataset = load(tmp_path_factory.mktemp("table") / "table.npz", columns, target="y")
    order = np.rint(restored(dataset)[:, 1]).astype(int)
    exact = x[order] - x[0]  # without rounding of numbers that are near each other
    z = (exact - exact.mean()) / exact.std()
    has_origin = dataset.origin is not None and dataset.origin[0] != 0
    tolerance = 2 * ULP * np.maximum(np.abs(z), 1) if has_origin else 2e-5
    assert (np.abs(inputs(dataset)[:, 0] - z) <= tolerance).all()
