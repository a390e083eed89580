"""Equal settings are one setting: one hash, one param, one recorded value, however they were written."""

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp import compose
from nnexp.config import build
from nnexp.config.build import resolved, validate
from nnexp.config.naming import config_hash, params

TABLE = ["data=table", "data.path=wine.csv", "data.target=y"]


@cache
def base(*overrides):
    return resolved(compose(overrides or ["data=digits"]))


def with_value(key, value):
    section, name = key.split(".")
    values = deepcopy(base())
    values[section][name] = value
    canonical, problems = validate(values)
    assert problems == []
    return canonical


def recorded(*overrides):
    values = build(compose(overrides)).values
    return config_hash(values), params(values)


def parsed(text):
    return OverridesParser.create().parse_override(f"key={text}").value()


def spellings(number):
    """Return texts that Python reads as this number."""
    texts = {repr(number), f"{number:.17e}", f"{number:+.17g}", f"{number:.17E}"}
    if number == int(number) and abs(number) < 1e15:
        texts |= {f"{int(number)}", f"{int(number):_}", f"{int(number)}.0", f"{int(number)}."}
    return sorted(text for text in texts if float(text.replace("_", "")) == number)


RATES = st.floats(0, 0.999) | st.sampled_from([0, 0.0, -0.0, 0.5, 1e-3, 5e-324])
LARGE = st.floats(1e-30, 1e30) | st.integers(1, 10**15) | st.sampled_from([1, 1.0, 1000, 0.1, 0.1 + 0.2, 0.3])


@settings(deadline=None)  # the first composition takes longer
@given(
    st.data(), st.sampled_from([("model.dropout", RATES), ("optimizer.lr", LARGE), ("optimizer.eps", LARGE)])
)
def test_two_numbers_have_one_hash_exactly_if_they_are_equal(data, setting):
    key, numbers = setting
    a, b = data.draw(numbers), data.draw(numbers)
    hashes = []
    for number in (a, b):
        texts = spellings(float(number))
        values = [with_value(key, value) for value in [number, *map(parsed, texts)]]
        assert len({config_hash(value) for value in values}) == 1, texts
        assert len({params(value)[key] for value in values}) == 1, texts
        hashes.append(config_hash(values[0]))
    assert (hashes[0] == hashes[1]) == (float(a) == float(b))


@settings(deadline=None)
@given(st.lists(RATES, min_size=1, max_size=3))
def test_numbers_within_a_list_have_one_hash_too(rates):
    written = [
        [rate, float(rate), parsed(repr(float(rate))), int(rate) if rate == int(rate) else rate]
        for rate in rates
    ]
    hashes = {config_hash(with_value("model.dropout", list(row))) for row in zip(*written, strict=True)}
    assert len(hashes) == 1


SAME = [
    (["model.dropout=0"], ["model.dropout=0.0"], ["model.dropout=-0.0"], ["model.dropout=0e5"]),
    (["optimizer.lr=1e-3"], ["optimizer.lr=0.001"], ["optimizer.lr=1_0e-4"], ["optimizer.lr=.001"]),
    (["seed=1000"], ["seed=1_000"], ["seed=+1000"]),
    (["regularization.l2=0"], ["regularization.l2=0.0"], ["~regularization.l2"]),
    (["data.stratify=true"], ["data.stratify=True"], ["data.stratify=TRUE"], ["~data.stratify"]),
    (["optimizer.beta1=0.9"], ["~optimizer.beta1"], []),
    (["trainer.time_budget=5"], ["trainer.time_budget=5.0"]),
    (["seed=1", "optimizer.lr=1"], ["optimizer.lr=1.0", "seed=1"]),
]


@pytest.mark.parametrize("ways", SAME, ids=lambda ways: ways[0][0])
def test_one_setting_written_in_several_ways_is_recorded_once(ways):
    assert len({str(recorded("data=digits", *way)) for way in ways}) == 1


SAME_TABLE = [
    ("data.target=y", "data.target=[y]"),
    ("data.drop=[]", "data.drop=null"),
    ("data.drop=[a]", "data.drop=a"),
    ("data.target=3", "data.target='3'", "data.target=[3]"),
]


@pytest.mark.parametrize("ways", SAME_TABLE, ids=lambda ways: ways[0])
def test_one_setting_of_a_table_is_recorded_once(ways):
    assert len({str(recorded(*TABLE, way)) for way in ways}) == 1


def test_a_file_below_the_working_directory_has_one_path(alone):
    ways = ["data/wine.csv", "./data/wine.csv", "data/../data//wine.csv", str(alone / "data" / "wine.csv")]
    several = [recorded("data=table", "data.target=y", f"data.path={way}") for way in ways]
    assert {str(one) for one in several} == {str(several[0])}
    assert several[0][1]["data.path"] == "data/wine.csv"


def test_a_file_elsewhere_has_an_absolute_path(alone):
    ways = ["'~/wine.csv'", str(Path.home() / "wine.csv"), f"{Path.home()}/./x/../wine.csv"]
    several = [recorded("data=table", "data.target=y", f"data.path={way}")[1]["data.path"] for way in ways]
    assert several == [str(Path.home() / "wine.csv")] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [("seed=1", "seed=2"), ("data.drop=[a,b]", "data.drop=[a]"), ("data.target=3", "data.target=03")],
)
def test_different_settings_are_recorded_as_different(one, other):
    assert recorded(*TABLE, one)[0] != recorded(*TABLE, other)[0]


def test_a_default_hash_stays_what_it_is():
    assert recorded("data=digits")[0] == "a689b0644b8a9b4b"
