"""The statistics in words and as CSV."""

import csv
import io

import numpy as np
import pytest
from fixtures.run_tables import METRIC, row, simulate

from nnexp.analysis import RunRow, RunTable, analyze, rank
from nnexp.analysis.estimate import Estimate
from nnexp.analysis.text.csv_tables import runs_csv, settings_csv
from nnexp.analysis.text.wording import (
    format_amount,
    format_difference,
    format_estimate,
    format_interval,
    format_p,
)

RNG = np.random.default_rng(0)


def caveats(*rows, **options):
    return " ".join(rank(RunTable(rows, **options)).groups[0].caveats)


def conclusion(table):
    return " ".join(analyze(table).groups[0].conclusion)


def lines(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_values_are_formatted_as_their_metric():
    assert [format_p(p) for p in (1e-10, 0.0123, 0.81)] == ["1.0e-10", "0.012", "0.81"]
    amounts = [format_amount(difference, "accuracy") for difference in (0.0110, 0.00001, 2e-17)]
    assert amounts == [f"{text} percentage points" for text in ("1.10", "0.001", "0.00")]
    assert format_amount(-0.25, "best/val_r2") == "0.2500 of R2"
    assert format_amount(1e-5, "best/val_loss") == "1e-05 of loss"
    estimate = Estimate(5, 0.97, 0.01, 0.96, 1.01)
    assert format_estimate(estimate, METRIC) == "97.00% ± 1.00"
    assert format_interval(estimate, METRIC) == "96.00% to 100.00%"
    assert format_difference(Estimate(5, -0.012, 0.01, -0.02, 0.001), METRIC) == (
        "-1.20 percentage points (-2.00 to 0.10)"
    )
    zero = format_difference(Estimate(2, 0.0, 0.0, -0.01, 0.01), METRIC)
    assert zero == "+0.00 percentage points (-1.00 to 1.00)"
    assert (format_estimate(Estimate(1, 0.5), METRIC), format_interval(Estimate(1, 0.5), METRIC)) == (
        "50.00%",
        "-",
    )


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("test/auc", "0.0000 to 1.0000"),
        ("best/val_r2", "-0.2000 to 1.0000"),
        ("best/val_rmse", "0 to 1.3"),
        ("best/val_loss", "-0.2000 to 1.3000"),
        ("mine", "-0.2 to 1.3"),
    ],
)
def test_an_interval_ends_where_its_metric_does(metric, text):
    assert format_interval(Estimate(2, 0.55, 0.1, -0.2, 1.3), metric) == text


def test_settings_of_equal_results_are_the_best_together():
    rows = [row(value, init=init, seed="0") for init, value in (("a", 0.9), ("b", 0.9), ("c", 0.8))]
    assert "is the best of 3 settings, together with" in conclusion(RunTable(rows))


def test_comparisons_are_counted_of_settings_with_results():
    rows = [row(0.8 + i / 10 + s / 100, init=str(i), seed=s) for i in range(2) for s in range(3)]
    failed = [row(0.8, status="FAILED", init="2", seed=s) for s in range(3)]
    assert "than the other (paired t-test)" in conclusion(RunTable(rows + failed))


def test_the_best_setting_is_named_with_what_it_is_better_than():
    table = simulate(
        RNG,
        lambda init: 0.1 * (init == "he") - 0.1 * (init == "zeros"),
        0.001,
        init=("zeros", "he", "xavier"),
    )
    text = conclusion(table)
    assert text.startswith("init=he is the best of 3 settings: best/val_accuracy")
    assert "over 5 seeds (95 % interval" in text
    assert (
        "It is significantly better than all 2 others (paired t-test, corrected for 3 comparisons)." in text
    )


def test_a_cheaper_setting_that_may_be_as_good_is_named():
    scores = {"[64]": (0.90, 0.92, 0.91), "[512]": (0.92, 0.91, 0.93)}
    rows = [
        RunRow(hidden, {"model.hidden": hidden, "seed": str(seed)}, {METRIC: score, "time/total": time})
        for hidden, time in (("[64]", 1.0), ("[512]", 8.0))
        for seed, score in enumerate(scores[hidden])
    ]
    text = conclusion(RunTable(rows))
    assert "It is not significantly better than the other (paired t-test)." in text
    assert "hidden=[64] is about as good, and cheaper: 1 s in place of 8 s" in text


@pytest.mark.parametrize(
    ("best", "said"), [("0.1", "the largest value tried"), ("0.001", "smallest"), ("0.01", "")]
)
def test_a_best_value_at_the_end_of_the_range_is_pointed_out(best, said):
    text = conclusion(RunTable([row(0.9 - (lr != best) / 10, lr=lr) for lr in ("0.1", "0.001", "0.01")]))
    assert said in text
    assert ("may be better" in text) == bool(said)


