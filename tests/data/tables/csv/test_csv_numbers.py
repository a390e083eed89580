"""Numbers of a CSV file are read as pandas reads them once it is given their format, or refused."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnexp.data.errors import DataError, raise_errors
from nnexp.data.tables.encoded_table import read_encoded_table
from nnexp.data.tables.formats import open_table
from nnexp.data.tables.reader import NumberMarks
from nnexp.data.tables.table import Table
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.number_format import CANDIDATES, NumberFormat, readings


def read(lines, *names, mark=";", marks=None, encoding="utf-8"):
    """The columns of a CSV file of these lines, all as numbers."""
    path = Path("numbers.csv")
    path.write_text("\n".join(line.replace(";", mark) for line in lines) + "\n", encoding=encoding)
    reader = open_table(path)
    reader.marks = marks or NumberMarks()
    blocks = list(reader.iter_blocks(dict.fromkeys(names, "number")))
    raise_errors([*reader.errors.values()])
    return [np.concatenate([block[n].to_numpy(zero_copy_only=False) for block in blocks]) for n in names]


def load(lines, **options):
    rows = [f"{line};{'uv'[n % 2]}" if n else f"{line};y" for n, line in enumerate(lines)]
    Path("t.csv").write_text("\n".join(rows), encoding="utf-8")
    return Table(path="t.csv", target="y", **options).load()


def error_of(lines, **options):
    with pytest.raises(DataError) as error:
        load(lines, **options)
    return error.value


AMBIGUOUS = ["a", *(["1,255", "980", "2,305"] * 8)]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,5", "2"], [1.5, 2]),
        (["1.250,5", "1.250"], [1250.5, 1250]),
        (["1.250.000", "980"], [1250000, 980]),
        (["1,250", "7,25"], [1.25, 7.25]),
        (["1,250", "0,980"], [1.25, 0.98]),
        (["1 250", " 12\u202f345 ", "9\u00a0000,5"], [1250, 12345, 9000.5]),
        (["1'250.5", "3\u2019000", "12"], [1250.5, 3000, 12]),
        (["1,00,000", "12,34,567"], [100000, 1234567]),
        (["\u22121,5", "+2,5", "-0,25"], [-1.5, 2.5, -0.25]),
        (["1e5", "1,5e-3", "inf", "NA", "", " "], [1e5, 1.5e-3, np.inf, np.nan, np.nan, np.nan]),
        (["01234", "00501"], [1234, 501]),
        (["9007199254740993", "12345678901234567890"], [9007199254740993, 12345678901234567890]),
    ],
)
@pytest.mark.parametrize("mark", [";", "\t"])
def test_each_column_is_read_in_the_format_that_all_its_texts_have(texts, numbers, mark):
    lines = ["a;b", *(f"{text};{n}.5" for n, text in enumerate(texts))]
    columns = read(lines, "a", "b", mark=mark)
    np.testing.assert_array_equal(columns[0], numbers)
    np.testing.assert_array_equal(columns[1], np.arange(len(texts)) + 0.5)


@pytest.mark.parametrize(
    ("other", "number"),
    [("3,14", 1.25), ("3.14", 1250), ("1.250,5", 1.25), ("1,250,000", 1250), ("1.250.000", 1.25)],
)
def test_other_columns_decide_what_a_column_leaves_open(other, number):
    assert read(["a;b", f"1,250;{other}", f"980;{other}"], "a", "b")[0].tolist() == [number, 980]


def test_a_comma_between_columns_is_no_decimal_mark():
    assert read(["a,b", '"1,250",1', '"980",2'], "a")[0].tolist() == [1250, 980]
    assert read(["a,b", "1.250,1", "980,2"], "a")[0].tolist() == [1.25, 980]
    assert read(["a,b", '"1,250","3,5"', "980,2"], "a")[0].tolist() == [1.25, 980]
    assert read(["a,b", '1.250,"3,5"', "980,2"], "a")[0].tolist() == [1250, 980]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("point", [",", "."])
def test_what_can_be_read_in_two_ways_is_refused_with_the_settings_that_decide(mark, point):
    lines = [line.replace(",", point) for line in AMBIGUOUS]
    error = error_of(lines)
    numbers = "1255 or 1.255" if point == "," else "1.255 or 1255"
    assert f"the column 'a' can be read in two ways: is 1{point}255 {numbers}?" in error.problem
    assert "'data.decimal=\".\"'" in error.setting
    assert "'data.decimal=\",\"'" in error.setting
    for decimal in ".,":
        x = load(lines, decimal=decimal).x
        assert x.max() == (2305 if decimal != point else 980)


@pytest.mark.parametrize(
    ("options", "number"), [({"thousands": ","}, 2305), ({"thousands": "."}, 980), ({"thousands": ""}, 980)]
)
def test_the_separator_of_groups_decides_too(options, number):
    dataset = load(AMBIGUOUS, **options)
    assert dataset.x.max() == number
    assert any(note.startswith("1,255 is read as 1") for note in dataset.notes)


def test_an_undecided_column_may_be_left_out_or_hold_categories():
    lines = [f"{line};{n}" for n, line in enumerate(AMBIGUOUS)]
    assert load(lines, drop=["a"]).features == ("0",)
    assert load(lines, categorical=["a"], drop=["0"]).features == ("a=980", "a=1,255", "a=2,305")


def test_numbers_that_are_not_written_alike_are_refused():
    error = error_of(["a", *(["1.5", "2,5"] * 10)])
    expected = (
        "the numbers of the column 'a' are not written alike: 1.5 in row 1 below the header, 2,5 in row 2"
    )
    assert expected in error.problem


LATE = 100_000


@pytest.mark.parametrize(
    ("early", "late", "numbers"),
    [
        ("980", "1,250,000", [980, 1250000]),
        ("980", "1.250.000", [980, 1250000]),
        ("980", "12,5", [980, 12.5]),
        ("980", "12.5", [980, 12.5]),
        ("1.5", "1,250.5", [1.5, 1250.5]),
        ("2,5", "1.250,5", [2.5, 1250.5]),
        ("", "7,25", [np.nan, 7.25]),
        ("980", "1,255", "can be read in two ways: is 1,255 1255 or 1.255?"),
        ("980", "1.250", "can be read in two ways: is 1.250 1.25 or 1250?"),
        ("980", "1.000", "can be read in two ways: is 1.000 1 or 1000?"),
        ("1.5", "1,5", "are not written alike: 1.5 in row 1 below the header, 1,5 in row 100,001"),
        ("1.250,5", "1,250.5", "are not written alike: 1.250,5 in row 1 "),
        ("1.5", "x", "expected a number in the column 'a', got 'x' in row 100,001"),
        ("1,5", "x", "expected a number in the column 'a', got 'x' in row 100,001"),
    ],
)
def test_a_number_after_the_sample_decides_too(early, late, numbers):
    lines = ["a;b", *([f"{early};1"] * LATE), f"{late};2", f"{early};3"]
    if isinstance(numbers, str):
        with pytest.raises(DataError) as error:
            read(lines, "a", "b")
        assert numbers in error.value.problem
        return
    a, b = read(lines, "a", "b")
    np.testing.assert_array_equal(a, [numbers[0]] * LATE + [numbers[1], numbers[0]])
    np.testing.assert_array_equal(b, [1] * LATE + [2, 3])


def test_points_that_turn_out_to_separate_groups_are_not_read_as_decimal_points():
    lines = ["a,b", *(["1.250,1"] * LATE), "1.250.000,2"]
    with pytest.raises(DataError, match=r"'\.' separates groups of digits after row") as error:
        read(lines, "a", "b")
    assert error.value.setting == "'data.decimal=\",\"'"
    assert read(lines, "a", marks=NumberMarks(","))[0][[0, -1]].tolist() == [1250, 1250000]


def test_the_format_of_the_training_table_decides_for_new_rows():
    dataset = load(["a;b", *(["1,250;7", "0,5;8"] * 10)])
    formats = {column.name: column.number_format for column in dataset.columns}
    assert formats == {"a": NumberFormat(","), "b": NumberFormat("", "")}
    new = ["a;b", "1,250;9"]
    assert read(new, "a", marks=NumberMarks(expected=formats))[0].tolist() == [1.25]
    assert read(["a;b", "1.5;9"], "a", marks=NumberMarks(expected=formats))[0].tolist() == [1.5]
    with pytest.raises(DataError, match="two ways"):
        read(["a;b", "1.250;9"], "a", marks=NumberMarks(expected=formats))
    with pytest.raises(DataError, match="two ways"):
        read(["a;b", "1;1.250"], "b", marks=NumberMarks(expected=formats))


def test_notes_say_how_numbers_were_read():
    dataset = load(["a;b;c;zip", *(["1.250,5;3,5;1;01234", "980;2,25;1;20001"] * 10)])
    assert dataset.notes[:3] == (
        "1.250,5 is read as 1250.5: a",
        "3,5 is read as 3.5: b",
        "01234 is read as a number in zip; if it is a code: 'data.categorical=[zip]'",
    )


FORMATS = [one for one in CANDIDATES if one.decimal]
numbers_of_a_table = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.integers(-(10**6), 10**6)), min_size=2, max_size=15
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(numbers_of_a_table, st.sampled_from(FORMATS), st.sampled_from(";\t"), st.integers(1, 4), st.booleans())
def test_a_table_is_read_as_pandas_reads_it_or_refused(rows, number_format, mark, places, is_given):
    def write(number, digits):
        marks = {",": number_format.thousands, ".": number_format.decimal}
        return "".join(marks.get(character, character) for character in f"{number:,.{digits}f}")

    lines = ["a;b", *(f"{write(a, places)};{write(b, 0)}" for a, b in rows)]
    marks = NumberMarks(number_format.decimal, number_format.thousands) if is_given else NumberMarks()
    try:
        columns = read(lines, "a", "b", mark=mark, marks=marks)
    except DataError as error:
        shown = [readings([line.split(";")[n] for line in lines[1:]]) for n in (0, 1)]
        if is_given or "can be read in two ways" not in error.problem or max(map(len, shown)) < 2:
            raise
        return
    options = {"decimal": number_format.decimal, "thousands": number_format.thousands or None}
    frame = pd.read_csv("numbers.csv", sep=mark, **options)
    np.testing.assert_allclose(columns, frame.to_numpy(float).T, rtol=1e-14)


TRAINED = ["price;size;count", *(["1.250,5;2,5;3", "980;0,5;4"] * 10)]


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        (["price;size;count", "1.250,5;2,5;3"], [1250.5, 2.5, 3]),
        (["price;size;count", "1,250;2;3"], [1.25, 2, 3]),
        (["price;size;count", "1.250;2;3"], [1250, 2, 3]),
        (['"price";"size";"count"', "1,250.5;2.5;3"], [1250.5, 2.5, 3]),
        (["count\tprice\tsize", "3\t1250.5\t2.5"], [1250.5, 2.5, 3]),
        (["price;size;count", "5;2;1.250"], "the column 'count' can be read in two ways"),
        (["price;size;count", "1.250,5;2;1,250.5"], [1250.5, 2, 1250.5]),
        (["price;size;count", "x;2;y"], "2 problems:"),
    ],
)
def test_new_rows_are_read_in_their_own_format_or_that_of_the_training_table(lines, numbers):
    columns = load(TRAINED).columns
    columns = [Column.from_json(column.to_json()) for column in columns]
    Path("new.csv").write_text("\n".join(lines), encoding="utf-8")
    reader = open_table(Path("new.csv"))
    if isinstance(numbers, str):
        with pytest.raises(DataError, match=re.escape(numbers)):
            read_encoded_table(reader, columns, (), (), "")
    else:
        np.testing.assert_allclose(read_encoded_table(reader, columns, (), (), "").x[0], numbers)


def test_the_settings_decide_for_a_separate_test_file_too():
    Path("test.csv").write_text("a;y\n" + "1,255;u\n980;v\n" * 4, encoding="utf-8")
    for decimal, largest in ((".", 1255), (",", 980)):
        dataset = load(AMBIGUOUS, test_path="test.csv", decimal=decimal)
        assert dataset.x_test.max() == largest
    lines = ["a", *(["980", "7"] * 10)]
    with pytest.raises(DataError, match="can be read in two ways") as error:
        load(lines, test_path="test.csv")
    assert error.value.path == Path("test.csv").resolve()
    assert load(lines, test_path="test.csv", decimal=",").x_test.max() == 980


def test_a_column_of_too_many_shapes_is_text(monkeypatch):
    monkeypatch.setattr("nnexp.data.tables.csv.number_texts.MAX_SHAPES", 3)
    with pytest.raises(DataError, match="expected a number in the column 'a', got '1,25e5' in row 4"):
        read(["a;b", "1,5;1", "1,25;1", "25,5;1", "1,25e5;1"], "a")
