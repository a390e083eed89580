"""The display of a sweep, from simulated events: plain lines, and on a terminal what runs."""

import io
import re
from pathlib import Path

import pytest
from fixtures.sweep_plans import ended, plan_of, progressed, started
from rich.console import Console

from nnexp.cli.console import PipeSafeConsole
from nnexp.cli.sweep_display import TerminalSweepDisplay
from nnexp.config.schema import SweepSettings
from nnexp.sweeps.execution.events import JobMessage, JobStarted, UploadsLeft

REASON = "training diverged: the loss is NaN in step 7; fix: optimizer.lr=0.01"
GRID = {"init": ["he_normal", "orthogonal"], "seed": ["0", "1"]}


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def plain():
    """A display that writes to a file, with a clock that only the test moves."""
    display = TerminalSweepDisplay(Console(file=io.StringIO(), width=200), lambda: display.now)
    display.now = 0.0
    display.errors = display.console
    return display


def terminal(width, height):
    return PipeSafeConsole(file=Screen(), force_terminal=True, color_system=None, width=width, height=height)


def lines(display):
    return [line.rstrip() for line in display.console.file.getvalue().splitlines()]


def test_the_plan_shows_jobs_workers_what_varies_and_what_is_recorded_already(plain):
    plain.plan(plan_of(workers=2, states={0: "finished", 1: "interrupted"}, **GRID))
    assert lines(plain) == [
        "sweep     init x seed: 4 jobs, 2 workers, 1 thread each",
        "varies    init: he_normal, orthogonal",
        "          seed: 0, 1",
        "          1 is finished already: skipped",
        "          1 was interrupted: resumed",
        "folder    outputs/sweeps/2026-11-26/15-30-00-ab12cd34",
    ]


def test_a_dry_run_lists_every_job_and_ends_there(plain):
    plain.plan(plan_of(settings=SweepSettings(dry_run=True), states={2: "failed"}, **GRID))
    plain.close()
    jobs = ["jobs      0  he_normal 0", "          1  he_normal 1"]
    assert lines(plain)[-4:] == [*jobs, "          2  orthogonal 0  failed", "          3  orthogonal 1"]


def test_a_line_per_job_says_how_many_are_over_what_was_swept_and_the_result(plain):
    plain.plan(plan_of(states={0: "finished"}, **GRID))
    shown = len(lines(plain))
    plain.event(ended(0, "SKIPPED"))
    plain.event(started(2))
    plain.event(progressed(2, epoch=1))
    plain.event(ended(2))
    result = "validation 90.00% in epoch 2, test 87.50%, 1.5 s"
    assert lines(plain)[shown:] == [f"2 of 4  orthogonal 0  {result}"]


def test_an_optimized_metric_that_is_no_score_comes_first(plain):
    plain.plan(plan_of(objectives=("best/val_loss",), seed=["0"]))
    plain.event(ended(0, value=0.25))
    assert lines(plain)[-1].startswith("1 of 1  0  best/val_loss 0.2500, validation 90.00%")


def test_a_failure_is_shown_at_once_with_reason_and_log(plain):
    plain.plan(plan_of(settings=SweepSettings(retries=1), **GRID))
    plain.event(started(1))
    plain.event(ended(1, "FAILED", error=REASON, will_retry=True))
    log = "          log: outputs/sweeps/2026-11-26/15-30-00-ab12cd34/1/error.txt"
    assert lines(plain)[-2:] == [f"0 of 4  he_normal 1   failed: attempt 1 of 2, runs again: {REASON}", log]
    plain.event(started(1, attempt=2))
    plain.event(ended(1, "FAILED", error=REASON))
    assert lines(plain)[-2:] == [f"1 of 4  he_normal 1   failed: {REASON}", log]


def test_the_end_lists_the_failed_jobs_by_their_reasons(plain):
    plain.plan(plan_of(**GRID))
    for number in range(3):
        plain.event(ended(number, "FAILED", error=REASON if number else "no such file: x.csv\nmore"))
    plain.event(ended(3, value=0.75))
    plain.close()
    folder = "outputs/sweeps/2026-11-26/15-30-00-ab12cd34"
    assert lines(plain)[-10:] == [
        "ended     1 of 4 finished, 3 failed, 0 s",
        "best      75.00%  orthogonal 1",
        "failed    3 of 4 jobs:",
        "          no such file: x.csv",
        "            job: he_normal 0",
        f"            log: {folder}/0/error.txt",
        f"          {REASON}",
        "            jobs: he_normal 1, orthogonal 0",
        f"            log: {folder}/1/error.txt and 1 more",
        f"go on     with 3 jobs that are left: nnexp -m sweep.resume={folder}",
    ]


def test_reasons_that_differ_in_numbers_are_one_unless_their_fixes_differ(plain):
    plain.plan(plan_of(**GRID))
    for number, (step, lr) in enumerate([(3, 0.01), (14, 0.01), (3, 0.05), (15, 0.01)]):
        plain.event(ended(number, "FAILED", error=f"the loss is NaN in step {step}; fix: optimizer.lr={lr}"))
    plain.close()
    text = "\n".join(lines(plain))
    assert "jobs: he_normal 0, he_normal 1, orthogonal 1\n" in text
    assert "job: orthogonal 0\n" in text


