"""A trained model encodes new rows of a table as in training; errors name the row and the column."""

import datetime
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from fixtures.trained_runs import PETS

from nnexp.data.tables.formats import open_table
from nnexp.data.tables.table import Table
from nnexp.preprocessing.categories import UnseenValues
from nnexp.preprocessing.columns import Column, encode_columns, encode_numbers, mark_untrained
from nnexp.preprocessing.errors import EncodingError
from nnexp.preprocessing.missing import MISSING, normalize_text
from nnexp.preprocessing.number_format import NumberFormat

COLUMNS = (
    Column("size"),
    Column("kind", ("a", "b", "missing")),
    Column("flag", ("False", "True")),
    Column("code", ("1", "2.50", "x")),
)
GOOD = {"size": [1.5, 2], "kind": ["a", "b"], "flag": [True, False], "code": [1, 2.5]}
ROWS = [[1.5, 1, 0, 0, 0, 1, 1, 0, 0], [2, 0, 1, 0, 1, 0, 0, 1, 0]]


def test_new_rows_are_encoded_as_in_training(pets):
    data = Table(path=str(pets), target="species", test=0.5).load()
    every = np.concatenate([data.x, data.x_test])
    read = pd.read_csv(pets)
    for table in (
        read,
        {**PETS},
        read.astype({"height": object, "rooms": float}),
        read.convert_dtypes(),
        read.astype({"colour": "category"}),
    ):
        x = encode_columns({name: table[name] for name in table}, data.columns)
        assert x.dtype == np.float64
        assert sorted(map(str, x.astype(np.float32).tolist())) == sorted(map(str, every.tolist())), "NaN too"
    assert {column.name for column in data.columns} == {*PETS} - {"species"}


@pytest.mark.parametrize("decimal", [".", ","])
def test_training_and_trained_models_parse_the_same_texts_to_the_same_numbers(alone, decimal):
    texts = [*sorted(MISSING - {""}), "7", "1.50", "-2.25", ".5", "3.", "-1.5e-3", "2E+2", "1e5"]
    texts = [text.replace(".", decimal) for text in texts] + [" NA", "NaT"]
    path = alone / "table.csv"
    path.write_text("\n".join(["x;y", *(f"{text};0" for text in texts)]))
    (block,) = open_table(path).iter_blocks({"x": "number"})
    numbers = block["x"].to_numpy(zero_copy_only=False)
    np.testing.assert_array_equal(numbers, encode_numbers(texts, "x", expected=NumberFormat(decimal)))


def test_texts_are_read_as_numbers_in_the_format_of_the_training_table(alone):
    path = alone / "table.csv"
    path.write_text("size;kind\n" + "1,5;a\n2.000,5;b\n" * 10)
    columns = Table(path=str(path), target="kind").load().columns
    columns = [Column.from_json(column.to_json()) for column in columns]
    assert encode_columns({"size": ["1,234", "1.234"]}, columns).ravel() == pytest.approx([1.234, 1234])
    typed = [1.234, Decimal("1.234"), np.float64(1.234)]
    assert encode_columns({"size": typed}, columns).ravel() == pytest.approx([1.234] * 3)


@pytest.mark.parametrize("trained", [NumberFormat(","), NumberFormat("", ""), NumberFormat()], ids=str)
@pytest.mark.parametrize(
    ("texts", "numbers"),
    [(["1.5"], [1.5]), (["1,5", ""], [1.5, np.nan]), (["1.250,5"], [1250.5]), (["1,5", "1.5"], None)],
)
def test_texts_in_another_format_are_read_only_by_their_own_evidence(trained, texts, numbers):
    if numbers is None:
        with pytest.raises(EncodingError, match="expected a number in the column 'size', got '1"):
            encode_numbers(texts, "size", expected=trained)
    else:
        np.testing.assert_array_equal(encode_numbers(texts, "size", expected=trained), numbers)


