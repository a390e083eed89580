"""Columns of text in a table: dates as pandas counts days, categories as scikit-learn encodes them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table
from nnexp.preprocessing.columns import encode_columns

RNG = np.random.default_rng(0)
N = 60
TIMES = pd.Series(pd.Timestamp("2017-01-03 02:40:13") + pd.to_timedelta(np.arange(N) * 1_471_017, "s"))
TARGET = ["u", "v"] * (N // 2)


def load(columns, ending="csv", target="y", **options):
    """Load columns, beside a target unless they hold it, from a file of that kind."""
    frame = pd.DataFrame({"y": TARGET} | columns if target not in columns else columns)
    path = Path(f"table.{ending}")
    if ending == "npz":
        np.savez(path, **{name: np.array(list(column)) for name, column in (columns | {"y": TARGET}).items()})
    else:
        frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    return Table(path=str(path), target=target, **options).load()


def numbers(dataset, input_name):
    """All rows' numbers of an input, sorted, as they are in the file."""
    column = dataset.features.index(input_name)
    origin = 0 if dataset.origin is None else dataset.origin[column]
    return np.sort(np.concatenate([dataset.x, dataset.x_test])[:, column].astype(np.float64) + origin)


CITIES = [f"c{i}" for i in range(200)]


def cities(**options):
    """Load training rows of 200 cities, no two equally often, and others with cities that training lacks."""
    training = RNG.permutation(np.repeat(CITIES, np.arange(1, 201)))
    others = [*CITIES, "Ulm", None, "Ulm"] * 2
    columns = {"city": [*training, *others], "y": ["u", "v"] * (len(training) // 2 + len(others) // 2)}
    split = ["train"] * len(training) + ["val", "test"] * (len(others) // 2)
    return load(columns | {"split": split}, split="split", **options), training, np.array(others)


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, 100),
        ({"min_count": 120}, 100),
        ({"max_categories": 20, "min_count": 3}, 20),
        ({"categorical": ["city"]}, 1000),
        ({"categorical": ["city"], "max_categories": 50}, 50),
    ],
)
def test_hundreds_of_categories_are_encoded_as_scikit_learn_does(options, limit):
    dataset, training, others = cities(**options)
    oracle = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=options.get("min_count"),
        max_categories=limit,
        sparse_output=False,
    ).fit(training[:, None])
    names = [name.replace("x0_infrequent_sklearn", "other") for name in oracle.get_feature_names_out()]
    order = [
        names.index(name.replace("city=", "x0_").replace("x0_other", "other")) for name in dataset.features
    ]
    assert len(order) == len(names)
    for x, texts in ((dataset.x, [*training, *others[::2]]), (dataset.x_test, others[1::2])):
        expected = oracle.transform(np.array(texts, object)[:, None])
        np.testing.assert_array_equal(x, expected[:, order])
    assert "values not seen in training: city (6 rows: 'Ulm', no value)" in dataset.notes[-1]


def test_categories_outside_training_rows_are_refused_on_request():
    with pytest.raises(DataError, match="holds 'Ulm', no value in row 20,301 below") as error:
        cities(unseen="error")
    assert error.value.setting == "data.unseen=other"


def test_a_category_that_only_validation_rows_have_is_0():
    dataset = load({"site": [f"s{i // 6}" for i in range(N)], "size": range(N)}, test=0.02)
    rows = np.flatnonzero(dataset.x[:, 0] == 0)
    scaling = dataset.fit_scaling(rows)
    x = dataset.x.copy()
    scaling(x)
    assert dataset.features[0] == "site=s0"
    assert not x[:, 0].any()
    np.testing.assert_array_equal(x[rows, 1:10], dataset.x[rows, 1:10])


def days_of(moments):
    return np.sort((moments - pd.Timestamp(0)) / pd.Timedelta(days=1))


