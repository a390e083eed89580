"""A recorded configuration as a preset and as a command: both compose to the same configuration."""

import shlex

import pytest

from nnexp import compose
from nnexp.config.build import build
from nnexp.config.naming import config_hash
from nnexp.config.preset import preset_of

METRIC = """
from nnexp.metrics.metric import Metric

class Own(Metric):
    def __call__(self, predictions):
        return 1.0
"""
SLOW = "_target_: nnexp.optim.optimizers.SGD\nlr: 0.001\n"
LOCAL = "# @package _global_\ntrainer:\n  epochs: 4\n"
TABLE = "a,b,y\n" + "".join(f"{n},{n % 7},{'uv'[n % 2]}\n" for n in range(60))


def recorded(*overrides, **options):
    return build(compose(overrides, **options)).values


def hash_of_preset(preset, folder):
    path = folder / "experiment" / "best.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(preset.yaml, encoding="utf-8")
    return config_hash(recorded("experiment=best", config_dir=folder))


@pytest.mark.parametrize(
    "overrides",
    [
        "data=digits optimizer=momentum optimizer.lr=1e-05 seed=3 model.hidden=[128,64] averaging=ema",
        "experiment=he_vs_xavier init=xavier_normal data=digits",
        "data=table 'data.path=\"a, b.csv\"' data.target=y 'data.drop=[b]'",
    ],
)
def test_preset_and_command_compose_to_the_same_configuration(overrides, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a, b.csv").write_text(TABLE)
    values = recorded(*shlex.split(overrides))
    preset = preset_of(values, note="the best of 24")
    program, *typed = shlex.split(preset.command)
    assert program == "nnexp"
    assert tuple(typed) == preset.overrides
    assert not {"trainer.batch_size=128", "loss=softmax_cross_entropy"} & {*typed}  # the defaults
    assert config_hash(recorded(*typed)) == config_hash(values)
    assert hash_of_preset(preset, tmp_path) == config_hash(values)


def test_own_groups_metrics_and_packages_are_kept(tmp_path, monkeypatch):
    name = f"package_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(METRIC)
    monkeypatch.syspath_prepend(tmp_path)
    conf = tmp_path / "my conf"
    for path, text in {"optimizer/slow.yaml": SLOW, "local/default.yaml": LOCAL}.items():
        (conf / path).parent.mkdir(parents=True)
        (conf / path).write_text(text)
    overrides = ["data=digits", "optimizer=slow", f"plugins=[{name}]", f"+metrics.own._target_={name}.Own"]
    values = recorded(*overrides, config_dir=conf)
    assert preset_of(values, config_dir=conf) is None  # the package is not allowed
    preset = preset_of(values, config_dir=conf, plugins=[name])
    assert preset.command.startswith(
        f"nnexp --config-dir '{conf}' 'plugins=[{name}]' data=digits optimizer=slow "
    )
    again = recorded(*preset.overrides, config_dir=conf)
    assert (again["metrics"], config_hash(again)) == (values["metrics"], config_hash(values))
    assert "epochs: 4" in preset.yaml  # of the defaults on this machine: other machines have others
    assert f"- {name}" in preset.yaml
    assert hash_of_preset(preset, conf) == config_hash(values)


def test_what_no_overrides_make_has_no_preset():
    values = recorded("data=digits")
    assert preset_of(values | {"choices": values["choices"] | {"optimizer": "custom"}}) is None
    assert preset_of(values | {"choices": values["choices"] | {"optimizer": "gone"}}) is None
    assert preset_of({key: value for key, value in values.items() if key != "choices"}) is None
    assert preset_of({key: value for key, value in values.items() if key != "averaging"}) is None
