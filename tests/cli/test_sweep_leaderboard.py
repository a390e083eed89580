"""The leaderboard of a sweep on the terminal."""

import io

import pytest
from rich.console import Console

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.cli.sweep_leaderboard import MAX_ROWS, print_leaderboard


def shown(rows, width=160):
    console = Console(file=io.StringIO(), width=width)
    print_leaderboard(analyze(RunTable(rows)), console)
    return console.file.getvalue().splitlines()


def row(value, metric="best/val_accuracy", status="FINISHED", **params):
    metrics = {"time/total": 2.0, metric.replace("best/val_", "test/"): value / 2, metric: value}
    return RunRow(" ".join(params.values()), params, metrics, status)


def test_settings_over_seeds_are_ranked_by_their_mean_with_deviation_interval_and_runs():
    rows = [row(0.9 + gain + int(seed) / 100, init=init, seed=seed) for init, gain in INITS for seed in "012"]
    lines = shown(rows)
    assert "mean ± standard deviation" in lines[1]
    assert lines[2].split() == [
        "setting",
        "best/val_accuracy",
        "95",
        "%",
        "interval",
        "runs",
        "test/accuracy",
        "time/total",
    ]
    assert lines[3].split()[:6] == ["1", "init=orthogonal", "96.00%", "±", "1.00", "93.52%"]
    assert lines[4].startswith("2  init=he_normal ")
    assert any("is the best of 2 settings" in line for line in lines)


INITS = [("he_normal", 0.0), ("orthogonal", 0.05)]


def test_columns_that_say_nothing_are_left_out():
    lines = shown([row(0.9 + gain, init=init) for init, gain in INITS])
    assert lines[2].split() == ["setting", "best/val_accuracy", "test/accuracy", "time/total"]
    failed = shown([row(0.9, init="he_normal"), row(0.9, init="zeros", status="FAILED")])
    assert failed[2].split() == ["setting", "best/val_accuracy", "failed", "test/accuracy", "time/total"]
    assert failed[4].split()[-2:] == ["-", "1"]


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_the_setting_and_its_result_have_room_at_any_width(width):
    rows = [row(0.9 + gain + int(s) / 100, init=init, seed=s) for init, gain in INITS for s in "012"]
    lines = shown(rows, width)
    assert max(len(line) for line in lines if "±" in line and "best" not in line) <= width
    assert any("orthogonal" in line and "96.00% ± 1.00" in line for line in lines)


def test_runs_of_different_tasks_have_a_table_each():
    rows = [
        row(0.9, data="digits"),
        row(0.95, data="digits", seed="1"),
        row(0.4, "best/val_r2", data="diabetes"),
    ]
    titles = [line for line in shown(rows) if line.startswith("best/")]
    assert [title.split()[0] for title in titles] == ["best/val_accuracy", "best/val_r2"]


def test_of_many_settings_the_best_are_shown():
    rows = [row(0.5 + i / 100, **{"optimizer.lr": f"{i + 1}"}) for i in range(MAX_ROWS + 5)]
    lines = shown(rows)
    assert "and 5 more settings" in lines


def test_a_sweep_without_any_result_prints_no_table():
    assert not any("setting" in line for line in shown([row(0.9, init="a", status="FAILED")]))


@pytest.mark.parametrize("metric", ["test/auc", "time/total"])
def test_a_metric_that_has_a_column_anyway_is_shown_as_the_result(metric):
    rows = [row(0.9 + int(s) / 100, metric, init=init, seed=s, optimized_metric=metric) for init, s in GRID]
    lines = shown(rows)
    assert lines[2].split()[:3] == ["setting", metric, "95"]
    assert sum(" ± " in line for line in lines[3:5]) == 2


GRID = [("he_normal", "0"), ("he_normal", "1"), ("orthogonal", "0"), ("orthogonal", "1")]