def test_the_caveats_name_what_limits_the_numbers():
    one_seed = caveats(row(0.9, init="he", seed=0), row(0.8, init="xavier", seed=0))
    assert "'seed=range(5)'" in one_seed
    assert "optimistic" in one_seed
    few = caveats(*(row(v, init=i, seed=s) for i in "ab" for s, v in enumerate((0.9, 0.91))))
    assert "Intervals of 2 seeds are wide" in few
    assert "With 2 seeds and 1 comparison, a difference must be about 9 times its standard deviation" in few
    unequal = [row(0.9, init="a", seed=s) for s in range(3)] + [
        row(0.8, init="b", seed=s) for s in range(5, 7)
    ]
    assert "2 to 3 seeds" in caveats(*unequal)
    assert "Welch" in caveats(
        *(row(v, init=i, seed=s) for i, s, v in (("a", 0, 0.8), ("a", 1, 0.9), ("b", 2, 0.7), ("b", 3, 0.75)))
    )
    failed = caveats(row(0.9, init="he", seed=0), row(None, "FAILED", init="he", seed=1))
    assert "Left out: 1 run without a result." in failed
    assert "too good" in failed
    folds = caveats(*(row(0.9 + f / 100, data__folds=3, data__fold=f, seed=0) for f in range(3)))
    assert "Folds share training examples" in folds
    tied = caveats(row(0.9, lr=0.1, l2=1), row(0.8, lr=0.2, l2=2))
    assert "lr and l2 vary together" in tied
    twice = caveats(*(row(0.9, init=i, seed=s) for i in "ab" for s in (0, 0, 1)))
    assert "2 runs of the same setting and seed" in twice


def test_the_caveats_name_metrics_that_mislead():
    def rows(metric, key="init"):
        return [RunRow(v, {key: v, "seed": "0"}, {metric: 0.5}) for v in "ab"]

    assert "test set" in caveats(*rows("test/accuracy"))
    assert "training set" in caveats(*rows("train/accuracy"))
    assert "different units" in caveats(*rows("best/val_loss", "loss"), metric="best/val_loss")
    assert "different examples" in caveats(*rows(METRIC, "data.validation"))


def test_settings_and_runs_are_written_as_csv_with_all_digits():
    table = simulate(
        RNG, lambda init, lr: 0.1 * (init == "he"), 0.001, seeds=2, init=("he", "xavier"), lr=("0.1", "0.2")
    )
    failed = row(None, "FAILED", init='a,"b"', lr="0.1", seed=0)
    lonely = RunRow("lonely", {"data": "other"}, {}, "FAILED")
    other = RunRow("r2", {"data": "wine", "seed": "0"}, {"best/val_r2": 0.5})
    analysis = rank(RunTable([*table.rows, failed, lonely, other]))
    settings = lines(settings_csv(analysis))
    assert [each["rank"] for each in settings] == ["1", "2", "3", "4", "", "1"]
    first = analysis.groups[0].settings[0]
    assert float(settings[0]["mean"]) == first.estimate.mean
    assert (settings[0]["init"], settings[0]["n"], settings[0]["p_to_best"]) == ("he", "2", "")
    assert float(settings[2]["p_to_best"]) <= 1
    assert (settings[4]["init"], settings[4]["failed"], settings[4]["mean"]) == ('a,"b"', "1", "")
    runs = lines(runs_csv(analysis))
    assert len(runs) == 11
    assert float(runs[0][METRIC]) == analysis.groups[0].leaderboard[0].value
    assert (runs[0]["seed"] in "01", runs[-1]["name"], runs[-2]["best/val_r2"]) == (True, "lonely", "0.5")


def test_groups_of_tables_are_named_by_file_and_target():
    rows = [
        RunRow(t, {"data": "table", "data.path": "/x/wine.csv.gz", "data.target": t}, {METRIC: 0.5}, code=t)
        for t in ("kind", "kind 2")
    ]
    titles = [group.title for group in rank(RunTable(rows)).groups]
    assert titles == [f"{METRIC} on kind of wine", f"{METRIC} on kind 2 of wine"]


def test_versions_of_the_code_are_a_caveat():
    rows = [RunRow(v, {"init": v}, {METRIC: 0.5}, code=v) for v in "ab"]
    assert "versions of the code" in caveats(*rows)


def test_numbers_that_were_drawn_at_random_do_not_vary_together():
    rng = np.random.default_rng(0)
    assert "vary together" not in caveats(*(row(0.5, lr=lr, l2=l2) for lr, l2 in rng.uniform(size=(10, 2))))
    assert "vary together" in caveats(
        *(row(0.5, lr=lr, l2=lr, init=i) for lr in rng.uniform(size=10) for i in "ab")
    )
