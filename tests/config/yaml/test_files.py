"""A slip in a YAML file is reported with file, line and remedy; what is typed as text is text."""

from pathlib import Path

import pytest

from nnexp.config import ConfigError, build
from nnexp.config.compose import examine_overrides

SGD = "_target_: nnexp.optim.optimizers.SGD\n"
TOP = "# @package _global_\n"
OPTIMIZER = "optimizer/mine.yaml"
PRESET = "experiment/mine.yaml"


def examined(files, **options):
    for name, content in files.items():
        path = Path("conf") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    choices = [
        f"{group}=mine" for group in ("optimizer", "experiment") if any(group in name for name in files)
    ]
    return examine_overrides(["data=digits", *choices], config_dir="conf", **options)


def message(name, content, **options):
    try:
        return "\n".join(map(str, examined({name: content}, **options).problems))
    except ConfigError as error:
        return str(error)


SLIPS = [
    (OPTIMIZER, f"{SGD}lr:\t0.1\n\tweight_decay: 0\n", 2, "a tab"),
    (OPTIMIZER, f"{SGD}\tlr: 0.1\n", 2, "a tab"),
    (OPTIMIZER, f"{SGD}lr: 0.1\nweight_decay: 0\nlr: 0.2\n", 4, "the key lr is there already, in line 2"),
    (OPTIMIZER, f"{SGD}# größe\n".encode("latin1"), 2, "not UTF-8: the byte 0xf6"),
    (OPTIMIZER, f"{SGD}lr: 0.1\nweight_dekay: 0.9\n", 3, "no such key; did you mean"),
    (OPTIMIZER, f"{SGD}lr: [0.1, 0.2]\n", 2, "must be a number > 0"),
    (OPTIMIZER, f"{SGD}lr: fast\n", 2, "must be a number > 0"),
    (OPTIMIZER, f"{SGD}lr: 0,1\n", 2, "fix: optimizer.lr=0.1"),
    (OPTIMIZER, f"{SGD}lr: 0.1\n  weight_decay: 0\n", 3, "indented differently"),
    (OPTIMIZER, f"{SGD} lr: 0.1\n", 2, "indented differently"),
    (OPTIMIZER, f"{SGD}lr: [0.1\n", 2, "a bracket is not closed"),
    (OPTIMIZER, f"{SGD}lr: 0.1\n---\nlr: 0.2\n", 3, "a single document"),
    (OPTIMIZER, f"{SGD}lr: -1\r\n", 2, "must be a number > 0"),
    (OPTIMIZER, f"{SGD}lr: ${{rate}}\n", 2, "'rate' not found"),
    (OPTIMIZER, f"{SGD}lr: ${{rate\n", 2, "begins an interpolation"),
    (OPTIMIZER, SGD.replace("SGD", "SDG"), 1, "no attribute 'SDG'"),
    (OPTIMIZER, "lr: 0.1\n", 1, "its file must set _target_"),
    (OPTIMIZER, "just text\n", 1, "expected key: value, got text"),
    (OPTIMIZER, "- a\n- b\n", 1, "expected key: value, got a list"),
    (OPTIMIZER, f"{SGD}? [a, b]\n: 1\n", 2, "expected key: value"),
    (PRESET, f"{TOP}tracking:\n  run_name: a: b\n", 3, "text with a colon needs quotes"),
    (PRESET, f'{TOP}tracking:\n  run_name: "abc\n', 3, "a quote is not closed"),
    (PRESET, f"{TOP}tracking:\n  run_name: %x\n", 3, "text that begins with % needs quotes"),
    (PRESET, f"{TOP}tracking:\n  run_name: *x\n", 3, "text that begins with * needs quotes"),
    (PRESET, f"{TOP}tracking:\n  run_name: !x\n", 3, "text that begins with ! needs quotes"),
    (PRESET, f"{TOP}tracking:\n  experiment:\n", 3, "must be text that is not empty"),
    (PRESET, f"{TOP}seed 3\ntrainer:\n  epochs: 2\n", 3, "the line above has no colon: seed 3"),
    (PRESET, f"{TOP}seed:3\n", 2, "expected key: value, got text"),
    (PRESET, f"{TOP}model:\n  hidden: 128\n", 3, "must be a list like [a,b]"),
    (PRESET, "seed: 3\n", 1, "begin the YAML file with the line # @package _global_"),
    (PRESET, "# @package global\nseed: 3\n", 2, "begin the YAML file with the line # @package _global_"),
    (PRESET, f"{TOP}defaults:\n  - override /optimizer: adamm\n", 3, "did you mean adam?"),
    (PRESET, f"{TOP}defaults:\n  - override /optimiser: sgd\n", 3, "did you mean optimizer?"),
    (PRESET, f"{TOP}defaults:\n  - override optimizer: sgd\n", 3, "/optimizer in place of optimizer"),
    (PRESET, f"{TOP}defaults:\n  - /optimizer: sgd\n", 3, "fix: - override /optimizer: sgd"),
    (PRESET, f"{TOP}defaults:\n  - override /optimizer:sgd\n", 3, "a space after the colon"),
]


