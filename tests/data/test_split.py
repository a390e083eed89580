import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.data.dataset import DataError
from nnexp.data.split import stratified, thinned

labels = st.lists(st.integers(0, 4), min_size=10, max_size=300).map(lambda values: np.array(values, np.int64))


@given(labels, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_a_split_is_a_partition_with_the_same_mixture(y, ratio, seed):
    counts = np.unique(y, return_counts=True)[1]
    wanted = min(round(ratio * len(y)), (counts - 1).sum())
    if wanted == 0:
        with pytest.raises(DataError, match="would be empty"):
            stratified(y, ratio, np.random.default_rng(seed))
        return
    first, second = stratified(y, ratio, np.random.default_rng(seed))
    assert sorted([*first, *second]) == list(range(len(y)))
    assert len(second) == wanted
    for name, count in zip(*np.unique(y, return_counts=True), strict=True):
        assert (y[first] == name).any(), "a class that is never learnt cannot be recognised"
        assert (y[second] == name).sum() > ratio * count - 1 or (y[second] == name).sum() == count - 1


def test_sizes_are_exact_where_classes_are_large():
    y = np.repeat(np.arange(10), 600)
    first, second = stratified(y, 0.1, np.random.default_rng(0))
    assert (len(first), len(second)) == (5400, 600)
    assert list(np.bincount(y[second])) == [60] * 10


def test_the_stream_decides():
    y = np.repeat(np.arange(3), 50)
    again, same, other = (stratified(y, 0.3, np.random.default_rng(seed))[1] for seed in (1, 1, 2))
    assert list(again) == list(same) != list(other)


def test_an_empty_part_is_refused():
    with pytest.raises(DataError, match="would be empty"):
        stratified(np.array([0, 0, 1, 1]), 0.05, np.random.default_rng(0))


def test_thinning_keeps_the_mixture():
    y = np.repeat(np.arange(4), 100)
    rows = np.arange(0, 400, 2)
    kept = thinned(rows, y, 40, np.random.default_rng(0))
    assert set(kept) <= set(rows)
    assert list(np.bincount(y[kept])) == [10] * 4
    assert thinned(rows, y, None, np.random.default_rng(0)) is rows
