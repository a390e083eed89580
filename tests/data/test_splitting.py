import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from nnexp.data import splitting
from nnexp.data.dataset import Dataset, Source
from nnexp.data.errors import DataError
from nnexp.data.splitting import group_k_fold, group_split, stratified_split, stratified_subsample

labels = st.lists(st.integers(0, 4), min_size=10, max_size=300).map(lambda values: np.array(values, np.int64))


@given(labels, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_a_split_is_a_partition_with_the_same_ratio_of_classes(y, ratio, seed):
    counts = np.unique(y, return_counts=True)[1]
    wanted = min(round(ratio * len(y)), (counts - 1).sum())
    if wanted == 0:
        with pytest.raises(DataError, match="cannot be split off"):
            stratified_split(y, ratio, default_rng(seed))
        return
    first, second = stratified_split(y, ratio, default_rng(seed))
    assert sorted([*first, *second]) == list(range(len(y)))
    assert len(second) == wanted
    for name, count in zip(*np.unique(y, return_counts=True), strict=True):
        assert (y[first] == name).any(), "every class stays in training"
        assert (y[second] == name).sum() > ratio * count - 1 or (y[second] == name).sum() == count - 1


def test_sizes_are_exact_where_classes_are_large():
    y = np.repeat(np.arange(10), 600)
    first, second = stratified_split(y, 0.1, default_rng(0))
    assert (len(first), len(second)) == (5400, 600)
    assert list(np.bincount(y[second])) == [60] * 10


def test_a_stratified_subsample_keeps_the_ratio_of_classes():
    y = np.repeat(np.arange(4), 100)
    rows = np.arange(0, 400, 2)
    kept = stratified_subsample(rows, y, 40, default_rng(0))
    assert set(kept) <= set(rows)
    assert list(np.bincount(y[kept])) == [10] * 4
    assert stratified_subsample(rows, y, None, default_rng(0)) is rows


@given(labels, st.integers(2, 10), st.integers(0, 1000))
def test_folds_are_disjoint_cover_everything_and_differ_by_one_row_at_most(y, folds, seed):
    fold = splitting.stratified_k_fold(y, folds, default_rng(seed))
    assert set(fold) == set(range(folds))
    assert np.ptp(np.bincount(fold, minlength=folds)) <= 1
    for name in np.unique(y):
        assert np.ptp(np.bincount(fold[y == name], minlength=folds)) <= 1


@given(labels, st.integers(2, 5), st.integers(0, 1000))
def test_folds_never_divide_a_group(groups, folds, seed):
    if len(np.unique(groups)) < folds:
        with pytest.raises(DataError, match=r"only \d groups"):
            group_k_fold(groups, folds, default_rng(seed))
        return
    fold = group_k_fold(groups, folds, default_rng(seed))
    assert set(fold) == set(range(folds))
    assert all(len(set(fold[groups == group])) == 1 for group in groups)
    assert np.ptp(np.bincount(fold)) <= np.bincount(groups).max(), "folds differ by a group at most"


@given(labels, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_a_ratio_never_divides_a_group(groups, ratio, seed):
    if len(np.unique(groups)) < 2:
        with pytest.raises(DataError, match="without dividing it"):
            group_split(groups, ratio, default_rng(seed))
        return
    first, second = group_split(groups, ratio, default_rng(seed))
    assert sorted([*first, *second]) == list(range(len(groups)))
    assert len(first)
    assert len(second)
    assert not set(groups[first]) & set(groups[second])


def test_many_groups_meet_the_ratio():
    groups = np.repeat(np.arange(100), 7)
    _, second = group_split(groups, 0.2, default_rng(0))
    assert len(second) == 140


def test_more_folds_than_examples_are_refused():
    with pytest.raises(DataError, match=r"data\.folds=5: there are only 3 examples"):
        splitting.stratified_k_fold(np.zeros(3, np.int64), 5, default_rng(0))


def test_a_subsample_of_numeric_targets_takes_any_rows():
    y = np.linspace(0, 1, 50, dtype=np.float32)[:, None]
    kept = stratified_subsample(np.arange(0, 50, 2), y, 10, default_rng(0))
    assert len(set(kept)) == 10
    assert set(kept) <= set(range(0, 50, 2))


class Given(Source):
    """A source whose data set is there already; only its split is of interest."""

    def load(self):
        raise NotImplementedError


def dataset(y=None, **splits):
    y = np.repeat(np.arange(3), 20) if y is None else y
    x = np.zeros((len(y), 2), np.float32)
    names = {"targets": ("t",)} if y.ndim > 1 else {}
    return Dataset("given", x, y, x, y, (2,), () if names else ("a", "b", "c"), 1.0, "", **names, **splits)


def split(data, seed=0, **options):
    return Given(validation=0.25, root="", **options).train_validation_split(data, default_rng(seed))


def test_a_source_splits_stratified_by_default():
    data = dataset()
    for rows, expected in zip(split(data), stratified_split(data.y, 0.25, default_rng(0)), strict=True):
        np.testing.assert_array_equal(rows, expected)


def test_without_stratify_any_rows_are_taken():
    _, plain = split(dataset(), seed=1, stratify=False)
    _, mixed = split(dataset())
    assert len(plain) == len(mixed) == 15
    assert list(np.bincount(dataset().y[mixed])) == [5, 5, 5] != list(np.bincount(dataset().y[plain]))


@pytest.mark.parametrize("kind", ["classes", "not stratified", "targets", "groups"])
def test_the_folds_of_a_sweep_are_disjoint_and_cover_everything(kind):
    y = np.linspace(0, 1, 60, dtype=np.float32)[:, None] if kind == "targets" else None
    data = dataset(y, groups=np.arange(60) % 12 if kind == "groups" else None)
    splits = [split(data, folds=4, fold=fold, stratify=kind != "not stratified") for fold in range(4)]
    assert sorted(row for _, held_out in splits for row in held_out) == list(range(60))
    assert all(sorted([*rows, *held_out]) == list(range(60)) for rows, held_out in splits)
    assert [len(held_out) for _, held_out in splits] == [15] * 4
    if kind == "classes":
        assert all(list(np.bincount(data.y[held_out])) == [5, 5, 5] for _, held_out in splits)
    assert list(split(data, seed=1, folds=4)[1]) != list(splits[0][1]), "the stream decides"


def test_a_split_column_takes_precedence():
    assigned = np.arange(60) % 7 == 0
    rows, held_out = split(dataset(assigned=assigned, groups=np.arange(60)))
    np.testing.assert_array_equal(held_out, np.flatnonzero(assigned))
    np.testing.assert_array_equal(rows, np.flatnonzero(~assigned))
    with pytest.raises(DataError, match="assigns the validation rows"):
        split(dataset(assigned=assigned), folds=2)


def test_targets_cannot_be_balanced():
    with pytest.raises(DataError, match=r"data\.balanced=true"):
        split(dataset(np.zeros((60, 1), np.float32)), balanced=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 3, "fold": 3}, r"data\.fold=3: data\.folds=3 has the folds 0 to 2"),
        ({"fold": 1}, r"data\.fold=1: missing the number of folds"),
    ],
)
def test_a_fold_out_of_range_is_refused_by_the_constructor(options, message):
    with pytest.raises(ValueError, match=message):
        Given(validation=0.2, root="", **options)


def test_a_limit_is_met_and_keeps_rare_classes():
    y = np.repeat([0, 1, 2], [50, 1, 1])
    for limit in (51, 26, 1):
        assert len(stratified_subsample(np.arange(52), y, limit, default_rng(0))) == limit
    assert set(y[stratified_subsample(np.arange(52), y, 51, default_rng(0))]) == {0, 1, 2}
