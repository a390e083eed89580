import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from nnexp.__main__ import main
from nnexp.cli.commands.lr_find import find, run_command
from nnexp.config import build, compose
from nnexp.config.compose import CONF
from nnexp.experiment.components import build_components
from nnexp.plots.lr_range import lr_curve

OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "data")


def lr_find(*arguments):
    return main(["lr-find", "data=digits", *arguments])


def suggestion(output):
    return float(re.search(r"^Suggestion: optimizer\.lr=(\S+)$", output, re.MULTILINE)[1])


def test_lr_find_prints_a_table_a_plot_and_the_command_of_a_run_and_writes_nothing_else(alone, capsys):
    overrides = ["optimizer=momentum", "model.hidden=[30,20]"]
    assert lr_find(*overrides, "optimizer.lr=0.3") == 0
    output = capsys.readouterr().out
    rates = [float(line.split()[0]) for line in output.splitlines()[1:8]]
    assert rates == [10.0**power for power in range(-6, 1)]
    assert f"\n{alone / 'lr-find.png'}\n" in output
    lr = suggestion(output)
    command = shlex.split(output.splitlines()[-1])
    assert command == ["nnexp", "data=digits", *overrides, f"optimizer.lr={lr:g}"]
    assert 0.03 < lr < 0.6
    assert files(alone) == ["lr-find.png"]
    assert (alone / "lr-find.png").stat().st_size > 10_000


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_suggestion_trains_with_every_optimizer(optimizer):
    overrides = ["data=digits", f"optimizer={optimizer}"]
    lr = find(build(compose(overrides)), 1e-6, 10, 300).suggestion
    config = compose([*overrides, f"optimizer.lr={lr}", "schedule=constant", "trainer.epochs=3"])
    *_, (record, _) = build_components(build(config)).trainer.epochs()
    assert record.val_score > 0.85


def test_the_suggestion_depends_on_neither_schedule_nor_averaging_nor_learning_rate(capsys):
    suggestions = set()
    for overrides in ([], ["schedule=one_cycle"], ["averaging=lookahead"], ["optimizer.lr=123"]):
        assert lr_find("seed=3", *overrides) == 0
        suggestions.add(suggestion(capsys.readouterr().out))
    assert len(suggestions) == 1


def test_a_loss_that_never_falls_exits_with_1_after_the_plot(alone, capsys):
    assert lr_find("optimizer=sgd", "--high", "1e-4", "--out", "flat.svg") == 1
    output = capsys.readouterr()
    assert "the loss never falls" in output.err
    assert "larger --high" in output.err
    assert "Suggestion" not in output.out
    assert (alone / "flat.svg").exists()
    assert lr_find("optimizer=sgd", "--low", "1e8", "--high", "1e30") == 1
    assert "smaller --low" in capsys.readouterr().err


def test_a_range_that_ends_too_early_is_reported(capsys):
    assert lr_find("optimizer=momentum", "--high", "0.03") == 0
    assert "still falls at 0.03" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["optimizer=adm"], "did you mean adam?"),
        (["optimizer.lr=-1", "init=hee_normal"], "2 configuration errors:"),
        (["optimizer.lr=1,2"], "several values make a sweep"),
        (["loss=huber"], "is for a regression"),
        (["--config-dir", "nowhere"], "no such folder"),
        (["--out", "nowhere/lr-find.png"], "nowhere"),
        (["model.hidden=[1000000000000]"], "training needs about "),
        (["--low", "0"], "--low 0 "),
        (["--low", "nan"], "--low nan "),
        (["--low", "1", "--high", "1"], "--low 1 --high 1"),
        (["--high", "inf"], "--high inf"),
        (["--steps", "99"], "--steps 99"),
        (["--out", "lr-find.xyz"], "lr-find.xyz"),
    ],
    ids=str,
)
def test_an_error_is_one_message_and_nothing_is_written(arguments, message, alone, capsys):
    assert lr_find(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("nnexp: ")
    assert message in error
    assert files(alone) == []


def test_the_command_replaces_the_learning_rate_and_quotes_for_the_shell():
    overrides = ["model.hidden=[3,4]", "++optimizer.lr=1", "optimizer.lr=2", "optimizer.lr_decay=0.1"]
    expected = "nnexp --config-dir 'my conf' 'model.hidden=[3,4]' optimizer.lr_decay=0.1 optimizer.lr=0.01"
    assert run_command(overrides, "0.01", "my conf") == expected


@pytest.mark.parametrize("suggestion", [None, 1e-6, 0.01, 10.0], ids=str)
def test_the_plot_names_the_suggestion(suggestion, tmp_path):
    lr, loss = np.geomspace(1e-6, 10, 50), np.append(np.linspace(2, 1, 49), 1e30)
    bounds = None if suggestion is None else (1e-6, suggestion)
    figure = lr_curve(lr, loss, loss, "digits", suggestion, bounds)
    figure.savefig(tmp_path / "curve.png")
    (axes,) = figure.axes
    assert axes.get_ylim() == (0, 2.5)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    suggestions = [label for label in labels if label.startswith("suggestion")]
    assert suggestions == ([] if suggestion is None else [f"suggestion: {suggestion:g}"])


def test_drawing_is_imported_late():
    imports = "import sys, nnexp.cli.commands.lr_find"
    code = f"{imports}; sys.exit('matplotlib' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
