"""Overrides that are too long or too deep, or hold what is no character, are refused at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp.config import ConfigError, compose
from nnexp.config.build import build
from nnexp.config.overrides.text import split_items


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (f"data.drop={'[' * 3000}{']' * 3000}", "brackets within more than 20 brackets, at character 31"),
        (f"optimizer={'{a:' * 900}1{'}' * 900}", "brackets within more than 20 brackets"),
        (f"seed={'${a' * 900}{'}' * 900}", "brackets within more than 20 brackets"),
        (f"seed='{'[' * 900}", "brackets within more than 20 brackets"),
        (f"seed={'f(' * 900}1{')' * 900}", "brackets within more than 20 brackets"),
        (f"data.drop=[{'a,' * 70_000}]", "140,012 characters, expected at most 131,072"),
        ("data.path=a\0b", "holds '\\x00' at character 12, which is no text; fix: delete it"),
        ("data.path=\ud800", "holds '\\ud800' at character 11"),
    ],
)
def test_what_is_beyond_the_limits_is_one_short_message(override, problem):
    with pytest.raises(ConfigError) as error:
        compose([override])
    assert problem in str(error.value)
    assert len(str(error.value)) < 400
    str(error.value).encode()


def test_brackets_in_quotes_and_long_lists_are_accepted():
    names = [f"column{n}" for n in range(300)]
    overrides = [
        "data=table",
        "data.path=a.csv",
        f"data.target='{'(' * 99}'",
        f"data.drop=[{','.join(names)}]",
    ]
    config = compose(overrides)
    assert config.data.target == "(" * 99
    assert config.data.drop == names


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", [""]),
        (" a , b", ["a", "b"]),
        ("[a,b],{c:d,e:f},g(h,i)", ["[a,b]", "{c:d,e:f}", "g(h,i)"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ("it's,b", ["it's", "b"]),
        ("[a,b", ["[a,b"]),
        (",", ["", ""]),
    ],
)
def test_items_are_split_at_commas_outside_quotes_and_brackets(text, items):
    assert split_items(text) == items


KEYS = st.sampled_from(["seed", "optimizer.lr", "data", "model.hidden", "+a.b", "~seed", "trainer", "a", ""])
VALUES = st.text(alphabet="[]{}(),:'\"\\$ =+~ab1.-\n\té", max_size=30)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(KEYS, VALUES)
def test_any_override_is_accepted_or_refused_in_words(key, value):
    try:
        build(compose([f"{key}={value}"]))
    except ConfigError as error:
        assert str(error).count("configuration error") == 1  # noqa: PT017
