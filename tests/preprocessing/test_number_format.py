"""Formats of numbers are decided by all texts of a column; what they read, pandas reads alike."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.preprocessing.number_format import (
    CANDIDATES,
    NumberFormat,
    choose,
    is_number,
    likely_readings,
    readings,
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["980", "-5"], {("", "")}),
        (["01234"], {("", "")}),
        (["1e5", "+2E-3"], {("", "")}),
        (["1,250", "980"], {(",", ""), ("", ",")}),
        (["1.250", "980"], {(".", ""), ("", ".")}),
        (["-1,250"], {(",", ""), ("", ",")}),
        (["1,250", "2,5"], {(",", "")}),
        (["1,250", "0,125"], {(",", "")}),
        (["1,250", "1234,567"], {(",", "")}),
        (["1,250e3"], {(",", "")}),
        ([",5"], {(",", "")}),
        (["1,250", "1,250,000"], {("", ",")}),
        (["1.250.000", "5"], {("", ".")}),
        (["1,250", "7.5"], {(".", ",")}),
        (["1.250,5", "1.250"], {(",", ".")}),
        (["1,250.500"], {(".", ",")}),
        (["1 250", "1\u00a0250", "1\u202f250,5"], {(",", " ")}),
        (["1'250.50", "2\u2019500"], {(".", "'")}),
        (["12,34,567", "1,00,000"], {("", ",")}),
        (["\u22121,5", "2"], {(",", "")}),
        (["1,5", "1.5"], set()),
        (["1,250,00"], set()),
        (["1,2500,000"], set()),
        (["1 25"], set()),
        (["1.250.000,5", "1,250,000.5"], set()),
        (["$5"], set()),
        (["5 %"], set()),
        (["0x10"], set()),
        (["1_000"], set()),
        (["2024-01-01"], set()),
        (["12:30"], set()),
    ],
)
def test_the_formats_that_fit_all_texts(texts, expected):
    assert readings(texts) == {NumberFormat(*marks) for marks in expected}


@pytest.mark.parametrize(
    ("texts", "number"),
    [
        (["1,250", "980"], 1250),
        (["1,250", "-980", "75", "12,345"], 1250),
        (["1,250", "1980"], None),  # 1,980 would be written so
        (["1,250", "3"], None),  # pieces beside kilograms
        (["1,255", "980"], None),
        (["1.250", "980"], None),
        (["1,250"], None),
        (["1,5", "980"], 1.5),
    ],
)
def test_thousands_beside_hundreds_have_digit_groups(texts, number):
    chosen = choose(likely_readings(readings(texts), texts))
    assert (chosen and chosen.parse(texts[0])) == number


@pytest.mark.parametrize(
    ("text", "given", "number"),
    [
        ("1,250", {"decimal": "."}, 1250),
        ("1,250", {"decimal": ","}, 1.25),
        ("1,250", {"thousands": ","}, 1250),
        ("1,250", {"thousands": "."}, 1.25),
        ("1,250", {"thousands": ""}, 1.25),
        ("1,250", {"thousands": " "}, 1.25),
        ("1.250", {"decimal": "."}, 1.25),
        ("1.250", {"decimal": ","}, 1250),
        ("1.250", {"thousands": ","}, 1.25),
        ("1.250", {"thousands": "."}, 1250),
        ("1,5", {"decimal": "."}, 1.5),
        ("1,250", {}, None),
    ],
)
def test_given_marks_decide_what_the_texts_leave_open(text, given, number):
    chosen = choose(readings([text]), **given)
    assert (chosen and chosen.parse(text)) == number


def written(number, places, number_format):
    """A number as a program of some locale writes it."""
    text = f"{number:,.{places}f}"
    marks = {",": number_format.thousands, ".": number_format.decimal}
    return "".join(marks.get(character, character) for character in text)


FORMATS = [one for one in CANDIDATES if one.decimal]
numbers = st.lists(st.floats(-1e9, 1e9).map(lambda x: round(x, 4)), min_size=1, max_size=20)


@given(numbers, st.sampled_from(FORMATS), st.integers(0, 4))
def test_numbers_of_every_locale_are_read_as_pandas_reads_them(values, number_format, places):
    texts = [written(value, places, number_format) for value in values]
    options = readings(texts)
    chosen = choose(options, number_format.decimal, number_format.thousands)
    assert chosen is not None
    options = {"decimal": number_format.decimal, "thousands": number_format.thousands or None}
    frame = pd.read_csv(io.StringIO("\n".join(["x", *texts])), sep=";", **options)
    read = [chosen.parse(text) for text in texts]
    np.testing.assert_allclose(read, frame["x"].to_numpy(float), rtol=1e-14)
    np.testing.assert_allclose(read, [round(value, places) for value in values], atol=1e-9)


@given(numbers, st.sampled_from(FORMATS), st.integers(0, 4))
def test_what_the_texts_alone_decide_is_right_or_undecided(values, number_format, places):
    texts = [written(value, places, number_format) for value in values]
    chosen = choose(readings(texts))
    if chosen is not None:
        assert [chosen.parse(text) for text in texts] == [number_format.parse(text) for text in texts]


def test_a_number_in_any_format():
    assert all(map(is_number, ["1", "1,5", "1.5", "1'000", "-2e5"]))
    assert not any(map(is_number, ["", "x", "1,5,3", "12 Jan"]))
