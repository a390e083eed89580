"""Dates in the formats of databases, spreadsheets and pandas become the days that pandas counts."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.preprocessing.columns import Column, encode_columns
from nnexp.preprocessing.dates import calendar_categories, has_zone, infer_date_format, is_date, parse_dates
from nnexp.preprocessing.errors import EncodingError

moments = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1))
FORMATS = {
    "%Y-%m-%d": "date",
    "%Y/%m/%d": "date",
    "%Y-%m-%d %H:%M": "date",
    "%Y-%m-%dT%H:%M:%S": "date",
    "%Y-%m-%d %H:%M:%S.%f": "date",
    "%Y-%m-%d %H:%M:%S,%f": "date",
    "%Y-%m-%dT%H:%M:%SZ": "date",
    "%Y-%m-%d %H:%M:%S UTC": "date",
    "%d.%m.%Y": "date",
    "%d.%m.%Y %H:%M": "date",
    "%d-%b-%Y": "date",
    "%d %B %Y": "date",
    "%b %d, %Y": "date",
    "%B %d %Y": "date",
    "%b  %d %Y %I:%M:%S%p": "date",
    "%Y年%m月%d日 %H:%M": "date",
    "%d/%m/%Y": "day_first",
    "%d-%m-%Y %H:%M:%S": "day_first",
    "%m/%d/%Y": "month_first",
    "%m/%d/%Y %I:%M %p": "month_first",
    "%m/%d/%Y %I:%M:%S %p": "month_first",
    "%H:%M": "time",
    "%H:%M:%S.%f": "time",
    "%I:%M %p": "time",
}


def encode(values, date_format="date"):
    return encode_columns({"a": values}, [Column("a", date_format=date_format)])[:, 0]


def days_of(moment):
    return (pd.Timestamp(moment) - pd.Timestamp(1970, 1, 1)) / pd.Timedelta(days=1)


@pytest.mark.parametrize("pattern", FORMATS)
@given(moment=moments)
def test_texts_become_the_days_that_pandas_counts(pattern, moment):
    text = moment.strftime(pattern)
    expected = pd.to_datetime(
        text.replace(" UTC", "").rstrip("Z"), format=pattern.replace(" UTC", "").rstrip("Z")
    )
    expected = (expected - expected.normalize()) if FORMATS[pattern] == "time" else expected - pd.Timestamp(0)
    (days,) = parse_dates([text], FORMATS[pattern])
    assert days == pytest.approx(expected / pd.Timedelta(days=1), rel=0, abs=1e-10)


@given(moment=moments, minutes=st.integers(-14 * 60, 14 * 60))
def test_time_zones_are_converted_to_utc(moment, minutes):
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    aware = moment.replace(tzinfo=zone)
    utc = days_of(aware.astimezone(datetime.UTC).replace(tzinfo=None))
    assert parse_dates([aware.isoformat(), str(aware)], "date") == pytest.approx([utc, utc], rel=0, abs=1e-10)


@pytest.mark.parametrize("zone", ["", "Z", " UTC", "+02:00", "-0330", "+01"])
def test_a_time_zone_is_recognized(zone):
    for text in ("2024-01-31 10:00", "31.01.2024T10:00:00.123", "14:05", "2024-01-31 2:05 PM"):
        assert is_date(text + zone)
        assert has_zone(text + zone) == bool(zone)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31", "2024-02-01T10:00:00Z", "31.01.2024"], "date"),
        (["01/02/2024", "31/01/2024"], "day_first"),
        (["01/02/2024", "01/31/2024"], "month_first"),
        (["01-02-2024", "31-01-2024 10:00"], "day_first"),
        (["01/02/2024", "03/04/2024"], "ambiguous"),
        (["01/01/2024", "02/02/2024"], "day_first"),
        (["31/01/2024", "01/31/2024"], None),
        (["14:05", "2:05 PM", "23:59:59.5"], "time"),
        (["2024-01-31", "14:05"], None),
        (["2023-02-29"], None),
        (["2024-02-29", "2023-02-29"], None),
        (["2024-01", "1999-12"], "date"),
        (["25:00", "101:59:00"], "time"),
        (["25:00 AM"], None),
        (["2024-01-31 25:00"], None),
        (["12:60"], None),
        (["13:00 PM"], None),
        (["0000-00-00"], None),
        (["31/01/24"], None),
        (["1.5", "2.25"], None),
        (["1234-05"], None),
        (["Ulm", "2024-01-31"], None),
        ([], None),
    ],
    ids=str,
)
def test_all_values_of_a_column_decide_on_its_format(texts, expected):
    assert infer_date_format(texts) == expected


@given(st.lists(st.none() | moments, min_size=1))
def test_features_of_the_calendar_are_those_of_pandas(given_moments):
    series = pd.Series(given_moments, dtype="datetime64[us]")
    days = np.array([np.nan if moment is None else days_of(moment) for moment in given_moments])
    for feature, values in (
        ("weekday", series.dt.day_of_week),
        ("month", series.dt.month - 1),
        ("hour", series.dt.hour),
    ):
        assert calendar_categories(days, feature).tolist() == values.fillna(-1).tolist()


DAYS = [19753.0, np.nan, 19754.5]
SERIES = pd.Series(pd.to_datetime(["2024-01-31 00:00", None, "2024-02-01 12:00"]))


@pytest.mark.parametrize(
    "values",
    [
        SERIES,
        SERIES.to_numpy(),
        SERIES.to_numpy().astype("datetime64[s]"),
        SERIES.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        SERIES.astype("timestamp[us][pyarrow]"),
        SERIES.astype(object),
        SERIES.astype("string"),
        SERIES.astype("category"),
        [datetime.date(2024, 1, 31), None, datetime.datetime(2024, 2, 1, 12)],
        ["31.01.2024", "NA", " 2024-02-01T12:00:00Z "],
        ["31/01/2024", None, "01/02/2024 12:00"],
        ["01/31/2024", None, "2/1/2024 12:00 PM"],
        [1_706_659_200_000, None, 1_706_788_800_000],
        pd.Series([1_706_659_200_000, None, 1_706_788_800_000]),
        [b"2024-01-31", np.nan, np.datetime64("2024-02-01T12:00")],
    ],
)
def test_a_trained_model_takes_dates_of_many_types(values):
    np.testing.assert_array_equal(encode(values), DAYS)


@given(st.lists(st.timedeltas(datetime.timedelta(days=-300), datetime.timedelta(days=300)), min_size=1))
def test_durations_are_days(durations):
    series = pd.Series(durations, dtype="timedelta64[us]")
    for values in (series, series.astype(str)):
        days = encode(values, "time")
        np.testing.assert_allclose(days, series / pd.Timedelta(days=1), rtol=0, atol=1e-12)
    assert infer_date_format(series.astype(str).tolist()) == "time"


def test_times_of_a_day_are_shares_of_it():
    column = Column("a", date_format="time", date_features=("hour",))
    x = encode_columns({"a": [datetime.time(6), "6:00 PM", None]}, [column])
    assert x[:2, 0].tolist() == [0.25, 0.75]
    assert x[:, 1:].argmax(axis=1).tolist() == [6, 18, 0]
    assert x[:, 1:].sum(axis=1).tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("date_format", "value", "message"),
    [
        (
            "date",
            "01/02/2024",
            "row 2: expected a date such as 2024-01-31 in the column 'a', got '01/02/2024'",
        ),
        ("day_first", "01/31/2024", "expected a date such as 31/01/2024"),
        ("time", "2024-01-31", "expected a time such as 14:05"),
        ("date", 20240131, "got '20240131'"),
        ("date", 1_706_659_200, "got '1706659200'"),
        ("time", 1_706_659_200_000, "got '1706659200000'"),
        ("date", "soon", "got 'soon'"),
    ],
)
def test_other_values_name_the_row_and_what_was_expected(date_format, value, message):
    with pytest.raises(EncodingError) as error:
        encode([None, value], date_format)
    assert message in str(error.value)
