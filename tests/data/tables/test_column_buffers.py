"""Numbers are moved within their array, and arrive where fancy indexing would have put them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.data.tables.column_buffers import arrange_rows, insert_columns
from nnexp.messages import natural_key

shapes = st.tuples(st.integers(1, 40), st.integers(0, 4))


@pytest.fixture(scope="module", autouse=True)
def small_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnexp.data.tables.column_buffers.CHUNK", 7)
        yield


@given(shapes, st.data())
def test_rows_are_arranged_in_place(shape, data):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape).copy()
    split = np.array(data.draw(st.lists(st.integers(0, 2), min_size=shape[0], max_size=shape[0])))
    first, second = np.flatnonzero(split == 0), np.flatnonzero(split == 1)
    expected = array[[*first, *second]]
    arrange_rows(array, first, second)
    np.testing.assert_array_equal(array, expected)


@given(shapes, st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(0, 100))
def test_categories_are_put_between_the_columns(shape, sizes, seed):
    rng = np.random.default_rng(seed)
    array = rng.normal(size=shape).astype(np.float32)
    numbers, width = array.copy(), shape[1] + sum(sizes)
    starts = shape[1] + np.cumsum([0, *sizes[:-1]])
    codes = [rng.integers(size, size=shape[0]).astype(np.int32) for size in sizes]
    insert_columns(array, range(shape[1]), width, one_hot=list(zip(starts.tolist(), codes, strict=True)))
    one_hot = [np.eye(size, dtype=np.float32)[code] for size, code in zip(sizes, codes, strict=True)]
    np.testing.assert_array_equal(array, np.concatenate([numbers, *one_hot], axis=1))


def test_names_are_sorted_as_people_do():
    names = ["v10", "v9", "10", "9", "-1", "2.5", "a"]
    assert sorted(names, key=natural_key) == ["-1", "2.5", "9", "10", "a", "v9", "v10"]
