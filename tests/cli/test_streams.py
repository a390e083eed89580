"""Locales, encodings of the output, closed streams and settings of colours, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.plotless import PLOTLESS
from rich.console import Console

from nnexp.__main__ import main
from nnexp.run_folder import RunFolder

ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TRAIN = ("data=table", "data.path='größe.csv'", "data.target='Sorte ß'", "trainer.epochs=1", "tracking=none")
TRAIN += ("trainer.batch_size=16", "hydra.run.dir=run", "tracking.run_name='Lauf ä'")
ESCAPES = "\x1b["


@pytest.fixture
def table(alone):
    rows = [f"{i % 7},{'Äpfel' if i % 2 else '中文'}" for i in range(60)]
    (alone / "größe.csv").write_text("\n".join(["Länge,Sorte ß", *rows]), encoding="utf-8")


@pytest.fixture
def colors(monkeypatch):
    """Set variables; those that the program sets are deleted after the test."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def nnexp(*arguments, **environment):
    names = ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LANG", "LC_CTYPE")
    variables = {name: value for name, value in os.environ.items() if name not in names} | environment
    command = [*PLOTLESS, *arguments]
    return subprocess.run(command, check=False, env=variables, capture_output=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        (ASCII_LOCALE, r"gr\xf6\xdfe"),
        ({"LC_ALL": "C"}, "größe"),
        ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii"}, r"gr\xf6\xdfe"),
        ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "cp1252"}, "größe"),
    ],
    ids=["ASCII locale", "C locale", "ASCII output", "cp1252 output"],
)
def test_names_that_are_not_ascii_survive_in_every_locale(environment, shown, table, alone):
    done = nnexp(*TRAIN, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shown in done.stdout.decode(environment.get("PYTHONIOENCODING", "utf-8"))
    run = RunFolder(alone / "run")
    assert run.dataset["classes"] == ["Äpfel", "中文"]
    assert run.dataset["features"] == ["Länge"]
    assert run.entries()[0]["params"]["data.target"] == "Sorte ß"
    for name in ("config.yaml", "nnexp.log"):
        assert "größe" in (run / name).read_text(encoding="utf-8")
    assert json.loads((run / "environment.json").read_text(encoding="utf-8"))["command"].count("größe") == 1


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_run_needs_none_of_the_standard_streams(closed, alone):
    arguments = "data=digits trainer.epochs=1 tracking=none hydra.run.dir=run"
    command = f"exec '{sys.executable}' -m nnexp {arguments} {closed}"
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0
    assert RunFolder(alone / "run").entries()[-1]["status"] == "FINISHED"


def test_symbols_become_ascii_in_a_c_locale_and_names_do_not():
    code = "from nnexp.cli.streams import prepare_streams; prepare_streams(); print('1 ± 2 → größe …')"
    for variables in ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"PYTHONIOENCODING": "latin-1"}):
        done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, check=True)
        expected = {
            "C": "1 +/- 2 -> größe ~".encode(),
            "C.UTF-8": "1 ± 2 → größe …".encode(),
            None: "1 ± 2 -> größe ~".encode("latin-1"),
        }
        assert done.stdout.strip() == expected[variables.get("LC_ALL")]


def test_an_argument_that_is_not_text_is_one_message(alone):
    done = nnexp(b"data.path=gr\xf6.csv", LC_ALL="C.UTF-8")
    assert done.returncode == 2
    assert rb"expected arguments in UTF-8, got data.path=gr\xf6.csv" in done.stderr.replace(b"udcf6", b"xf6")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0", "CLICOLOR": "1"}, False),
    ],
    ids=str,
)
def test_a_log_has_colors_if_wanted_and_never_a_progress_bar(environment, colored, colors, capfd):
    for name, value in environment.items():
        colors.setenv(name, value)
    assert main(["data=digits", "trainer.epochs=2", "tracking=none"]) == 0
    shown = capfd.readouterr().out
    assert (ESCAPES in shown) == colored
    assert "\r" not in shown
    assert "\x1b[2K" not in shown
    assert "time left" not in shown
    assert sum("examples/s" in line for line in shown.splitlines()) == 2


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("CLICOLOR", "0")])
def test_colors_can_be_turned_off(variable, value, colors, capsys):
    colors.setenv(variable, value)
    assert main(["--version"]) == 0
    assert Console(force_terminal=True).no_color


@pytest.mark.parametrize(("width", "term"), [(40, "xterm"), (60, "dumb"), (200, "xterm-256color")])
def test_a_terminal_of_any_width_and_kind_shows_the_run(width, term, alone):
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    arguments = ["data=digits", "trainer.epochs=3", "tracking=none"]
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    command = [*PLOTLESS, *arguments]
    process = subprocess.Popen(
        command, env=variables | {"TERM": term, "LC_ALL": "C"}, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    shown.decode("ascii")
    assert (ESCAPES.encode() in shown) == (term != "dumb")
    assert shown.count(b"examples/s") == 3
    assert str(Path("outputs")).encode() in shown


@pytest.mark.parametrize("typed", ["utf-8", "latin-1"])
def test_arguments_in_either_encoding_of_a_latin_1_locale(typed, table, alone):
    make = ["localedef", "--no-archive", "-i", "de_DE", "-f", "ISO-8859-1", str(alone / "de_DE.ISO-8859-1")]
    if not shutil.which("localedef") or subprocess.run(make, check=False, capture_output=True).returncode:
        pytest.skip("needs localedef and the definition of de_DE: package locales")
    arguments = [argument.encode(typed) for argument in TRAIN]
    done = nnexp(*arguments, LC_ALL="de_DE.ISO-8859-1", LOCPATH=str(alone))
    assert (done.returncode, done.stderr) == (0, b"")
    assert "größe" in done.stdout.decode("latin-1")
    assert RunFolder(alone / "run").entries()[0]["params"]["data.target"] == "Sorte ß"
