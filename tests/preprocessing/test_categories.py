"""Rare and unseen categories become what scikit-learn's OneHotEncoder makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from nnexp.preprocessing.categories import OTHER, select_categories
from nnexp.preprocessing.columns import Column, encode_columns

names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60)


def select(texts, min_count=1, limit=100):
    values, counts = np.unique(texts, return_counts=True)
    return select_categories(values.tolist(), counts, min_count, limit)


@given(names, names, st.integers(1, 9), st.integers(2, 10))
def test_one_hot_columns_agree_with_scikit_learn(training, new, min_count, limit):
    _, counts = np.unique(training, return_counts=True)
    oracle = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=min_count,
        max_categories=limit + (len(counts) <= limit),  # it makes a rare category of just `limit` ones
        sparse_output=False,
    )
    kept = np.sort(counts[counts >= min_count])[::-1]
    if 0 < limit - 1 < len(kept) and kept[limit - 2] == kept[limit - 1]:
        return  # among equally frequent ones it keeps the last
    oracle.fit([[text] for text in training])
    categories, infrequent = select(training, min_count, limit)
    column = Column("a", categories, infrequent=infrequent)
    for texts in (training, new):
        encoded = encode_columns({"a": texts}, [column])
        np.testing.assert_array_equal(encoded, oracle.transform([[text] for text in texts]))


@pytest.mark.parametrize(
    ("texts", "options", "expected"),
    [
        ("aab", {}, (("a", "b"), ())),
        ("aab", {"min_count": 2}, (("a", OTHER), ("b",))),
        ("abc", {"limit": 3}, (("a", "b", "c"), ())),
        ("cba", {"limit": 2}, (("a", OTHER), ("b", "c"))),
        ("abc", {"min_count": 2}, ((OTHER,), ("a", "b", "c"))),
        ([OTHER, OTHER, "a", "b", "b"], {"min_count": 2}, (("b", OTHER), ("a",))),
    ],
)
def test_rare_categories_share_one_input(texts, options, expected):
    assert select(list(texts), **options) == expected


def test_values_without_training_rows_are_neither_frequent_nor_infrequent():
    assert select_categories(["a", "b"], np.array([3, 0]), 1, 100) == (("a",), ())
