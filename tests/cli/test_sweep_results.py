"""The end of a sweep on the terminal."""

import re
import shlex
from dataclasses import replace

import pytest
from fixtures.sweep_plans import FOLDER, plan_of

from nnexp import compose
from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.cli.sweep_display import TerminalSweepDisplay
from nnexp.cli.sweep_results import show_results
from nnexp.config import build
from nnexp.sweeps.report.sweep_report import Report

VIEW = "mlflow    view it with: nnexp ui 2026-11-26/15-30-00-ab12cd34"


@pytest.fixture(scope="module")
def tracking():
    return build(compose(["data=digits"])).tracking


def shown(capsys, report, problem, tracking):
    show_results(TerminalSweepDisplay(), plan_of(init=["zeros"]), report, problem, tracking)
    return capsys.readouterr().out.splitlines()


def test_the_leaderboard_is_followed_by_the_report_and_the_command_that_shows_the_sweep(tracking, capsys):
    rows = [RunRow(init, {"init": init}, {"best/val_accuracy": 0.5}) for init in ("zeros", "orthogonal")]
    lines = shown(capsys, Report(analyze(RunTable(rows)), ["report.html"]), "", tracking)
    assert lines[1].startswith("best/val_accuracy")
    assert lines[-2:] == [f"report    {FOLDER}/report.html", VIEW]


def test_the_command_that_goes_on_with_a_sweep_works_as_it_is_printed(nnexp):
    quick = ["data=digits", "trainer.epochs=1", "tracking=none", "sweep.report=false"]
    begun = nnexp("-m", "optimizer.lr=0.01,1e30", *quick)
    assert (begun.returncode, begun.stderr.count("training diverged")) == (1, 2)
    (command,) = re.findall(r"with 1 job that is left: (nnexp .*)", begun.stdout)
    continued = nnexp(*shlex.split(command)[1:])
    assert continued.returncode == 1
    assert "1 is finished already: skipped" in continued.stdout
    assert "ended     1 of 2 finished, 1 failed" in continued.stdout


def test_why_a_report_failed_is_shown_in_its_place(tracking, capsys):
    assert shown(capsys, None, "the report has failed", tracking) == ["report    the report has failed", VIEW]


def test_the_store_is_named_where_it_is_not_the_default_one(tracking, capsys):
    other = replace(tracking, uri="sqlite:///other.db")
    assert shown(capsys, None, "", other) == [f"{VIEW} --uri sqlite:///other.db"]


def test_a_sweep_that_is_not_tracked_has_no_page_in_mlflow(tracking, capsys):
    assert shown(capsys, None, "", replace(tracking, enabled=False)) == []
