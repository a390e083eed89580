"""The README is true: commands compose, the transcript is printed so, files exist, examples run."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fixtures.plotless import PLOTLESS
from fixtures.third_party import accepts_warnings

from nnexp.cli.help import COMMANDS, EXAMPLES
from nnexp.config.compose import examine_overrides

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


LINES = [line for block in blocks("bash") for line in block.splitlines()]
README_COMMANDS = [shlex.split(line, comments=True) for line in LINES if line.startswith("nnexp")]
README_COMMANDS += [shlex.split(example) for example in EXAMPLES]


@pytest.mark.parametrize("command", README_COMMANDS, ids=" ".join)
def test_every_command_composes(command):
    words = command[1:]
    own = "--config-dir" in words or any(word.startswith("plugins=") for word in words)
    if own or (words and (words[0] in COMMANDS or words[0] == "--help")):
        return
    overrides = [word for word in words if not word.startswith("-") and word != "job"]
    assert examine_overrides(overrides, sweep="-m" in words).problems == []


def test_ci_runs_the_test_command_to_the_letter():
    (command,) = (line for line in LINES if line.endswith("pytest -q"))
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def run(command, *overrides):
    program, *words = shlex.split(command)
    assert program == "nnexp"
    command = [*PLOTLESS, *words, *overrides]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_transcript_is_what_is_printed():
    (transcript,) = blocks("console")
    command, _, expected = transcript.removeprefix("$ ").partition("\n")
    done = run(command)
    assert (done.returncode, done.stderr) == (2, expected)


def validation_accuracy(example, *overrides):
    done = run(blocks("bash", example)[0], "tracking=none", *overrides)
    assert done.returncode == 0, done.stderr
    return float(re.search(r"best +validation ([\d.]+)%", done.stdout)[1])


def test_the_optimizer_of_the_user_runs(alone):
    example = README[README.index("## Add your own") :]
    (alone / "mine.py").write_text(blocks("python", example)[0])
    (alone / "conf" / "optimizer").mkdir(parents=True)
    (alone / "conf" / "optimizer" / "sign.yaml").write_text(blocks("yaml", example)[0])
    assert validation_accuracy(example, "trainer.epochs=20") > 90


PLUGINS = re.findall(r"<details><summary>(An? .*?)</summary>\n(.*?)</details>", README, re.DOTALL)


@pytest.mark.parametrize(("kind", "example"), PLUGINS, ids=[kind for kind, _ in PLUGINS])
def test_each_kind_of_plugin_runs_is_reproduced_and_predicts(alone, kind, example):
    for language in ("python", "yaml"):
        for block in blocks(language, example):
            path = alone / block.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
    (command,) = blocks("bash", example)
    first = run(command.strip(), "tracking=none", "trainer.epochs=12", "hydra.run.dir=first")
    assert first.returncode == 0, first.stderr
    result = re.search(r"best +validation ([\d.]+)%", first.stdout)
    assert float(result[1]) > 85
    (plugins,) = re.findall(r"plugins=\S+", command)
    again = (
        run("nnexp reproduce first", plugins, "--config-dir", "conf") if (alone / "conf").is_dir() else None
    )
    again = again or run("nnexp reproduce first", plugins)
    assert "identical" in again.stdout, again.stderr
    x = np.zeros(
        (3, 2) if kind == "A data set" else (3, 8, 8), np.float32 if kind == "A data set" else np.uint8
    )
    np.save("x.npy", x)
    predicted = run("nnexp predict first x.npy")
    assert predicted.returncode == 0, predicted.stderr
    metrics = [
        json.loads(line).get("values", {})
        for line in (alone / "first/journal.jsonl").read_text().splitlines()
    ]
    if kind == "A metric":
        names = {name for values in metrics for name in values if name.endswith("worst_recall")}
        assert names == {"val/worst_recall", "best/val_worst_recall", "test/worst_recall"}


def test_the_network_of_the_user_trains(alone):
    example = README[README.index("## Your own network") :]
    (alone / "conf" / "model").mkdir(parents=True)
    (alone / "conf" / "model" / "tiny.yaml").write_text(blocks("yaml", example)[0])
    assert validation_accuracy(example) > 90


@accepts_warnings
def test_the_notebook_runs_and_its_results_are_what_it_calls_them(store):
    names = {}
    code = blocks("python", README[README.index("## In a notebook") :])[0]
    for line in code.splitlines():
        exec(line, names)
    assert names["result"].epochs == names["run"].config.trainer.epochs == 3
    assert names["run"].config.optimizer.lr == 0.01
    assert len(eval(code.splitlines()[-1], names)) == 1797


def test_the_project_layout_names_existing_files():
    (tree, *_) = blocks("", README[README.index("## Project layout") :])
    names = re.findall(r"(?:^|[ ;])([a-z_0-9]+(?:\.py|\.yaml|/))", tree, re.MULTILINE)
    assert len(names) > 20
    for name in names:
        assert any(".venv" not in path.parts for path in ROOT.rglob(name.rstrip("/"))), name


def test_images_and_linked_files_exist():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).stat().st_size > 10_000
    assert (ROOT / ".github" / "CONTRIBUTING.md").is_file()
