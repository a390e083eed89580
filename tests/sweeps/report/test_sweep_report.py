import csv
import itertools
import json
import re

import numpy as np
import pytest
from fixtures.recorded_sweeps import write_grid, write_job
from runs.compare.test_escaping import HOSTILE, Markup

from nnexp.analysis import analyze
from nnexp.runs.sweeps import read_sweep
from nnexp.sweeps.report import page as page_module
from nnexp.sweeps.report.failures import failures
from nnexp.sweeps.report.sweep_report import write_report
from nnexp.sweeps.report.sweep_table import sweep_table

DIVERGED = (
    'Traceback (most recent call last):\n  File "x.py", line 1, in y\n    raise error\n'
    "nnexp.experiment.failures.DivergedError: training diverged: the loss is NaN at step 2\n"
)

REFUSED = (
    '[2026-11-26 17:15:03,306][ERROR] Traceback (most recent call last):\n  File "x.py", line 1, in y\n'
    "    raise error\nnnexp.config.errors.ConfigError: 1 configuration error:\n  loss=hinge\n"
    "    is for a classification; fix: loss=mean_squared_error\n\n"
)


def report_of(folder):
    report = write_report(read_sweep(folder), folder)
    return report, (folder / "report.html").read_text(encoding="utf-8")


def rows_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def texts_of(page):
    return " ".join(Markup(page).content)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out all plots, where they are not the point: layouts are made, nothing is drawn."""
    monkeypatch.setattr(page_module, "picture", lambda plot: ("data:image/png;base64,", 100.0))
    monkeypatch.setattr(page_module, "panel_pictures", lambda plot: [("data:image/png;base64,", 100.0)])
    monkeypatch.setattr("nnexp.plots.style.save", lambda plot, path: None)
    monkeypatch.setattr("nnexp.plots.sweep.panel.draw_plot", lambda plot: None)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = write_grid(tmp_path_factory.mktemp("sweeps") / "2026-11-26" / "12-00-00-ab12cd34")
    return folder, *report_of(folder)


def test_the_report_of_a_sweep_has_page_tables_and_every_plot(grid):
    folder, report, _ = grid
    assert [path for path in report.paths if not (folder / path).stat().st_size] == []
    plots = {path.removeprefix("plots/") for path in report.paths if path.endswith(".png")}
    effects = {"main-effects.png", "interaction.png", "importance.png", "ranking.png", "profile.png"}
    assert plots == {"sweep.png", "parallel.png", "pareto.png", "confusion.png"} | effects
    assert {"report.html", "leaderboard.csv", "runs.csv"} <= {*report.paths}


def test_the_page_is_one_file_without_scripts_that_names_the_best(grid):
    _, _, page = grid
    markup = Markup(page)
    sources = re.findall(r'src="([^"]{20})', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"https?://", re.sub(r'src="[^"]*"', "", page))
    assert not {"script", "link", "iframe"} & {tag for tag, *_ in markup.elements}
    assert "xavier lr=0.1 is the best of 4 settings" in texts_of(page)


def test_the_leaderboard_has_a_row_for_each_setting_best_first(grid):
    folder, _, page = grid
    rows = rows_of(folder / "leaderboard.csv")
    assert rows[0]["setting"] == "xavier lr=0.1"
    assert len(rows) == 4
    assert {row["n"] for row in rows} == {"3"}
    assert "95 % interval" in page
    assert len(rows_of(folder / "runs.csv")) == 12


@pytest.mark.parametrize(("effect", "said"), [(0.05, "significantly"), (0.0, "not significantly")])
def test_the_page_calls_a_known_effect_significant_and_not_noise(effect, said, tmp_path, undrawn):
    rng = np.random.default_rng(0)
    folder = tmp_path / "2026-11-26" / "12-00-00-ab12cd34"
    for number, (init, seed) in enumerate(itertools.product(("he", "xavier"), range(5))):
        params = {"init": init, "init.gain": "1", "seed": str(seed), "data": "zoo"}
        write_job(folder / str(number), params, [0.8 + effect * (init == "he") + rng.normal(0, 0.01)])
    _, page = report_of(folder)
    assert f"It is {said} better than the other (paired t-test)" in texts_of(page)
    assert (float(rows_of(folder / "leaderboard.csv")[1]["p_to_best"]) < 0.05) == (effect > 0)


def test_runs_of_different_tasks_are_groups_of_their_own(tmp_path, undrawn):
    for number, (data, score) in enumerate([("a", "accuracy"), ("a", "accuracy"), ("b", "r2"), ("b", "r2")]):
        params = {"data": data, "optimizer.lr": str(number % 2)}
        write_job(tmp_path / str(number), params, [0.1, 0.5 + number / 10], score=score)
    report, page = report_of(tmp_path)
    assert len(report.analysis.groups) == 2
    assert {"sweep.png", "plots/curves-2.png"} <= {*report.paths}
    assert "1. best/val_accuracy on a" in page
    assert "2. best/val_r2 on b" in page


def test_a_run_that_fails_in_the_middle_belongs_to_the_others_of_its_data(tmp_path, undrawn):
    for number, status in enumerate(["FINISHED", "FINISHED", "FAILED"]):
        write_job(
            tmp_path / str(number), {"optimizer.lr": str(number), "data": "a"}, [0.5, 0.6], status=status
        )
    report, page = report_of(tmp_path)
    assert [len(group.settings) for group in report.analysis.groups] == [3]
    assert "no result" in page


@pytest.mark.parametrize("statuses", [["FAILED"] * 3, ["FINISHED"], ["FINISHED", "FAILED"], ["", "KILLED"]])
def test_a_sweep_of_which_little_has_finished_has_a_report_too(statuses, tmp_path, undrawn):
    for number, status in enumerate(statuses):
        values = [0.5, 0.6] if status == "FINISHED" else []
        write_job(tmp_path / str(number), {"seed": str(number)}, values, status=status)
    report, page = report_of(tmp_path)
    assert "report.html" in report.paths
    assert ("no run has a result" in page.lower()) == ("FINISHED" not in statuses)


def test_a_table_of_differences_is_left_out_where_nothing_was_tested(grid, tmp_path, undrawn):
    assert "<h2>Differences</h2>" in grid[2]
    write_grid(tmp_path, seeds=1)
    assert "<h2>Differences</h2>" not in report_of(tmp_path)[1]


def test_runs_without_a_result_are_listed_with_their_reasons(tmp_path, undrawn):
    write_job(tmp_path / "0", {"seed": "0"}, [0.5])
    write_job(tmp_path / "1", {"seed": "1"}, [], status="FAILED", error=DIVERGED)
    write_job(tmp_path / "2", {"seed": "2"}, [0.4], status="KILLED")
    write_job(tmp_path / "3", {"seed": "3"}, [0.4], status=None)
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "nnexp.log").write_text(REFUSED)
    jobs = [{"number": number, "name": f"s{number}"} for number in range(6)]
    (tmp_path / "sweep.json").write_text(json.dumps({"jobs": jobs, "swept": {"seed": list("012345")}}))
    sweep = read_sweep(tmp_path)
    listed = [(each.name, each.status, each.reason) for each in failures(sweep, analyze(sweep_table(sweep)))]
    assert listed == [
        ("1", "FAILED", "training diverged: the loss is NaN at step 2"),
        ("2", "KILLED", "ended by a signal"),
        ("3", "RUNNING", "still running"),
        ("s4", "NOT BEGUN", ""),
        ("s5", "FAILED", "loss=hinge is for a classification; fix: loss=mean_squared_error"),
    ]
    _, page = report_of(tmp_path)
    assert "6 runs: 1 finished, 2 failed, 1 killed, 1 running, 1 not begun" in page


def test_finished_runs_without_the_metric_are_listed_too(tmp_path, undrawn):
    for number in range(2):
        params = {"seed": str(number), "optimized_metric": "best/val_own"}
        write_job(tmp_path / str(number), params, [0.5])
    page = report_of(tmp_path)[1]
    assert page.count("it has no best/val_own") == 2


def test_no_name_becomes_markup_of_the_page(tmp_path, undrawn):
    pages = []
    for folder, text in (("plain", "x"), ("hostile", "".join(HOSTILE))):
        for number in range(4):
            params = {text: f"{text}{number // 2}", "seed": f"{number % 2}{text}", "data": text}
            options = {"matrix": [[1, 0], [0, 1]], "classes": [text, f"{text}2"], "name": text, "error": text}
            status = "FAILED" if number == 3 else "FINISHED"
            write_job(tmp_path / folder / str(number), params, [0.5, 0.6], status=status, **options)
        record = {"command": text, "name": text, "swept": {}, "jobs": []}
        (tmp_path / folder / "sweep.json").write_text(json.dumps(record))
        pages.append(Markup(report_of(tmp_path / folder)[1]))
    assert pages[0].elements == pages[1].elements


@pytest.mark.long
def test_a_report_of_1000_runs_takes_less_than_20_seconds_of_cpu_time(tmp_path):
    from time import process_time

    lrs = [str(10 ** (-n / 10)) for n in range(40)]
    folder = write_grid(tmp_path, seeds=5, lrs=lrs, inits=["a", "b", "c", "d", "e"])
    start = process_time()
    report_of(folder)
    assert process_time() - start < 20


def test_the_interval_of_equal_scores_is_of_one_of_the_recorded_validation_examples(tmp_path, undrawn):
    folder = tmp_path / "2026-11-26" / "12-00-00-ab12cd34"
    dataset = {"task": "classification", "splits": {"validation": {"examples": 288, "digest": "ab"}}}
    for seed in range(2):
        write_job(folder / str(seed), {"seed": str(seed), "data": "zoo"}, [17 / 18])
        (folder / str(seed) / "dataset.json").write_text(json.dumps(dataset))
    report, _ = report_of(folder)
    estimate = report.analysis.groups[0].settings[0].estimate
    assert 0 < estimate.high - estimate.low < 0.02