@pytest.mark.parametrize(("name", "content", "line", "problem"), SLIPS)
def test_a_slip_is_reported_with_its_file_and_line(name, content, line, problem, alone):
    text = message(name, content)
    assert f"conf/{name}, line {line}" in text
    assert problem in text


def test_an_empty_option_is_reported(alone):
    assert "optimizer=mine\n    its file must set _target_" in message(OPTIMIZER, "# nothing\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("optimizer/mine.yml", "rename it to mine.yaml"),
        ("optimizer/mine.yaml/x.yaml", "mine.yaml is a folder"),
    ],
)
def test_what_is_not_read_as_an_option_is_named(name, reason, alone):
    assert reason in message(name, SGD)


def test_a_primary_config_needs_a_defaults_list(alone):
    assert "  defaults:\n        - config\n" in message("mine.yaml", "seed: 3\n", config_name="mine")
    assert message("mine.yaml", "defaults: [config, _self_]\nseed: 3\n", config_name="mine") == ""
    assert "did you mean mine?" in message("mine.yaml", "", config_name="mime")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_with_and_without_a_mark(encoding, alone):
    assert message(OPTIMIZER, f"{SGD}# größe\n".encode(encoding)) == ""


@pytest.mark.parametrize(
    "text",
    ["007", "1e5", "1_000", "20260913", "yes", "True", "2024-01-31", "0x1F", "12:30", "1.50", "größe (1)"],
)
def test_a_text_in_a_file_is_what_was_typed(text, alone):
    content = f"{TOP}defaults:\n  - override /data: table\ntracking:\n  run_name: {text}\n"
    content += f"data:\n  path: a.csv\n  target: {text}\n  categorical: [{text}, other]\n"
    (Path("conf") / "experiment").mkdir(parents=True)
    (Path("conf") / PRESET).write_text(content, encoding="utf-8")
    values = build(examine_overrides(["experiment=mine"], config_dir="conf").config).values
    assert values["tracking"]["run_name"] == text
    assert values["data"]["target"] == text
    assert values["data"]["categorical"] == [text, "other"]


def test_numbers_in_a_file_stay_numbers(alone):
    content = f'{TOP}seed: 0x10\noptimizer:\n  lr: "1e-3"\nmodel:\n  hidden: [1_0, 20]\n'
    values = build(examined({PRESET: content}).config).values
    assert (values["seed"], values["optimizer"]["lr"], values["model"]["hidden"]) == (16, 0.001, [10, 20])


def test_an_override_of_a_value_in_a_file_has_no_line(alone):
    (Path("conf") / "optimizer").mkdir(parents=True)
    (Path("conf") / OPTIMIZER).write_text(f"{SGD}lr: 0.1\n")
    examination = examine_overrides(["data=digits", "optimizer=mine", "optimizer.lr=-1"], config_dir="conf")
    assert [problem.origin for problem in examination.problems] == [""]


def test_the_package_line_may_stand_below_another_comment(alone):
    assert examined({PRESET: f"# my preset\n\n{TOP}seed: 3\n"}).config.seed == 3


def test_anchors_and_merge_keys_are_yaml(alone):
    content = f"{TOP}trainer: &t\n  epochs: 3\ndiagnostics:\n  layers: false\n"
    assert examined({PRESET: content}).config.trainer.epochs == 3
