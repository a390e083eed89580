"""Tables of any runs: missing params and metrics, infinite values, failed runs, repeated names."""

from math import isfinite

import pytest
from fixtures.run_tables import METRIC
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.analysis.text.csv_tables import runs_csv, settings_csv

TEXTS = st.sampled_from(["1", "0.1", "1e-3", "nan", "inf", "null", "a", "[64, 64]", "", "=x", "Ω", "true"])
PARAMS = st.dictionaries(
    st.sampled_from(
        ["seed", "data", "data.fold", "data.folds", "optimizer", "optimizer.lr", "init", "a.b.lr", "loss"]
    ),
    TEXTS,
)
VALUES = st.one_of(
    st.sampled_from([0.0, 0.5, 0.97, float("nan"), float("inf"), -1e30, 1e38]), st.floats(0, 1)
)
METRICS = st.dictionaries(
    st.sampled_from([METRIC, "best/val_loss", "best/val_r2", "test/accuracy", "train/r2", "time/total"]),
    VALUES,
)
ROWS = st.builds(
    RunRow,
    st.text(max_size=3),
    PARAMS,
    METRICS,
    st.sampled_from(["FINISHED", "FINISHED", "FAILED", "KILLED", "RUNNING"]),
    st.one_of(st.none(), st.floats(0, 100)),
    st.text(max_size=2),
    st.sampled_from(["", "sha1", "sha2"]),
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(ROWS, max_size=15),
    st.lists(st.sampled_from(["seed", "optimizer", "optimizer.lr", "experiment"]), max_size=2, unique=True),
    st.sampled_from([None, None, "best/val_loss"]),
)
def test_any_table_is_analyzed(rows, swept, metric):
    analysis = analyze(RunTable(rows, swept, metric))
    listed = [each.row for group in analysis.groups for each in group.leaderboard]
    assert len(listed) + len(analysis.without_result) == len(rows)
    for group in analysis.groups:
        assert sum(len(setting.rows) for setting in group.settings) == len(group.leaderboard)
        assert len({setting.label for setting in group.settings}) == len(group.settings)
        for comparison in group.comparisons:
            assert comparison.p is None or 0 <= comparison.p <= comparison.adjusted_p <= 1
        for setting in group.settings:
            assert setting.estimate is None or isfinite(setting.estimate.mean)
        shares = group.importance.params if group.importance else ()
        assert all(each.share >= 0 for each in shares)
    assert settings_csv(analysis).count("\n") > 0
    assert runs_csv(analysis).count("\n") >= len(rows)


@pytest.mark.parametrize("status", ["KILLED", "RUNNING"])
def test_a_run_that_has_not_finished_has_no_result(status):
    rows = [RunRow("a", {"lr": "1"}, {METRIC: 0.5}), RunRow("b", {"lr": "2"}, {METRIC: 0.9}, status)]
    (group,) = analyze(RunTable(rows)).groups
    assert [each.rank for each in group.leaderboard] == [1, None]
    assert group.best.label == "lr=1"
