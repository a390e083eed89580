"""What a person at a real terminal sees."""

import io

import pytest
from rich.console import Console

from nnexp import compose, run
from nnexp.terminal import Terminal


@pytest.mark.parametrize("overrides", [[], ["trainer.evaluate_every=4"], ["trainer.evaluate_every=1000"], ["trainer.epochs=60"]], ids=str)
def test_evaluations_are_shown_at_most_so_many_and_the_last_always(overrides):
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=150, highlight=False, no_color=True)
    result = run(compose(["data=digits", "trainer.epochs=3", "tracking=none", *overrides]), display=Terminal(console))
    lines = [line for line in shown.getvalue().splitlines() if "examples/s" in line]
    assert 1 <= len(lines) <= min(27, len(result.history))
    assert f" {result.history[-1].at}/" in lines[-1]
