"""The end of a sweep on the terminal."""

import re
import shlex
import signal
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
from fixtures.sweep_plans import FOLDER, plan_of
from fixtures.uploads import NoUploader

from nnexp import compose
from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.cli import sweep_results
from nnexp.cli.sweep_display import TerminalSweepDisplay
from nnexp.cli.sweep_results import jobs_to_upload, show_results, show_upload
from nnexp.config import build
from nnexp.config.schema import SearchSettings
from nnexp.run_folder import RunFolder, end_of
from nnexp.sweeps.execution.job import SweepInterrupted
from nnexp.sweeps.execution.launcher import Execution
from nnexp.sweeps.report.sweep_report import Report
from nnexp.tracking.run_lock import run_lock
from nnexp.tracking.upload.client import Outcome, Uploader
from nnexp.tracking.upload.sync import read_run

PLAN = plan_of(init=["zeros"])
SYNC = "          the folder holds the whole record; upload it later, run: nnexp sync"
VIEW = "mlflow    view it with: nnexp ui 2026-11-26/15-30-00-ab12cd34"


@pytest.fixture(scope="module")
def tracking():
    return build(compose(["data=digits"])).tracking


@pytest.fixture
def display():
    return TerminalSweepDisplay()


def test_the_leaderboard_is_followed_by_the_report(display, capsys):
    rows = [RunRow(init, {"init": init}, {"best/val_accuracy": 0.5}) for init in ("zeros", "orthogonal")]
    show_results(display, PLAN, Report(analyze(RunTable(rows)), ["report.html"]), "")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("best/val_accuracy")
    assert lines[-1] == f"report    {FOLDER}/report.html"


def test_why_a_report_failed_is_shown_in_its_place(display, capsys):
    show_results(display, PLAN, None, "the report has failed")
    assert capsys.readouterr().out == "report    the report has failed\n"


@pytest.mark.parametrize(
    ("options", "error", "shown"),
    [
        ({}, "", f"{VIEW}\n"),
        ({"uri": "sqlite:///other.db"}, "", f"{VIEW} --uri sqlite:///other.db\n"),
        ({"enabled": False}, "", ""),
        ({}, "a server is down\nmore", f"mlflow    not uploaded to MLflow: a server is down\n{SYNC}\n"),
    ],
    ids=["default", "another store", "untracked", "failed"],
)
def test_the_end_says_how_to_see_the_sweep_in_mlflow_or_why_it_is_not_there(
    options, error, shown, display, tracking, capsys
):
    show_upload(display, PLAN, replace(tracking, **options), Outcome(error=error))
    assert capsys.readouterr().out == shown


def test_jobs_whose_uploads_were_killed_are_uploaded_before_the_end_of_the_sweep_that_skips_them(
    nnexp, alone, monkeypatch
):
    command = [
        "-m",
        "seed=0,1",
        "data=digits",
        "trainer.epochs=1",
        "sweep.report=false",
        "tracking.plots=false",
    ]
    with monkeypatch.context() as context:
        context.setattr(Uploader, "start", classmethod(lambda cls, mlflow: NoUploader()))
        assert nnexp(*command).returncode == 0
    assert not (alone / "mlruns").exists()
    again = nnexp(*command)
    assert "uploading 2 jobs that finished before and did not reach the store" in again.stdout
    assert "not uploaded" not in again.stdout
    states = [read_run(path.parent).state for path in alone.glob("outputs/sweeps/*/*/*/journal.jsonl")]
    assert states == ["uploaded", "uploaded"]
    assert "uploading" not in nnexp(*command).stdout


def test_the_command_that_goes_on_with_a_sweep_works_as_it_is_printed(nnexp):
    quick = ["data=digits", "trainer.epochs=1", "tracking=none", "sweep.report=false"]
    begun = nnexp("-m", "optimizer.lr=0.01,1e30", *quick)
    assert (begun.returncode, begun.stderr.count("training diverged")) == (1, 2)
    (command,) = re.findall(r"with 1 job that is left: (nnexp .*)", begun.stdout)
    continued = nnexp(*shlex.split(command)[1:])
    assert continued.returncode == 1
    assert "1 is finished already: skipped" in continued.stdout
    assert "ended     1 of 2 finished, 1 failed" in continued.stdout


def test_jobs_that_a_killed_search_has_not_uploaded_are_those_of_its_folder(tmp_path, monkeypatch):
    for name in ("0", ".data", "12", "plots"):
        (tmp_path / name).mkdir()
    waiting = SimpleNamespace(state="waiting")
    monkeypatch.setattr("nnexp.cli.sweep_results.read_run", lambda folder: waiting)
    plan = replace(PLAN, folder=tmp_path, jobs=(), search=SearchSettings())
    assert sorted(path.name for path in jobs_to_upload(plan)) == ["0", "12"]


def test_uploads_by_another_process_are_not_waited_for_without_a_limit(
    display, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sweep_results, "monotonic", count().__next__)
    monkeypatch.setattr(sweep_results, "SHOW_AFTER", 1)
    monkeypatch.setattr(sweep_results, "OTHERS_TIMEOUT", 4)
    with run_lock(tmp_path):
        sweep_results.wait_for_others(display, [tmp_path])
    assert capsys.readouterr().out.splitlines() == [
        "mlflow    waiting for another process that uploads 1 job ...",
        "mlflow    another process still uploads 1 job",
    ]


@pytest.mark.parametrize("outcome", [Outcome(error="no server"), Outcome(in_background=True)])
def test_earlier_jobs_are_uploaded_also_where_the_sweep_itself_is_not(
    outcome, display, tracking, tmp_path, monkeypatch
):
    started = []
    monkeypatch.setattr(sweep_results, "jobs_to_upload", lambda plan: [tmp_path])
    monkeypatch.setattr(sweep_results, "upload_in_background", started.append)
    show_upload(display, PLAN, tracking, outcome)
    assert started == [[tmp_path]]


def test_after_ctrl_c_when_only_uploads_are_left_the_sweep_is_finished(nnexp, alone, store, monkeypatch):
    def interrupt(execution):
        raise SweepInterrupted(signal.SIGINT)

    monkeypatch.setattr(Execution, "wait_for_uploads", interrupt)
    monkeypatch.setattr(Uploader, "start", classmethod(lambda cls, mlflow: NoUploader()))
    quick = ["data=digits", "trainer.epochs=1", "sweep.report=false", "tracking.plots=false"]
    ended = nnexp("-m", "seed=0,1", *quick, "hydra.sweep.dir=sweep")
    assert ended.returncode == 0
    assert "uploads go on in the background; should they fail, run: nnexp sync" in ended.stdout
    assert end_of(RunFolder(alone / "sweep").entries())["status"] == "FINISHED"
