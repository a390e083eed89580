"""The README tells the truth: its commands compose, its transcript is what is printed, its files are there, its plug-in works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nnexp.cli.help import COMMANDS, EXAMPLES
from nnexp.config.compose import examine_overrides

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


README_COMMANDS = [
    shlex.split(line, comments=True)
    for block in blocks("bash")
    for line in block.splitlines()
    if line.startswith("nnexp")
]
README_COMMANDS += [shlex.split(example) for example in EXAMPLES]


@pytest.mark.parametrize("command", README_COMMANDS, ids=" ".join)
def test_every_command_composes(command):
    words = command[1:]
    if words and (words[0] in COMMANDS or words[0] == "--help" or "--config-dir" in words):
        return
    overrides = [word for word in words if not word.startswith("-") and word != "job"]
    problems = examine_overrides(overrides, sweep="-m" in words).problems
    assert problems == []


def test_ci_runs_the_test_command_to_the_letter():
    (command,) = (
        line for block in blocks("bash") for line in block.splitlines() if line.endswith("pytest -q")
    )
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_transcript_of_mistakes_is_what_is_printed():
    (transcript,) = blocks("console")
    command, _, expected = transcript.partition("\n")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)[1:]], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, expected)


def test_the_optimizer_of_ones_own_works_without_touching_nnexp(alone):
    example = README[README.index("## Add your own") :]
    (alone / "mine.py").write_text(re.search(r"```python\n(.*?)```", example, re.DOTALL)[1])
    (alone / "conf" / "optimizer").mkdir(parents=True)
    (alone / "conf" / "optimizer" / "sign.yaml").write_text(
        re.search(r"```yaml\n(.*?)```", example, re.DOTALL)[1]
    )
    command = shlex.split(re.search(r"```bash\n(.*?)```", example, re.DOTALL)[1])
    command = [sys.executable, "-m", *command, "tracking=none", "trainer.epochs=20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"best +validation ([\d.]+)%", done.stdout)[1]) > 90


def test_the_architecture_of_ones_own_trains(alone):
    example = README[README.index("## Any architecture") :]
    (alone / "conf" / "model").mkdir(parents=True)
    (alone / "conf" / "model" / "tiny.yaml").write_text(
        re.search(r"```yaml\n(.*?)```", example, re.DOTALL)[1]
    )
    command = [
        sys.executable,
        "-m",
        *shlex.split(re.search(r"```bash\n(.*?)```", example, re.DOTALL)[1]),
        "tracking=none",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"best +validation ([\d.]+)%", done.stdout)[1]) > 90


def test_the_file_tree_names_what_there_is():
    tree = README[README.index("## Where things are") :]
    names = re.findall(
        r"(?:^|[ ;])([a-z_0-9]+(?:\.py|\.yaml|/))",
        re.search(r"```\n(.*?)```", tree, re.DOTALL)[1],
        re.MULTILINE,
    )
    assert len(names) > 20
    for name in names:
        found = [path for path in ROOT.rglob(name.rstrip("/")) if ".venv" not in path.parts]
        assert found, name


def test_pictures_are_there():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).stat().st_size > 10_000