def test_failures_go_to_the_standard_error_stream(capsys):
    display = TerminalSweepDisplay()
    display.plan(plan_of(**GRID))
    display.event(ended(0, "FAILED", error=REASON))
    display.close()
    shown = capsys.readouterr()
    assert shown.err.count(REASON) == 2
    assert REASON not in shown.out


def test_a_message_of_many_jobs_is_shown_once(plain):
    plain.plan(plan_of(**GRID))
    for number in range(4):
        plain.event(JobMessage(number, "note", "not used: a damaged checkpoint"))
    assert sum("damaged" in line for line in lines(plain)) == 1


def test_a_long_sweep_without_a_terminal_shows_its_progress_every_minute(plain):
    plain.plan(plan_of(**GRID))
    plain.event(started(0))
    for second in range(0, 130, 10):
        plain.now = float(second)
        plain.event(progressed(0, epoch=1 + second // 10, epochs=26))
    summaries = [line for line in lines(plain)[-2:] if line.startswith("sweep")]
    assert summaries == [
        "sweep     0 of 4 finished, 1 running, 1m00s, about 13m51s left",
        "sweep     0 of 4 finished, 1 running, 2m00s, about 14m00s left",
    ]


def test_that_the_sweep_waits_for_uploads_is_shown_once(plain):
    plain.plan(plan_of(**GRID))
    for number in range(4):
        plain.event(ended(number))
    for _ in range(2):
        plain.event(UploadsLeft())
    assert sum("waiting for uploads" in line for line in lines(plain)) == 1


@pytest.mark.parametrize("name", ["[a,b]", "[/]", "\\[red]", "päth 日本"])
def test_names_and_reasons_are_shown_as_they_are(name, plain):
    plain.plan(plan_of(target=[name]))
    plain.event(ended(0, "FAILED", error=name))
    plain.close()
    assert sum(name in line for line in lines(plain)) == 4


def test_passwords_are_not_shown(plain):
    plain.plan(plan_of(uri=["http://user:secret@host"]))
    plain.event(ended(0, "FAILED", error="http://user:secret@host: no connection"))
    plain.close()
    assert "secret" not in plain.console.file.getvalue()


@pytest.mark.parametrize(("width", "height", "workers"), [(60, 10, 2), (120, 40, 2), (100, 12, 64)])
def test_a_terminal_shows_what_runs_below_the_lines(width, height, workers):
    console = terminal(width, height)
    display = TerminalSweepDisplay(console)
    display.plan(plan_of(workers=workers, seed=[str(seed) for seed in range(workers + 2)]))
    display.event(ended(0))
    for number in range(1, workers + 1):
        display.event(started(number))
        display.event(progressed(number, epoch=3))
    display.close()
    page = Console(file=io.StringIO(), width=width)
    page.print(display.overview())
    shown = page.file.getvalue().splitlines()
    assert len(shown) < height
    text = " ".join(" ".join(shown).split())
    assert f"1 of {workers + 2} finished, {workers} running" in text
    assert "best 90.00% 0" in text
    assert "3/4 epochs, validation 80.00%" in text
    assert ("and 59 more" in text) == (workers == 64)


def test_a_long_name_leaves_room_for_how_far_its_job_is():
    display = TerminalSweepDisplay(terminal(80, 25))
    display.plan(plan_of(workers=2, seed=["0", "1"]))
    name = "lr=0.02575 batch_size=64 hidden=[128,64] he_normal momentum momentum=0.6692"
    for number, text in enumerate([name, "lr=0.1"], start=7):  # of a search, which no plan knows
        display.event(JobStarted(number, Path(str(number)), epochs=4, name=text))
        display.event(progressed(number, epoch=3))
    display.close()
    page = Console(file=io.StringIO(), width=80)
    page.print(display.overview())
    first, second = page.file.getvalue().splitlines()[-2:]
    assert first.startswith("running   lr=0.02575 batch_size=64 hidden")
    assert first.endswith("…  3/4 epochs, validation 80.00%")
    assert first.index("3/4") == second.index("3/4")


def test_the_overview_disappears_at_the_end():
    console = terminal(100, 25)
    display = TerminalSweepDisplay(console)
    display.plan(plan_of(seed=["0", "1"]))
    display.event(started(0))
    display.event(ended(0))
    display.close()
    assert display.live is None
    assert re.search(r"ended +1 of 2 finished", console.file.getvalue())


def test_a_pruned_job_counts_as_finished_and_is_never_the_best(plain):
    plain.plan(plan_of(seed=["0", "1"]))
    for number, value, pruned in ((0, 0.9, ""), (1, 0.95, "epoch 3")):
        plain.event(started(number))
        metrics = {"best/val_accuracy": value, "best/epoch": 3.0}
        plain.event(ended(number, value=value, metrics=metrics, pruned=pruned))
    plain.close()
    text = plain.console.file.getvalue()
    assert "pruned in epoch 3: validation 95.00% in epoch 3" in text
    assert "2 of 2 finished (1 pruned)" in text
    assert "best      90.00%  0" in text.replace("seed=0", "0")
