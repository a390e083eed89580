"""Progress displays on a terminal."""

import io

import pytest
from rich.console import Console

from nnexp import compose, run
from nnexp.cli.display import LineDisplay, TerminalDisplay
from nnexp.config import build
from nnexp.experiment.result import Result
from nnexp.messages import hydra_override as override
from nnexp.tracking.upload.client import Outcome


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "overrides",
    [[], ["trainer.evaluate_every=4"], ["trainer.evaluate_every=1000"], ["trainer.epochs=60"]],
    ids=str,
)
def test_evaluations_are_shown_at_most_so_many_and_the_last_always(overrides):
    shown = Screen()
    console = Console(file=shown, force_terminal=True, width=150, highlight=False, no_color=True)
    config = compose(["data=digits", "trainer.epochs=3", "tracking=none", *overrides])
    result = run(config, display=TerminalDisplay(console))
    lines = [line for line in shown.getvalue().splitlines() if "examples/s" in line]
    assert 1 <= len(lines) <= min(27, len(result.history))
    assert f" {result.history[-1].at}/" in lines[-1]


def test_brackets_in_a_message_are_no_markup():
    shown = io.StringIO()
    TerminalDisplay(Console(file=shown, width=150)).lines([("data", "data.drop=[a]")])
    assert "data.drop=[a]" in shown.getvalue()


def test_the_label_of_a_line_keeps_its_brackets(capsys):
    config = compose(["data=digits", "trainer.epochs=1", "tracking=none"])
    run(config, display=LineDisplay("#0 data.target=[a,b]"))
    assert "#0 data.target=[a,b] validation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("uri", "command"),
    [
        (None, "nnexp ui 00000000\n"),
        ("sqlite:///other store.db", "nnexp ui 00000000 --uri 'sqlite:///other store.db'\n"),
        ("http://host:5000", "nnexp ui 00000000 --uri http://host:5000\n"),
    ],
)
def test_the_hint_names_a_store_that_is_not_the_default_one(uri, command, tmp_path):
    settings = build(compose(["data=digits", override("tracking.uri", uri)]))
    page = io.StringIO()
    display = TerminalDisplay(Console(file=page, width=200))
    display.conclusion(settings, Result(tmp_path, None, ()), Outcome("0" * 32))
    assert page.getvalue().endswith(command)
