"""Plug-ins beyond the examples of the README: keys, folders of data, metrics in tables, errors."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from fixtures.third_party import accepts_warnings

import nnexp
from nnexp.annotated_keys import AnnotatedKeys
from nnexp.cli.commands import reproduce, runs
from nnexp.runs.compare.comparison import compare
from nnexp.runs.query import Runs

SOURCE = """
from pathlib import Path
import numpy as np
from nnexp.data.dataset import Dataset, Source


class Folder(Source):
    path: str

    def load(self):
        x = np.load(Path(self.path) / "x.npy")
        y = (x[:, 0] > 0).astype(int)
        return Dataset("folder", x[50:], y[50:], x[:50], y[:50], shape=(2,), classes=("no", "yes"))
"""
METRICS = """
import numpy as np
from nnexp.metrics.metric import Metric


class Misses(Metric):
    direction = "lower"

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, predictions):
        return self.weight * np.mean(predictions.true != predictions.predicted)


class Undefined(Metric):
    def __call__(self, predictions):
        return float("nan")
"""


@pytest.fixture
def plugins(alone, monkeypatch):
    """The modules of a plug-in in the working directory, each with a name of its own for each test."""
    name = f"plugin_{alone.name}"
    (alone / f"{name}.py").write_text(SOURCE + METRICS)
    np.save(alone / "x.npy", np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32))
    monkeypatch.syspath_prepend(alone)
    return name


def conf(alone, path, text):
    file = alone / "conf" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_annotations_of_a_component_are_its_keys_decorated_or_not():
    class Plain(AnnotatedKeys):
        size: int = 3
        names: list[str] = field(default_factory=list)
        fixed: bool = field(default=False, init=False)

    @dataclass(kw_only=True)
    class Decorated(Plain):
        more: list[int] = field(default_factory=lambda: [1])

    class Own(Plain):
        def __init__(self, size: int) -> None:
            self.size = size + 1

    assert (Plain(size=4).size, Plain().names, Plain().names is Plain().names) == (4, [], False)
    assert (Plain().fixed, Decorated().fixed) == (False, False)
    assert (Decorated(size=5, more=[2]).more, Decorated().more, Decorated().size) == ([2], [1], 3)
    assert Own(1).size == 2


def test_a_data_set_whose_path_is_a_folder_has_default_keys_and_is_reproduced_and_predicts(plugins, alone):
    conf(alone, "data/folder.yaml", f"_target_: {plugins}.Folder\npath: .\n")
    command = ["data=folder", f"plugins=[{plugins}]", "data.limit=40", "trainer.epochs=2", "tracking=none"]
    words = [sys.executable, "-m", "nnexp", "--config-dir", "conf", *command, "hydra.run.dir=first"]
    done = subprocess.run([*words, f"data.path={alone}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "40 training, 30 validation, 50 test" in done.stdout
    assert reproduce.main(["first", f"plugins=[{plugins}]"]) == 0
    predicted = nnexp.predict("first", np.load("x.npy")[:50])
    test = nnexp.load("first").predictions["test"]
    np.testing.assert_array_equal(predicted["prediction"], test["predicted"])


@accepts_warnings
def test_an_own_metric_is_logged_compared_and_sorted_by_its_direction(plugins, store, capsys):
    conf(
        Path(),
        "metrics/own.yaml",
        f"misses: {{_target_: {plugins}.Misses}}\nundefined: {{_target_: {plugins}.Undefined}}\n",
    )
    for lr in (0.001, 0.1):
        overrides = [
            "data=digits",
            "metrics=own",
            f"plugins=[{plugins}]",
            "trainer.epochs=2",
            f"optimizer.lr={lr}",
        ]
        config = nnexp.compose([*overrides, "optimized_metric=best/val_misses"], config_dir="conf")
        result = nnexp.run(config, display="quiet")
        assert result.value == result.metrics["best/val_misses"]
        assert result.metrics["test/misses"] == pytest.approx(1 - result.metrics["test/accuracy"])
        history = result.history_frame()
        np.testing.assert_allclose(history["val/misses"], 1 - history["val/accuracy"])
        assert not [name for name in history if name.endswith("undefined")]
    assert runs.main(["--sort", "test/misses", "--columns", "optimizer.lr"]) == 0
    assert capsys.readouterr().out.split() == ["optimizer.lr", "0.1", "0.001"]
    (row,) = [row for row in compare(Runs().select()).metrics if row.name == "test/misses"]
    assert (row.direction, row.best) == ("lower", {0})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+metrics.loss._target_={}.Misses"], "loss is a metric of nnexp"),
        (["+metrics.a=3"], "of kind Metric"),
        (["+metrics.a._target_={}.Folder"], "must be a kind of nnexp.metrics.metric.Metric"),
        (["+metrics.a._target_={}.Misses", "+metrics.a.wieght=2"], "did you mean metrics.a.weight?"),
        (["+metrics.a._target_={}.Misses", "optimized_metric=best/val_b"], "did you mean best/val_a?"),
        (["+metrics.a._target_=other.Misses"], "fix: 'plugins=[{},other]'"),
    ],
    ids=["name", "number", "kind", "key", "optimized", "package"],
)
def test_errors_of_an_own_metric(plugins, overrides, message):
    with pytest.raises(nnexp.UserError) as caught:
        nnexp.compose(["data=digits", f"plugins=[{plugins}]", *(text.format(plugins) for text in overrides)])
    assert message.format(plugins) in str(caught.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import numpy\nx = 1 / 0\n", "ZeroDivisionError: division by zero (broken_0.py, line 2)"),
        ("x = = 1\n", "SyntaxError: invalid syntax (broken_1.py, line 1)"),
        ("import nowhere_to_be_seen\n", "No module named 'nowhere_to_be_seen'"),
        ("", "has no attribute 'Snake'"),
    ],
    ids=["exception", "syntax", "import", "name"],
)
def test_a_plugin_that_cannot_be_imported_is_one_message_with_its_line(
    alone, code, message, request, monkeypatch
):
    name = f"broken_{['exception', 'syntax', 'import', 'name'].index(request.node.callspec.id)}"
    (alone / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(alone)
    activation = f"model.activation={{_target_: {name}.Snake}}"
    with pytest.raises(nnexp.UserError) as caught:
        nnexp.compose(["data=digits", f"plugins=[{name}]", activation])
    assert f"cannot be imported: {message}" in str(caught.value) or message in str(caught.value)


def test_a_configuration_from_before_own_metrics_still_runs(alone):
    config = nnexp.compose(["data=digits", "trainer.epochs=1", "tracking=none"])
    del config["metrics"]
    assert nnexp.run(config, display="quiet").status == "FINISHED"
