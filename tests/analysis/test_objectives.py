"""Settings and runs of several objectives: their fronts, and what the leaderboard says of them."""

import csv
import io

import pytest
from fixtures.run_tables import METRIC

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.analysis.text.csv_tables import settings_csv
from nnexp.analysis.text.wording import rank_texts

BOTH = f'["{METRIC}", "parameters"]'
POINTS = {
    "a": (0.8, 100),
    "b": (0.9, 300),
    "c": (0.7, 200),
    "d": (0.9, 400),
    "e": (0.6, 500),
    "f": (None, 50),
}


def table(optimized=BOTH, **options):
    rows = []
    for model, (accuracy, size) in POINTS.items():
        metrics = {"parameters": float(size)} | ({} if accuracy is None else {METRIC: accuracy})
        params = {"model": model, "data": "digits", "optimized_metric": optimized}
        rows.append(RunRow(model, params, metrics))
    return RunTable(rows, **options)


@pytest.mark.parametrize("options", [{}, {"metric": METRIC, "objectives": [METRIC, "parameters"]}])
def test_settings_of_several_objectives_are_sorted_by_front_then_by_the_first_objective(options):
    (group,) = analyze(table("null" if options else BOTH, **options)).groups
    assert group.objectives == {METRIC: "higher", "parameters": "lower"}
    assert [setting.params["model"] for setting in group.settings] == ["b", "a", "d", "c", "e", "f"]
    assert rank_texts(group) == ["1", "1", "2", "2", "3", ""]
    assert [row.rank for row in group.leaderboard] == [1, 1, 2, 2, 3, None]
    assert [setting.params["model"] for setting in group.front] == ["b", "a"]
    assert group.best is group.settings[0]


def test_the_title_the_conclusion_and_the_table_say_what_was_optimized():
    analysis = analyze(table())
    (group,) = analysis.groups
    assert group.title == f"{METRIC} and parameters on digits"
    assert group.conclusion[0].startswith("2 of 6 settings are on the Pareto front: ")
    assert group.conclusion[1].startswith(f"model=b has the best {METRIC} of 6 settings")
    assert group.pareto.cost == "parameters"
    ranks = [row["rank"] for row in csv.DictReader(io.StringIO(settings_csv(analysis)))]
    assert ranks == ["1", "1", "2", "2", "3", ""]


@pytest.mark.parametrize("optimized", [METRIC, "null", f'["parameters", "{METRIC}"]'])
def test_runs_that_are_compared_by_one_metric_have_no_fronts(optimized):
    (group,) = analyze(table(optimized, metric=METRIC)).groups
    assert group.objectives == {}
    assert [setting.params["model"] for setting in group.settings[:3]] == ["b", "d", "a"]
    assert {setting.front for setting in group.settings} == {None}
    assert group.front == []
