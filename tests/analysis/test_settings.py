"""Leaderboards and settings aggregated over seeds and folds."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from fixtures.run_tables import METRIC, row
from scipy import stats

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.analysis.text.wording import result_text


def analyzed(*rows, **options):
    (group,) = analyze(RunTable(rows, **options)).groups
    return group


def test_runs_are_ranked_best_first_and_failed_ones_come_last():
    rows = row(0.5, init="a"), row(None, "FAILED", init="b"), row(0.9, init="c"), row(0.5, init="d")
    leaderboard = analyzed(*rows, row(nan, init="e")).leaderboard
    assert [(each.rank, each.setting) for each in leaderboard] == [
        (1, "init=c"),
        (2, "init=a"),
        (2, "init=d"),
        (None, "init=b"),
        (None, "init=e"),
    ]


def test_a_metric_of_which_lower_is_better_is_ranked_the_other_way():
    rows = [RunRow(name, {"lr": name}, {"best/val_loss": float(name)}) for name in ("0.3", "0.1", "0.2")]
    group = analyzed(*rows, metric="best/val_loss")
    assert [each.value for each in group.leaderboard] == [0.1, 0.2, 0.3]
    assert group.best.label == "lr=0.1"


def test_seeds_are_aggregated_with_the_interval_of_students_t():
    rng = np.random.default_rng(0)
    values = {init: rng.normal(0.9, 0.01, 5) for init in ("he", "xavier")}
    rows = [row(value, init=init, seed=seed) for init in values for seed, value in enumerate(values[init])]
    for setting in analyzed(*rows).settings:
        expected = values[setting.params["init"]]
        estimate = setting.estimate
        interval = stats.t.interval(0.95, 4, expected.mean(), stats.sem(expected))
        assert (estimate.n, estimate.mean) == (5, pytest.approx(expected.mean()))
        assert estimate.std == pytest.approx(expected.std(ddof=1))
        assert (estimate.low, estimate.high) == pytest.approx(interval)


def test_the_interval_of_folds_is_wider_since_they_share_training_examples():
    rows = [row(0.9 + 0.01 * fold, seed=0, data__folds=5, data__fold=fold) for fold in range(5)]
    estimate = analyzed(*rows).settings[0].estimate
    expected = stats.t.ppf(0.975, 4) * estimate.std * np.sqrt(1 / 5 + 1 / 4)
    assert estimate.high - estimate.mean == pytest.approx(expected)


def test_equal_scores_of_few_examples_have_no_interval_without_width():
    values = {"a": (340, 340), "b": (341, 343)}
    rows = [row(k / 360, init=i, seed=s) for i in values for s, k in enumerate(values[i])]
    estimate = analyzed(*rows).settings[1].estimate
    assert estimate.std == 0
    assert estimate.high - estimate.mean == pytest.approx(stats.t.ppf(0.975, 1) / 360 / np.sqrt(12 * 2))


@pytest.mark.parametrize("score", [17 / 18, 1.0])
def test_equal_scores_have_an_interval_of_the_step_of_one_example(score):
    rows = [row(score, seed=seed, data="digits") for seed in range(2)]
    estimate = analyzed(*rows, examples={"digits": 288}).settings[0].estimate
    assert estimate.high - estimate.mean == pytest.approx(stats.t.ppf(0.975, 1) / 288 / np.sqrt(12 * 2))


def test_one_run_has_no_interval():
    estimate = analyzed(row(0.9, init="he")).settings[0].estimate
    assert (estimate.n, estimate.std, estimate.low) == (1, None, None)


def test_a_run_that_was_repeated_with_the_same_seed_counts_once():
    rows = [row(value, init="he", seed=seed) for seed, value in ((0, 0.8), (0, 0.8), (1, 0.9))]
    setting = analyzed(*rows).settings[0]
    assert (setting.estimate.n, setting.estimate.mean) == (2, pytest.approx(0.85))


def test_runs_of_different_metrics_or_data_are_analyzed_apart():
    digits = [RunRow(f"d{s}", {"data": "digits", "seed": s}, {METRIC: 0.9}) for s in "012"]
    table = [RunRow(f"t{s}", {"data": "table", "seed": s}, {"best/val_r2": 0.5}) for s in "01"]
    failed = RunRow("f", {"data": "table", "seed": "2"}, {}, "FAILED")
    unknown = RunRow("u", {"data": "mnist", "seed": "0"}, {}, "FAILED")
    analysis = analyze(RunTable([*digits, *table, failed, unknown]))
    assert [group.title for group in analysis.groups] == [
        "best/val_accuracy on digits",
        "best/val_r2 on table",
    ]
    assert [len(group.leaderboard) for group in analysis.groups] == [3, 3]
    assert analysis.without_result == (unknown,)


def test_images_of_several_sizes_are_settings_of_one_sweep():
    rows = [
        RunRow(
            size,
            {"data": "images", "data.path": path, "data.size": size, "data.target": "null"},
            {METRIC: 0.9},
            data=size,
        )
        for size, path in (("8", "/x/pets"), ("16", "/x/pets"), ("8", "/x/cars"), ("16", "/x/cars"))
    ]
    groups = analyze(RunTable(rows, swept=["data.size"])).groups
    assert [group.title for group in groups] == ["best/val_accuracy on pets", "best/val_accuracy on cars"]
    assert [each.setting for each in groups[0].leaderboard] == ["size=8", "size=16"]


def test_params_that_an_option_decides_make_no_setting():
    rows = [
        row(0.8, optimizer="adam", optimizer__lr=0.001, optimizer__beta1=0.9),
        row(0.8, optimizer="sgd", optimizer__lr=0.1, optimizer__momentum=0.9),
        row(0.8, optimizer="sgd", optimizer__lr=0.1, optimizer__momentum=0.99),
    ]
    labels = [setting.label for setting in analyzed(*rows).settings]
    assert labels == ["adam", "sgd momentum=0.9", "sgd momentum=0.99"]


def test_options_that_say_which_group_they_are_of_stand_alone():
    rows = [
        row(0.9, augment=a, augment__size=1, averaging=v, averaging__decay=1, a__lr=lr, b__lr=2 * lr)
        for a, v, lr in (("none", "ema", 1), ("flip", "none", 2), ("flip", "swa", 3))
    ]
    labels = {setting.label for setting in analyzed(*rows).settings}
    assert labels == {
        "augment=none ema a.lr=1 b.lr=2",
        "flip averaging=none a.lr=2 b.lr=4",
        "flip swa a.lr=3 b.lr=6",
    }


def test_long_numbers_are_shortened_unless_settings_would_have_the_same_name():
    labels = [setting.label for setting in analyzed(row(0.9, lr=0.0123456789), row(0.8, lr=0.1)).settings]
    assert labels == ["lr=0.01235", "lr=0.1"]
    labels = [
        setting.label for setting in analyzed(row(0.9, lr=0.01234567), row(0.8, lr=0.01234568)).settings
    ]
    assert labels == ["lr=0.01234567", "lr=0.01234568"]
    labels = [setting.label for setting in analyzed(row(0.9, init="", init__a=1), row(0.8, other=1)).settings]
    assert len({*labels}) == 2


def test_a_table_without_results_has_no_groups():
    failed = row(None, "FAILED", init="he")
    assert analyze(RunTable([failed])).without_result == (failed,)
    assert analyze(RunTable([])).groups == ()


def test_a_pruned_run_has_no_rank_and_is_no_failure():
    pruned = replace(row(0.99, init="b"), pruned="epoch 3")
    group = analyzed(row(0.9, init="a"), pruned, row(None, "FAILED", init="c"))
    assert [(each.rank, each.row.end) for each in group.leaderboard] == [
        (1, "FINISHED"),
        (None, "pruned in epoch 3"),
        (None, "FAILED"),
    ]
    assert group.best.label == "init=a"
    assert [(each.failed, len(each.pruned)) for each in group.settings] == [(0, 0), (0, 1), (1, 0)]
    assert [result_text(each, METRIC) for each in group.settings] == ["90.00%", "pruned in epoch 3", ""]
    assert sum("1 run that the search has pruned" in caveat for caveat in group.caveats) == 1
