"""Settings that are text take what is typed as text, whatever Hydra's grammar makes of it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp import compose
from nnexp.config import build
from nnexp.config.compose import examine_overrides
from nnexp.config.overrides.text import rewrite, split_items

TABLE = ["data=table", "data.path=wine.csv", "data.target=y"]


def value_of(*overrides, key="data.target", **options):
    section, name = key.split(".")
    examination = examine_overrides([*TABLE, *overrides], **options)
    assert examination.problems == []
    return build(examination.config).values[section][name]


def problem_of(*overrides, sweep=False):
    (problem,) = examine_overrides([*TABLE, *overrides], sweep=sweep).problems
    return problem


LIKE_NUMBERS = [
    "3",
    "20260913",
    "007",
    "1e5",
    "1_000",
    "-0",
    "+5",
    "1.50",
    ".5",
    "5.",
    "0x1F",
    "1e400",
    "00",
    "1-2",
]
LIKE_WORDS = ["true", "False", "yes", "off", "nan", "inf", "-inf", "2024-01-31", "12:30", "NaN"]
UNREADABLE = [
    "wine (1).csv", "größe", "a=b", "a#b", "it's", 'say "hi"', "{x}", "x}", "(1)", "try(1)", "🙂", "日本",
    "a;b", "a&b",
    "a<b>", "!x", "^", "`x`", "a  b", "C:\\Users\\me\\wine (1).csv",
    "\\\\server\\share\\a.csv", "https://x.org/a.csv?b=c&d=1",
    "range(a)", "'x", 'x"y', "=", "a=", "x\\", "50%", "a|b", "$x", "~/wine.csv", "\\(x)", "[", "a]",
]  # fmt: skip


@pytest.mark.parametrize("text", LIKE_NUMBERS + LIKE_WORDS + UNREADABLE)
def test_a_text_is_what_was_typed(text):
    assert value_of(f"data.target={text}") == text


def test_null_stays_null_unless_it_is_quoted():
    assert value_of("tracking.run_name=null", key="tracking.run_name") is None
    assert "'tracking.experiment=\"null\"'" in problem_of("tracking.experiment=null").what
    assert value_of('tracking.experiment="null"', key="tracking.experiment") == "null"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[1,2]", ["1", "2"]),
        ("[007, 1e5, true]", ["007", "1e5", "true"]),
        ("[größe,a b,c(1)]", ["größe", "a b", "c(1)"]),
        ("""["a,b",'c d']""", ["a,b", "c d"]),
        ("[]", []),
        ("5", ["5"]),
        ("null", []),
    ],
)
def test_the_items_of_a_list_of_text_are_text(written, read):
    assert value_of(f"data.drop={written}", key="data.drop") == read


def test_every_value_of_a_sweep_is_text():
    examination = examine_overrides([*TABLE[:2], "data.target=1e5,größe,007"], sweep=True)
    assert examination.problems == []
    values = OverridesParser.create().parse_override(examination.overrides[-1]).sweep_iterator()
    assert [getattr(value, "text", value) for value in values] == ["1e5", "größe", "007"]
    choice = examine_overrides([*TABLE[:2], "data.target=choice(1e5,größe)"], sweep=True)
    assert (choice.problems, choice.overrides[-1]) == ([], 'data.target="1e5","größe"')


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip)
SPECIAL = "[](),{}'\"$\\"


@settings(deadline=None)
@given(TEXTS.filter(lambda text: text and text.lower() != "null" and not set(text) & set(SPECIAL)))
def test_text_without_brackets_commas_and_quotes_is_read_as_typed(text):
    rewritten = OverridesParser.create().parse_override(rewrite(f"a={text}", str, sweep=False))
    assert rewritten.value() == text


@given(st.text("ab,'\"[](){} "))
def test_no_character_is_lost_where_a_text_is_split(text):
    assert ",".join(split_items(text)).replace(" ", "") == text.replace(" ", "")


def test_numbers_stay_numbers_where_numbers_are_wanted():
    config = compose([*TABLE, "optimizer.lr=1e-3", "trainer.epochs=1_0", "tracking.run_name=1e-3"])
    assert (config.optimizer.lr, config.trainer.epochs, config.tracking.run_name) == (0.001, 10, "1e-3")


def test_an_option_of_a_group_may_look_like_a_number(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "2024.yaml").write_text("_target_: nnexp.data.images.digits.Digits\nroot: ''\n")
    assert examine_overrides(["data=2024"], config_dir=tmp_path).config.choices.data == "2024"


@pytest.mark.parametrize("answer", ["true", "yes", "on", "True"])
def test_yes_and_on_are_true_as_in_yaml(answer):
    assert value_of(f"data.stratify={answer}", key="data.stratify") is True


MARKED = [
    ("optimizer.lr=0.1!", 17, "must be a number > 0"),
    ("trainer.epochs=(3)", 16, "must be a whole number >= 1"),
    ("model.hidden=[100;50]", 18, "must be a list like [a,b]"),
    ("+data.extra=a;b", 14, "'+data.extra=\"a;b\"'"),
    ("a.b[0]=3", 4, "expected key=value"),
]


@pytest.mark.parametrize(("override", "column", "expected"), MARKED)
def test_what_cannot_be_read_is_marked(override, column, expected):
    problem = problem_of(override)
    text, mark = problem.what.splitlines()[-2:]
    assert (problem.where, text.strip(), mark.index("^") - text.index(override[0]) + 1) == (
        override,
        override,
        column,
    )
    assert expected in problem.what


@pytest.mark.parametrize(
    ("override", "fixes"),
    [
        ("seed=1,2", ["add -m"]),
        ("model.hidden=100,50", ["add -m", "'model.hidden=[100,50]'"]),
        ("data.path=a, b.csv", ["add -m", "'data.path=\"a, b.csv\"'"]),
        (
            "data.target=größe,länge",
            ["add -m", "'data.target=[größe,länge]'", "'data.target=\"größe,länge\"'"],
        ),
        ("optimizer.lr=0,1", ["add -m", "optimizer.lr=0.1"]),
    ],
)
def test_several_values_are_a_sweep_a_list_or_one_text(override, fixes):
    problem = problem_of(override)
    assert problem.where == override
    assert "several values make a sweep" in problem.what
    assert all(fix in problem.what for fix in fixes)


@pytest.mark.parametrize(
    ("override", "fix"),
    [
        ("trainer.epochs=1e1", "fix: trainer.epochs=10"),
        ("model.hidden=64", "fix: 'model.hidden=[64]'"),
        ("optimizer.lr=[0.1]", "fix: optimizer.lr=0.1"),
        ("model.activation=ReLU", "did you mean relu?"),
    ],
)
def test_a_number_in_another_form_is_proposed_as_it_is_written(override, fix):
    assert fix in problem_of(override).what


def test_a_number_may_come_from_an_environment_variable(monkeypatch):
    monkeypatch.setenv("MYSEED", "7")
    settings = build(compose([*TABLE, "seed=${oc.env:MYSEED}", "optimizer.lr=${oc.decode:${oc.env:LR,0.5}}"]))
    assert (settings.values["seed"], settings.values["optimizer"]["lr"]) == (7, 0.5)
    assert value_of("data.target=${oc.env:MYSEED}") == "7"
    assert problem_of("seed=${oc.env:NOWHERE}").what == "Environment variable 'NOWHERE' not found"


def test_the_store_may_be_below_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert value_of("tracking.uri=sqlite:///~/x.db", key="tracking.uri") == "sqlite:////home/me/x.db"
    assert value_of("tracking.uri=~/mlruns", key="tracking.uri") == "/home/me/mlruns"


def test_the_key_of_an_unreadable_override_is_checked():
    assert "did you mean optimizer.lr?" in problem_of("optimizer.lrr=0.1!").what


def test_a_key_without_a_value_is_described():
    assert (
        "a value is missing after optimizer.lr=; it must be a number > 0" in problem_of("optimizer.lr").what
    )


def test_a_path_cut_by_a_space_is_put_together():
    assert "'data.path=\"my wine.csv\"'" in problem_of("data.path=my", "wine.csv").what


def test_text_keeps_interpolations():
    name = value_of("tracking.run_name=try (${seed}) #${oc.env:HOME}", key="tracking.run_name")
    assert name.startswith("try (0) #/")


@pytest.mark.parametrize("text", ["a${b.csv", "${b", "'\\${seed}'"])
def test_a_literal_beginning_of_an_interpolation_is_refused(text):
    assert "must not hold ${" in problem_of(f"tracking.run_name={text}").what


def test_an_unknown_interpolation_proposes_the_environment_variable(monkeypatch):
    monkeypatch.setenv("MYDATA", "/x")
    assert "${oc.env:MYDATA}" in problem_of("data.path=${MYDATA}/a.csv").what
