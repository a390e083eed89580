"""New rows of a table become the very numbers that they became in training; what cannot is told by row and column."""

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.trained_runs import PETS

from nnexp.data.dataset import Column as Learnt
from nnexp.data.tables.column_buffers import MISSING as IN_TRAINING
from nnexp.data.tables.column_buffers import tidy
from nnexp.data.tables.table import Table
from nnexp.preprocessing.columns import MISSING, Column, encoded, text_of
from nnexp.serving.errors import PredictorError

COLUMNS = (
    Column("size"),
    Column("kind", ("a", "b", "missing")),
    Column("flag", ("False", "True")),
    Column("code", ("1", "2.50", "x")),
)
GOOD = {"size": [1.5, 2], "kind": ["a", "b"], "flag": [True, False], "code": [1, 2.5]}
ROWS = [[1.5, 1, 0, 0, 0, 1, 1, 0, 0], [2, 0, 1, 0, 1, 0, 0, 1, 0]]


def test_the_training_table_is_encoded_as_in_training(pets):
    data = Table(str(pets), "species", test=0.5).load()
    columns = tuple(Column(column.name, column.values) for column in data.columns)
    every = np.concatenate([data.x, data.x_test])
    read = pd.read_csv(pets)
    for table in (
        read,
        {**PETS},
        read.astype({"height": object, "rooms": float}),
        read.convert_dtypes(),
        read.astype({"colour": "category"}),
    ):
        x = encoded({name: table[name] for name in table}, columns)
        assert x.dtype == np.float32
        assert sorted(map(str, x.tolist())) == sorted(map(str, every.tolist())), "NaN too"
    assert {column.name for column in data.columns} == {*PETS} - {"species"}


def test_a_data_set_knows_its_columns(pets):
    data = Table(str(pets), "species", categorical=["rooms"], drop=["purrs", "barks"]).load()
    assert data.columns == (
        Learnt("height"),
        Learnt("colour", ("blue", "green", "red", "missing")),
        Learnt("member", ("false", "true")),
        Learnt("rooms", ("1", "2", "3", "10")),
        Learnt("weight"),
    )
    assert [feature for feature in data.features if "=" not in feature] == ["height", "weight"]


def test_what_counts_as_missing_and_as_the_same_text_is_as_in_training():
    assert set(IN_TRAINING) | {"NaT"} == MISSING
    for text in (" a ", "1.0", "-2.000", "2.50", "x1.0", "", " NA", "+3.0"):
        assert text_of(text) == tidy(text)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"size": ["1.5", " 2 "]},
        {"size": [Decimal("1.5"), np.int8(2)]},
        {"size": pd.array([1.5, 2], dtype="Float64")},
        {"kind": pd.Categorical(["a", "b"])},
        {"kind": np.array([b"a", b"b"])},
        {" kind ": ["a", "b"], "kind": None},
        {"flag": ["True", "False"]},
        {"flag": [np.True_, np.False_]},
        {"flag": pd.array([True, False], dtype="boolean")},
        {"code": ["1.0", "2.50"]},
        {"code": np.array([1.0, 2.5])},
        {"target": [object(), None]},
    ],
    ids=lambda change: "-".join(map(repr, change)),
)
def test_values_may_come_in_many_clothes(change):
    table = {name: values for name, values in (GOOD | change).items() if values is not None}
    assert encoded(table, COLUMNS).tolist() == ROWS


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT, "", "?", "NA", " null "], ids=repr)
def test_missing_values_become_what_they_became_in_training(nothing):
    x = encoded(GOOD | {"size": [nothing, 2], "kind": [nothing, "b"]}, COLUMNS)
    assert np.isnan(x[0, 0])
    assert x[0, 1:4].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"kind": ["a", "c"]},
            "row 2: the column 'kind' holds 'c', which was not there in training; known: a, b, missing",
        ),
        (
            {"flag": [None, True]},
            "row 1: the column 'flag' has no value, and in training every row had one; known: False, True",
        ),
        ({"code": [1, 3]}, "row 2: the column 'code' holds '3'"),
        ({"size": [1, "tall"]}, "row 2: the column 'size' holds 'tall' where a number belongs"),
        ({"size": [1, "1_000"]}, "'1_000' where a number belongs"),
        ({"size": [1, np.inf]}, "row 2: the column 'size' holds an infinite number, or one too large"),
        ({"size": [1e39, 1]}, "row 1: "),
        ({"size": ["1e39", 1]}, "row 1: "),
        ({"size": [datetime.date(2026, 1, 1), 1]}, "where a number belongs"),
        (
            {"size": np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]")},
            "row 1: the column 'size' holds '2026-01-01",
        ),
        ({"size": [1, [2]]}, "row 2: the column 'size' holds '[2]'"),
        ({"kind": ["a", ["b"]]}, "row 2: the column 'kind' holds"),
        (
            {"kind": np.array([["a", "b"]] * 2)},
            "the column 'kind' must hold one value in each row; is it there twice?",
        ),
        ({"kind": ["a"]}, "the column 'kind' has 1 rows, 'size' has 2"),
        (
            {"kind": None, "Kind": ["a", "b"]},
            "there is no column 'kind'; is it 'Kind' for 'kind'?; the network learnt from: size, kind, flag",
        ),
        ({"kind": None, "code": None}, "there is no column 'kind', 'code'"),
    ],
    ids=str,
)
def test_what_was_not_learnt_is_told_by_row_and_column(change, says):
    table = {name: values for name, values in (GOOD | change).items() if values is not None}
    with pytest.raises(PredictorError) as error:
        encoded(table, COLUMNS)
    assert says in str(error.value)


def test_dates_may_be_categories():
    column = Column("day", ("2026-01-01", "2026-01-02"))
    for days in (
        pd.Series(pd.to_datetime(["2026-01-02", "2026-01-01"])),
        [datetime.date(2026, 1, 2), datetime.date(2026, 1, 1)],
    ):
        assert encoded({"day": days}, (column,)).tolist() == [[0, 1], [1, 0]]


def test_of_many_categories_the_first_are_listed():
    column = Column("word", tuple(f"w{i}" for i in range(100)))
    with pytest.raises(PredictorError, match="w29 and 70 more"):
        encoded({"word": ["other"]}, (column,))


def test_a_table_knows_its_columns_whatever_its_file(alone: Path):
    np.savez(
        alone / "t.npz", a=np.arange(40.0).reshape(20, 2), b=np.array(["u", "v"] * 10), y=np.arange(20) % 2
    )
    data = Table("t.npz", "y").load()
    assert data.columns == (Learnt("a0"), Learnt("a1"), Learnt("b", ("u", "v")))
