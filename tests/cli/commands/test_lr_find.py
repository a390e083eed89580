import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from nnexp.cli.commands.lr_find import command, find, main
from nnexp.cli.help import COMMANDS
from nnexp.config import build, compose
from nnexp.config.compose import CONF
from nnexp.experiment.components import build_components
from nnexp.plots.lr_range import lr_curve

OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))


def left(folder):
    """The files in a folder, but for the data that were read."""
    return sorted(path.name for path in folder.iterdir() if path.name != "data")


def lr_find(*arguments):
    return main(["data=digits", *arguments])


def suggested(output):
    return float(re.search(r"^Suggestion: optimizer\.lr=(\S+)$", output, re.MULTILINE)[1])


def test_every_verb_has_a_module_that_helps():
    for verb in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "nnexp", verb, "--help"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert f"nnexp {verb}" in done.stdout


def test_lr_find_prints_a_table_the_picture_and_the_run_to_make_and_leaves_nothing_else(alone, capsys):
    assert lr_find("optimizer=momentum", "model.hidden=[30,20]", "optimizer.lr=0.3") == 0
    output = capsys.readouterr().out
    assert [float(line.split()[0]) for line in output.splitlines()[1:8]] == [
        10.0**power for power in range(-6, 1)
    ]
    assert f"\n{alone / 'lr-find.png'}\n" in output
    lr = suggested(output)
    words = shlex.split(output.splitlines()[-1])
    assert words == [
        "nnexp",
        "data=digits",
        "optimizer=momentum",
        "model.hidden=[30,20]",
        f"optimizer.lr={lr:g}",
    ]
    assert 0.03 < lr < 0.6
    assert left(alone) == ["lr-find.png"]
    assert (alone / "lr-find.png").stat().st_size > 10_000


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_suggestion_learns_with_every_optimizer(optimizer):
    asked = ["data=digits", f"optimizer={optimizer}"]
    lr = find(build(compose(asked)), 1e-6, 10, 300).suggestion
    *_, (last, _) = build_components(
        build(compose([*asked, f"optimizer.lr={lr}", "schedule=constant", "trainer.epochs=3"]))
    ).trainer.epochs()
    assert last.val_score > 0.85


def test_the_same_seed_gives_the_same_suggestion_whatever_the_schedule_the_average_and_the_learning_rate(
    capsys,
):
    found = set()
    for changed in ("seed=3", "schedule=one_cycle", "averaging=lookahead", "optimizer.lr=123"):
        assert lr_find("seed=3", *([changed] if changed != "seed=3" else [])) == 0
        found.add(suggested(capsys.readouterr().out))
    assert len(found) == 1


def test_a_loss_that_never_falls_is_said_with_exit_code_1_and_drawn(alone, capsys):
    assert lr_find("optimizer=sgd", "--high", "1e-4", "--out", "flat.svg") == 1
    seen = capsys.readouterr()
    assert "the loss never falls" in seen.err
    assert "larger --high" in seen.err
    assert "Suggestion" not in seen.out
    assert (alone / "flat.svg").exists()
    assert lr_find("optimizer=sgd", "--low", "1e8", "--high", "1e30") == 1
    assert "smaller --low" in capsys.readouterr().err


def test_a_range_that_ends_too_early_is_said(capsys):
    assert lr_find("optimizer=momentum", "--high", "0.03") == 0
    assert "still falls at 0.03" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["optimizer=adm"], "did you mean adam?"),
        (["optimizer.lr=-1", "init=hee_normal"], "2 configuration errors:"),
        (["optimizer.lr=1,2"], "several values make a sweep"),
        (["loss=huber"], "is for a regression"),
        (["data=mnist", "data.mirrors=[http://127.0.0.1:1]"], "Put these four files into"),
        (["--config-dir", "nowhere"], "no such folder"),
        (["--out", "nowhere/lr-find.png"], "nowhere"),
        (["model.hidden=[1000000000000]"], "out of memory"),
    ],
    ids=str,
)
def test_mistakes_are_told_as_by_a_run(arguments, says, alone, capsys):
    assert lr_find(*arguments) == 2
    seen = capsys.readouterr()
    assert "nnexp: " in seen.err
    assert says in seen.err
    assert left(alone) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--low", "0"],
        ["--low", "-1"],
        ["--low", "nan"],
        ["--low", "1", "--high", "1"],
        ["--low", "2", "--high", "1"],
        ["--high", "inf"],
        ["--steps", "99"],
        ["--out", "lr-find.xyz"],
    ],
    ids=" ".join,
)
def test_impossible_ranges_are_refused_with_their_value(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        lr_find(*arguments)
    assert ended.value.code == 2
    assert " ".join(arguments) in capsys.readouterr().err


def test_the_command_replaces_the_learning_rate_and_quotes_for_the_shell():
    asked = ["model.hidden=[3,4]", "++optimizer.lr=1", "optimizer.lr=2", "optimizer.lr_decay=0.1"]
    assert (
        command(asked, "0.01", "my conf")
        == "nnexp --config-dir 'my conf' 'model.hidden=[3,4]' optimizer.lr_decay=0.1 optimizer.lr=0.01"
    )


@pytest.mark.parametrize("suggestion", [None, 1e-6, 0.01, 10.0], ids=str)
def test_the_picture_names_the_suggestion_inside_its_frame(suggestion, tmp_path):
    lr, loss = np.geomspace(1e-6, 10, 50), np.append(np.linspace(2, 1, 49), 1e30)
    figure = lr_curve(
        lr, loss, loss, "digits", suggestion, None if suggestion is None else (1e-6, suggestion)
    )
    figure.savefig(tmp_path / "curve.png")
    (axes,) = figure.axes
    assert axes.get_ylim() == (0, 2.5)
    assert [text.get_text() for text in axes.texts] == ([] if suggestion is None else [f"{suggestion:g}"])
    for text in axes.texts:
        frame, box = axes.get_window_extent(), text.get_window_extent()
        assert frame.x0 < box.x0 < box.x1 < frame.x1


def test_drawing_is_imported_late():
    code = "import sys, nnexp.cli.commands.lr_find; sys.exit('matplotlib' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