PATTERNS = {
    "%Y-%m-%d %H:%M:%S": "dates become days: t",
    "%Y-%m-%dT%H:%M:%S.000Z": "dates become days: t",
    "%d.%m.%Y %H:%M:%S": "dates become days: t",
    "%d/%m/%Y %H:%M:%S": "dates become days: t (day first)",
    "%m/%d/%Y %I:%M:%S %p": "dates become days: t (month first)",
    "%a, %d %b %Y %H:%M:%S +0000": "dates become days: t",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_texts_that_all_are_dates_become_days(pattern):
    dataset = load({"t": TIMES.dt.strftime(pattern)})
    assert (dataset.features, list(dataset.numeric)) == (("t",), [True])
    np.testing.assert_allclose(numbers(dataset, "t"), days_of(TIMES), rtol=0, atol=1e-4)
    assert dataset.notes == (PATTERNS[pattern],)


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_dates_of_every_type_give_the_same_data_set(zone, ending):
    plain = load({"t": TIMES})
    moments = TIMES if zone is None else TIMES.dt.tz_localize("UTC").dt.tz_convert(zone)
    assert load({"t": moments}, ending).sha256 == plain.sha256
    assert load({"t": TIMES.to_numpy().astype("datetime64[s]")}, "npz").sha256 == plain.sha256
    assert load({"t": TIMES.dt.date}, ending).sha256 == load({"t": TIMES.dt.normalize()}).sha256
    assert load({"t": TIMES.dt.time}, ending).sha256 == load({"t": TIMES.dt.strftime("%H:%M:%S")}).sha256


def test_seconds_of_one_month_stay_apart():
    moments = TIMES.iloc[0] + pd.to_timedelta(np.arange(N) * 43_201, "s")
    dataset = load({"t": pd.Series(moments)})
    np.testing.assert_allclose(numbers(dataset, "t") * 86400, days_of(moments) * 86400, rtol=0, atol=0.1)
    assert not any("become one" in note for note in dataset.notes)


def test_times_that_float32_cannot_keep_apart_are_noted():
    moments = TIMES.iloc[0] + pd.to_timedelta(np.arange(N) // 2 * 10**8 + np.arange(N) % 2, "s")
    dataset = load({"t": pd.Series(moments)})
    assert any(note.startswith("different times become one in float32: t (2017-") for note in dataset.notes)


def test_features_of_the_calendar_are_one_hot():
    moments = TIMES.mask(TIMES.index % 7 == 0)
    dataset = load({"t": moments}, date_features=["weekday", "month", "hour"])
    assert dataset.features[:2] == ("t", "t weekday=Monday")
    assert len(dataset.features) == 1 + 7 + 12 + 24
    assert list(dataset.numeric) == [True] + [False] * 43
    known = moments.dropna()
    x = np.concatenate([dataset.x, dataset.x_test])
    for first, size, index in (
        (1, 7, known.dt.day_of_week),
        (8, 12, known.dt.month - 1),
        (20, 24, known.dt.hour),
    ):
        counts = np.bincount(index.astype(int), minlength=size)
        np.testing.assert_array_equal(x[:, first : first + size].sum(axis=0), counts)
    assert (x[np.isnan(x[:, 0]), 1:] == 0).all()
    assert "missing dates become the training mean: t (9)" in dataset.notes


@pytest.mark.parametrize(
    ("change", "problem", "remedy"),
    [
        (
            {0: "2023-00-00"},
            "expected a date or time in the column 't', got '2023-00-00' in row 1 below",
            "correct the value",
        ),
        ({5: "2023-02-30"}, "got '2023-02-30' in row 6 below the header", "correct the value"),
        (
            {0: "13-01-2012", 1: "01-13-2012"},
            "dates or times that are not written alike: '13-01-2012', '01-13",
            "write all in",
        ),
        ({3: "14:05"}, "not written alike", "write all in one way"),
    ],
)
def test_a_column_of_dates_with_a_few_others_is_refused(change, problem, remedy):
    texts = TIMES.dt.strftime("%Y-%m-%d").tolist()
    for row, text in change.items():
        texts[row] = text
    with pytest.raises(DataError) as error:
        load({"t": texts})
    assert problem in error.value.problem
    assert remedy in error.value.remedy


@pytest.mark.parametrize("text", ["0000-00-00", "0001-01-01T00:00:00", "9999-12-31 00:00:00"])
def test_dates_that_databases_write_for_none_are_missing(text):
    texts = TIMES.dt.strftime("%Y-%m-%d %H:%M:%S")
    dataset = load({"t": texts.mask(TIMES.index < 3, text)})
    assert dataset.sha256 == load({"t": texts.mask(TIMES.index < 3)}).sha256
    assert "missing dates become the training mean: t (3)" in dataset.notes
    days = encode_columns({"t": [text, "2024-01-31"]}, dataset.columns)
    np.testing.assert_array_equal(days, [[np.nan], [19753]])


def test_years_of_two_digits_are_refused():
    for pattern in ("%m/%d/%y", "%d-%b-%y", "%d.%m.%y %H:%M"):
        with pytest.raises(DataError, match="holds dates whose years have two digits"):
            load({"t": TIMES.dt.strftime(pattern)})


AMBIGUOUS = [f"{1 + i % 12:02}/{1 + i // 12:02}/2019" for i in range(N)]


@pytest.mark.parametrize(("dates", "pattern"), [("day_first", "%d/%m/%Y"), ("month_first", "%m/%d/%Y")])
def test_an_ambiguous_order_of_day_and_month_is_refused_or_stated(dates, pattern):
    with pytest.raises(DataError, match="can be read in two ways: '01/01/2019', '02/01/2019'") as error:
        load({"t": AMBIGUOUS})
    assert error.value.setting == "data.dates=day_first or data.dates=month_first"
    expected = days_of(pd.to_datetime(pd.Series(AMBIGUOUS), format=pattern))
    np.testing.assert_array_equal(numbers(load({"t": AMBIGUOUS}, dates=dates), "t"), expected)


def test_an_unambiguous_column_is_read_in_its_own_order():
    texts = TIMES.dt.strftime("%d/%m/%Y")
    assert load({"t": texts}, dates="month_first").sha256 == load({"t": texts}).sha256


def test_a_mixture_of_time_zones_is_noted_only_where_one_is_missing():
    texts = TIMES.dt.strftime("%Y-%m-%d %H:%M:%S").tolist()
    mixed = [f"{text}+02:00" if i % 2 else f"{text}Z" for i, text in enumerate(texts)]
    expected = TIMES - pd.to_timedelta(np.where(np.arange(N) % 2, 2, 0), "h")
    np.testing.assert_allclose(numbers(load({"t": mixed}), "t"), days_of(expected), rtol=0, atol=1e-4)
    assert "dates without a time zone are taken as UTC: t" in load({"t": [*mixed[:-1], texts[-1]]}).notes


def test_a_constant_column_of_dates_is_noted():
    dataset = load({"t": ["2024-01-31", None] * (N // 2), "size": range(N)})
    assert "constant columns carry no information: t" in dataset.notes


def test_dates_may_stay_categories():
    dataset = load({"t": ["2024-01-31", "2024-02-29"] * 30}, categorical=["t"])
    assert dataset.features == ("t=2024-01-31", "t=2024-02-29")
