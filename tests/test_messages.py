"""Wording shared by all messages: an override that is printed can be typed."""

import shlex
from string import printable

import pytest
import rich.cells
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nnexp.messages import (
    align,
    display_width,
    list_override,
    merged_list_override,
    nearest,
    number,
    override,
    percent,
)

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MARKS = st.text(r"""\"'${}[](),:=~#?*!|&;<> abz019.-+_%@/""" + "\t\nöß€🙂")
TEXTS = (ANY_TEXT | MARKS | st.text(printable)).filter(lambda text: text != "???")  # no value, for OmegaConf
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = TEXTS | NUMBERS | st.booleans() | st.none() | st.lists(TEXTS | NUMBERS, max_size=3)


def typed(printed):
    """Parse what is printed as a shell does, then as Hydra does; return the key and its value."""
    (word,) = shlex.split(printed)
    parsed = OverridesParser.create().parse_override(word)
    return parsed.key_or_group, OmegaConf.to_container(OmegaConf.create({"v": parsed.value()}), resolve=True)[
        "v"
    ]


@given(VALUES)
def test_an_override_is_printed_so_that_shell_and_hydra_read_the_same_value(value):
    key, read = typed(override("data.drop", value))
    assert (key, read, type(read)) == ("data.drop", value, type(value))


@given(TEXTS)
@example("\\\n")
def test_a_name_is_printed_as_a_list_of_one(name):
    assert typed(list_override("data.drop", name)) == ("data.drop", [name])


@pytest.mark.parametrize(
    ("existing", "names", "merged"),
    [
        (None, ["a"], ["a"]),
        ("a", ["b c"], ["a", "b c"]),
        (["a", "1"], ["b", "a"], ["a", "1", "b"]),
        ([], ["true", "1e5", "größe"], ["true", "1e5", "größe"]),
    ],
)
def test_names_are_added_to_the_list_that_is_there(existing, names, merged):
    assert typed(merged_list_override("data.drop", existing, names)) == ("data.drop", merged)


@pytest.mark.parametrize(
    ("key", "value", "printed"),
    [
        ("optimizer.lr", 0.1, "optimizer.lr=0.1"),
        ("data.path", "./my-data/wine.csv", "data.path=./my-data/wine.csv"),
        ("data.target", "größe", "'data.target=\"größe\"'"),
        ("model.hidden", [300, 100], "'model.hidden=[300,100]'"),
        ("tracking.run_name", None, "tracking.run_name=null"),
    ],
)
def test_only_what_needs_quotes_is_quoted(key, value, printed):
    assert override(key, value) == printed


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (1, 1, "100.0%"),
        (1 - 1e-12, 1, ">99.9%"),
        (0.9995, 1, ">99.9%"),
        (0.9994, 1, "99.9%"),
        (0.5, 1, "50.0%"),
        (0.0004, 1, "<0.1%"),
        (0, 1, "0.0%"),
        (0.99996, 2, ">99.99%"),
        (1, 2, "100.00%"),
    ],
)
def test_a_share_is_100_or_0_percent_only_if_it_is_exactly_that(share, digits, text):
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1517358552.4, "1517358552"),
        (20180131, "20180131"),
        (0.1234567, "0.123457"),
        (1e20, "1e+20"),
        (5, "5"),
    ],
)
def test_numbers_are_shown_with_all_digits_before_the_point(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("größe", 5), ("日本語", 6), ("e\u0301", 1), ("🚀", 2), ("ａ", 2), ("a\u200eb", 2), ("", 0)],
)
def test_texts_are_aligned_by_the_columns_of_a_terminal_that_they_take(text, width):
    assert display_width(text) == width == rich.cells.cell_len(text)
    assert align(text, 8) == text + " " * (8 - width)
    assert align(text, 8, right=True) == " " * (8 - width) + text


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("optimizer.learning_rate", "optimizer.lr"),
        ("learning_rate", "optimizer.lr"),
        ("optimizer.momentm", "optimizer.momentum"),
        ("optimizer.decay", "optimizer.weight_decay"),
        ("optimizer._partial_", None),
        ("optimizer.warmup", None),
    ],
)
def test_a_key_of_the_same_section_is_suggested_only_if_its_own_name_is_near(word, meant):
    known = ["optimizer.lr", "optimizer.momentum", "optimizer.weight_decay", "optimizer.amsgrad"]
    assert nearest(word, known) == meant