@pytest.mark.parametrize(("text", "trained"), [("1,250", "."), ("1,250", ""), ("1.250", ","), ("1.250", "")])
def test_a_text_that_can_be_read_in_two_ways_is_refused_unless_training_decides(text, trained):
    with pytest.raises(EncodingError, match=f"got '{text}'"):
        encode_numbers([text], "size", expected=NumberFormat(trained))


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
        {"flag": ["true", "FALSE"]},
        {"flag": [1.0, 0.0]},
        {"flag": ["1", 0]},
        {"flag": [np.True_, np.False_]},
        {"flag": pd.array([True, False], dtype="boolean")},
        {"code": ["1.0", "2.50"]},
        {"code": np.array([1.0, 2.5])},
        {"target": [object(), None]},
    ],
    ids=lambda change: "-".join(map(repr, change)),
)
def test_values_of_many_types_are_encoded_alike(change):
    table = {name: values for name, values in (GOOD | change).items() if values is not None}
    assert encode_columns(table, COLUMNS).tolist() == ROWS


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "?", "NA", " null "], ids=repr)
def test_missing_values_become_what_they_became_in_training(missing):
    x = encode_columns(GOOD | {"size": [missing, 2], "kind": [missing, "b"]}, COLUMNS)
    assert np.isnan(x[0, 0])
    assert x[0, 1:4].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": [1, "tall"]}, "row 2: expected a number in the column 'size', got 'tall'"),
        ({"size": [1, "1_000"]}, "got '1_000'"),
        ({"size": [1, "1,234"]}, "got '1,234'"),
        ({"size": [1, np.inf]}, "row 2: the column 'size' holds a number that is infinite"),
        ({"size": [1e39, 1]}, "row 1: "),
        ({"size": ["1e39", 1]}, "row 1: "),
        ({"size": [datetime.date(2026, 1, 1), 1]}, "row 1: expected a number"),
        ({"size": np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]")}, "got '2026-01-01"),
        ({"size": [1, [2]]}, "row 2: expected a number in the column 'size', got '[2]'"),
        ({"kind": np.array([["a", "b"]] * 2)}, "the column 'kind' must hold one value per row"),
        ({"kind": ["a"]}, "the column 'kind' has 1 rows, 'size' has 2"),
        ({"kind": None, "Kind": ["a", "b"]}, "missing column: kind; is it 'Kind'?"),
        ({"kind": None, "code": None}, "missing column: kind, code"),
    ],
    ids=str,
)
def test_an_error_names_the_row_and_the_column(change, message):
    table = {name: values for name, values in (GOOD | change).items() if values is not None}
    with pytest.raises(EncodingError) as error:
        encode_columns(table, COLUMNS)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"kind": ["c", "a"]},
            "row 1: the column 'kind' holds 'c', not seen in training; expected one of a, b",
        ),
        ({"flag": [None, True]}, "row 1: the column 'flag' holds no value, not seen"),
        ({"code": [1, 3]}, "row 2: the column 'code' holds '3'"),
        ({"kind": ["d", "c"]}, "row 1, row 2: the column 'kind' holds 'd', 'c'"),
    ],
    ids=str,
)
def test_unseen_values_are_refused_on_request(change, expected):
    columns = [replace(column, unseen="error") for column in COLUMNS]
    with pytest.raises(EncodingError) as error:
        encode_columns(GOOD | change, columns)
    assert expected in str(error.value)


def test_unseen_values_are_counted_and_become_other_or_0():
    columns = (Column("kind", ("a", "other"), infrequent=("b",)), Column("code", ("1", "2")))
    unseen = UnseenValues()
    table = {"kind": ["a", "b", "c", None, "c"], "code": [1, "2.0", 3, ["x"], None]}
    x = encode_columns(table, columns, unseen=unseen)
    assert x.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1], *[[0, 1, 0, 0]] * 3]
    expected = "kind (3 rows: 'c', no value), code (3 rows: '3', \"['x']\", no value)"
    assert unseen.describe() == f"values not seen in training: {expected}"


def test_categories_without_training_rows_are_0_and_counted():
    columns = (Column("size"), Column("kind", ("a", "b", "other")))
    columns = tuple(mark_untrained(columns, np.array([2.0, 1, 0, 1])))
    unseen = UnseenValues()
    x = encode_columns({"size": [1, 2, 3], "kind": ["a", "b", "c"]}, columns, unseen=unseen)
    assert x[:, 1:].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert unseen.counts == {"kind": {"b": 1, "c": 1}}
    with pytest.raises(EncodingError, match="row 2, row 3: the column 'kind' holds 'b', 'c'"):
        encode_columns(
            {"size": [1, 2, 3], "kind": ["a", "b", "c"]}, [replace(one, unseen="error") for one in columns]
        )


def test_dates_may_be_categories():
    for form in ("2026-01-{:02}", "2026-01-{:02} 00:00:00.000", "{}.1.2026"):
        column = Column("day", (form.format(1), form.format(2)))
        for days in (
            pd.Series(pd.to_datetime(["2026-01-02", "2026-01-01"])),
            [datetime.date(2026, 1, 2), datetime.date(2026, 1, 1)],
            ["2026-01-02T00:00Z", "01.01.2026"],
        ):
            assert encode_columns({"day": days}, (column,)).tolist() == [[0, 1], [1, 0]]


def test_0_and_1_may_be_false_and_true():
    assert encode_columns({"a": [True, False, "TRUE"]}, [Column("a", ("0", "1"))]).argmax(
        axis=1
    ).tolist() == [1, 0, 1]
    assert encode_columns({"a": [True, False]}, [Column("a", ("0", "1", "2"))]).tolist() == [[0] * 3] * 2


def test_whole_numbers_are_normalized_to_texts_without_a_point():
    texts = " 1.0", "-2.00", "+3.0", "2.50", "v1.0", "007"
    assert [normalize_text(text) for text in texts] == ["1", "-2", "+3", "2.50", "v1.0", "007"]
