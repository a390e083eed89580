"""YAML that is damaged or hostile: one message that names file and line, at once."""

from pathlib import Path

import pytest

from nnexp.config import ConfigError, compose
from nnexp.config.recorded import read_config
from nnexp.config.yaml.files import load_yaml

ALIASES = "a0: &a0 {x: [1, 2]}\n" + "".join(
    f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}\n" for i in range(1, 30)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 9)
)
HOSTILE = [
    ("a: " + "[" * 5000 + "]" * 5000, 1, "nested in more than 40 levels"),
    ("".join(f"{' ' * i}a:\n" for i in range(100)), 40, "nested in more than 40 levels"),
    ("- " * 3000 + "a", 1, "nested in more than 40 levels"),
    (ALIASES, 14, "more than 50,000 values, counted with each alias as what it stands for"),
    (MERGES, 6, "more than 50,000 values"),
    ("a: [" + "1," * 50_001 + "]", 1, "more than 50,000 values"),
    ("a: &a [*a]\n", 1, "an alias stands for what it is in"),
    ("b: 1\na: &a {b: *a}\n", 2, "an alias stands for what it is in"),
    ("seed: !!set {a, b}\n", 1, "!!set is not read; fix: write a plain list or mapping"),
    ("seed: !!omap [a: 1]\n", 1, "!!omap is not read"),
    ("seed: !!timestamp 2024-01-01\n", 1, "2024-01-01 is read as a timestamp; fix: put it in quotes"),
    ("seed: !!timestamp foo\n", 1, "foo is no valid timestamp"),
    ("seed: !!binary aGVsbG8=\n", 1, "aGVsbG8= is read as a binary"),
    ("seed: !!int foo\n", 1, "foo is no valid int"),
    ("seed: !!bool foo\n", 1, "foo is no valid bool"),
    ("seed: 0b_\n", 1, "0b_ is no valid int"),
    (f"seed: {'1' * 10_000}\n", 1, "1... is no valid int"),
    (f"seed: 0x{'f' * 3000}\n", 1, "f... is too large a number"),
    ("a:\n  .nan: 1\n", 2, "the key .nan is no name; fix: put it in quotes"),
    ("a:\n  ~: 1\n", 2, "the key ~ is no name"),
    ("seed: 1\n\nseed: 2\n", 3, "the key seed is there already, in line 1; fix: remove one"),
    ('seed: "\\ud800"\n', 1, "half a surrogate pair"),
    ('a: 1\nseed: "\\U0011FFFF"\n', 2, "an escape that is no character"),
    ("a: 1\nseed: a\0b\n", 2, "the character U+0000 is not allowed; fix: delete it"),
    ("seed: !!python/object/apply:os.system [id]\n", 1, "!!python/object/apply:os.system is not read"),
]


@pytest.mark.parametrize("read", [read_config, load_yaml])
@pytest.mark.parametrize(("text", "line", "problem"), HOSTILE, ids=[problem for _, _, problem in HOSTILE])
def test_the_line_and_what_is_wrong_with_it_are_named(read, text, line, problem):
    Path("a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read(Path("a.yaml"))
    message = str(error.value)
    assert f"a.yaml, line {line}\n" in message
    assert problem in message
    assert len(message) < 1000


def test_a_date_without_quotes_is_refused_in_a_record_and_text_elsewhere():
    Path("a.yaml").write_text("seed: 2024-01-01\n", encoding="utf-8")
    assert load_yaml(Path("a.yaml"))[0].seed == "2024-01-01"
    with pytest.raises(ConfigError, match="2024-01-01 is read as a timestamp; fix: put it in quotes if"):
        read_config(Path("a.yaml"))


def test_a_file_of_more_than_a_megabyte_is_refused_unread():
    Path("a.yaml").write_text("#" * (1 << 21), encoding="utf-8")
    for read in (read_config, load_yaml):
        with pytest.raises(ConfigError, match="larger than 1,048,576 bytes"):
            read(Path("a.yaml"))


def test_a_byte_order_mark_and_anchors_are_accepted():
    Path("a.yaml").write_text("\ufeffa: &a [1, 2]\nb: *a\nc: {<<: {d: 1}}\n", encoding="utf-8")
    expected = {"a": [1, 2], "b": [1, 2], "c": {"d": 1}}
    assert read_config(Path("a.yaml")) == load_yaml(Path("a.yaml"))[0] == expected


TWICE = "".join(f"x{i}: ${{x{i - 1}}}${{x{i - 1}}}\n" for i in range(1, 40))
MAPS = "".join(f'x{i}: {{a: "${{x{i - 1}}}", b: "${{x{i - 1}}}"}}\n' for i in range(1, 30))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"x0: abcdefghij\n{TWICE}", "its interpolations expand to more than 1,048,576 characters"),
        (f"x0: {{a: 1}}\n{MAPS}", "its interpolations expand to more than 1,048,576 characters"),
        ("x0: 1\n" + "".join(f"x{i}: ${{x{i - 1}}}\n" for i in range(1, 99)), "more than 50 interpolations"),
        (f"seed: '{'${a' * 300}{'}' * 300}'\n", "begins an interpolation"),
        ("seed: ${seed}\n", "seed"),
    ],
)
def test_interpolations_that_expand_to_very_much_are_refused(text, problem):
    path = Path("conf/experiment/bomb.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(f"# @package _global_\n{text}", encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        compose("experiment=bomb", config_dir="conf")
