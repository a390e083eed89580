import numpy as np
import pytest

from nnexp.data.batches import Batches

X = np.arange(100, dtype=np.uint8).reshape(50, 2)
Y = np.arange(50)
ROWS = np.arange(5, 50)


def batches(size=10, shuffle=None, dtype=np.float32):
    return Batches(X, Y, ROWS, size, 0.5, dtype, shuffle)


def test_a_pass_shows_every_row_once_scaled():
    seen = [(x.copy(), y.copy()) for x, y in batches()]
    assert [len(y) for _, y in seen] == [10, 10, 10, 10, 5]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in seen]), X[ROWS] * 0.5)
    np.testing.assert_array_equal(np.concatenate([y for _, y in seen]), Y[ROWS])
    assert len(batches()) == 5
    assert batches().examples == 45


def test_every_pass_has_a_new_order_and_the_seed_decides_which():
    def orders(seed):
        shuffled = batches(shuffle=np.random.default_rng(seed))
        return [[int(y) for _, ys in shuffled for y in ys] for _ in range(2)]

    first, second = orders(0)
    assert sorted(first) == sorted(second) == list(ROWS)
    assert first != second
    assert orders(0) == [first, second]


def test_labels_follow_the_order_of_the_pass():
    shuffled = batches(shuffle=np.random.default_rng(0))
    seen = np.concatenate([y.copy() for _, y in shuffled])
    np.testing.assert_array_equal(shuffled.labels, seen)


def test_batches_lie_in_the_same_buffer():
    made = batches()
    assert len({x.__array_interface__["data"][0] for x, _ in made}) == 1


def test_a_batch_larger_than_the_data_is_the_data():
    assert [len(y) for _, y in batches(size=1000)] == [45]


def test_rows_that_there_are_not_are_refused():
    with pytest.raises(IndexError):
        Batches(X, Y, np.array([0, 50]), 10, 1, np.float32)
