"""Main effects, interactions, importance and costs of simulated sweeps with known effects."""

from math import sqrt

import numpy as np
import pytest
from fixtures.run_tables import METRIC, row, simulate
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.analysis.effects import main_effects
from nnexp.analysis.importance import importance_of
from nnexp.analysis.importance.functional_anova import functional_anova
from nnexp.analysis.importance.random_forest import random_forest
from nnexp.analysis.interaction import interaction_of
from nnexp.analysis.pareto import pareto_front
from nnexp.analysis.run_group import comparable_groups
from nnexp.analysis.settings import summarize_settings

GRID = {"init": ("he", "xavier"), "lr": (0.1, 0.01, 0.001)}


def group_of(table):
    return comparable_groups(table)[0][0]


def additive(init, lr):
    return 0.05 * (init == "he") + 0.01 * (lr == 0.01)


def crossed(init, lr):
    return 0.05 * ((init == "he") == (lr == 0.1))


def test_an_effect_is_averaged_over_the_other_params_and_paired_over_seeds():
    table = simulate(np.random.default_rng(0), additive, 0.002, **GRID)
    init, lr = main_effects(group_of(table))
    values = {name: np.zeros((3, 5)) for name in GRID["init"]}
    for each in table.rows:
        place = GRID["lr"].index(float(each.params["lr"])), int(each.params["seed"])
        values[each.params["init"]][place] = each.metrics[METRIC]
    he, xavier = (values[name].mean(axis=0) for name in GRID["init"])
    assert (init.key, init.unit) == ("init", "repeats")
    assert [level.estimate.mean for level in init.levels] == pytest.approx([he.mean(), xavier.mean()])
    assert init.comparisons[0].p == pytest.approx(stats.ttest_rel(he, xavier).pvalue)
    assert init.comparisons[0].is_significant
    assert [level.value for level in lr.levels] == ["0.001", "0.01", "0.1"]
    assert len({c.adjusted_p for effect in (init, lr) for c in effect.comparisons}) > 1


def test_without_seeds_an_effect_is_paired_over_the_other_params():
    table = simulate(np.random.default_rng(0), additive, 0.002, seeds=1, **GRID)
    (init,) = [effect for effect in main_effects(group_of(table)) if effect.key == "init"]
    assert (init.unit, init.levels[0].estimate.n) == ("settings", 3)


def test_a_value_that_failed_here_and_there_is_compared_where_it_did_not():
    table = simulate(np.random.default_rng(0), additive, 0.0001, seed_effect=0, **GRID)
    rows = [
        row(None, "FAILED", **r.params) if r.params["lr"] == "0.1" and r.params["init"] == "he" else r
        for r in table.rows
    ]
    lr = next(effect for effect in main_effects(group_of(RunTable(rows))) if effect.key == "lr")
    means = {level.value: level.estimate.mean for level in lr.levels}
    assert means == pytest.approx({"0.001": 0.8, "0.01": 0.81, "0.1": 0.8}, abs=0.001)  # of xavier alone
    assert "left out" in lr.note


def test_a_value_that_diverged_nearly_always_is_left_out_of_its_effect():
    table = simulate(np.random.default_rng(0), additive, 0.001, **GRID)
    rows = [
        row(None, "FAILED", **r.params) if r.params["lr"] == "0.1" and r.params["seed"] != "0" else r
        for r in table.rows
    ]
    lr = next(effect for effect in main_effects(group_of(RunTable(rows))) if effect.key == "lr")
    assert [level.value for level in lr.levels] == ["0.001", "0.01"]
    assert "0.1" in lr.note


def test_many_numbers_of_a_random_search_are_cut_into_ranges():
    rng = np.random.default_rng(0)
    rates, decays = 10 ** rng.uniform(-4, 0, 100), rng.uniform(size=100)
    rows = [
        row(0.9 - 0.02 * abs(np.log10(lr) + 2), lr=lr, l2=decay)
        for lr, decay in zip(rates, decays, strict=True)
    ]
    lr = next(effect for effect in main_effects(group_of(RunTable(rows))) if effect.key == "lr")
    assert [level.estimate.n for level in lr.levels] == [20] * 5
    assert max(lr.levels, key=lambda level: level.estimate.mean).value.startswith("0.00")
    assert lr.comparisons[0].test == "Welch's t-test"
    assert lr.note


def test_noise_has_no_significant_effect_in_95_percent_of_sweeps():
    rng = np.random.default_rng(0)
    runs = 150
    sweeps = [simulate(rng, lambda **_: 0.0, 0.01, 4, **GRID) for _ in range(runs)]
    rate = np.mean(
        [
            any(c.is_significant for e in main_effects(group_of(sweep)) for c in e.comparisons)
            for sweep in sweeps
        ]
    )
    assert 0 < rate < 0.05 + 3 * sqrt(0.05 * 0.95 / runs)


def residual_sum(columns, y):
    x = np.column_stack(columns)
    return float(((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum())


@pytest.mark.parametrize(("score", "is_significant"), [(additive, False), (crossed, True)])
def test_the_interaction_is_tested_as_a_linear_model_with_and_without_it(score, is_significant):
    table = simulate(np.random.default_rng(3), score, 0.01, **GRID)
    result = interaction_of(group_of(table), ("init", "lr"))
    y = np.array([each.metrics[METRIC] for each in table.rows])
    init, lr, seed = (
        np.stack([[each.params[key] == str(v) for each in table.rows] for v in values], 1).astype(float)
        for key, values in {**GRID, "seed": range(5)}.items()
    )
    both = (init[:, :, None] * lr[:, None, :]).reshape(len(y), -1)
    small, large = residual_sum([init, lr, seed], y), residual_sum([both, seed], y)
    df, df_residual = 2, 20
    f = (small - large) / df / (large / df_residual)
    assert result.p == pytest.approx(stats.f.sf(f, df, df_residual))
    assert (result.p < 0.05) == is_significant
    assert (result.rows, result.columns) == (("he", "xavier"), ("0.001", "0.01", "0.1"))
    assert result.counts == ((5, 5, 5), (5, 5, 5))


def test_an_interaction_with_missing_cells_has_means_but_no_test():
    table = simulate(np.random.default_rng(3), additive, 0.01, **GRID)
    rows = [each for each in table.rows if (each.params["init"], each.params["lr"]) != ("he", "0.1")]
    result = interaction_of(group_of(RunTable(rows)), ("init", "lr"))
    assert result.means[0][2] is None
    assert result.p is None
    assert result.note


def test_functional_anova_gives_the_shares_of_known_variances():
    # variances: init 0.05^2 / 4, lr 0.01^2 2/9, noise of a run 0.02^2, of a seed none
    rng = np.random.default_rng(0)
    table = simulate(rng, additive, 0.02, seeds=400, seed_effect=0.0, **GRID)
    importance = importance_of(group_of(table))
    variances = np.array([0.05**2 / 4, 0.01**2 * 2 / 9, 0.02**2])
    shares = [*(each.share for each in importance.params), importance.noise]
    assert importance.method == "functional ANOVA"
    assert [each.label for each in importance.params] == ["init", "lr"]
    assert shares == pytest.approx(variances / variances.sum(), abs=0.02)
    assert importance.interactions[0].share < 0.005


def test_the_shares_of_a_grid_without_seeds_add_up_to_1():
    rng = np.random.default_rng(0)
    values = {"a": "xyz", "b": "xy", "c": "xyzw"}
    importance = functional_anova(group_of(simulate(rng, lambda **_: 0.0, 1.0, seeds=1, **values)))
    three_way = 1 - sum(each.share for each in (*importance.params, *importance.interactions))
    assert 0 <= three_way < 1
    assert (importance.noise, bool(importance.note)) == (None, True)


def test_equal_runs_have_no_importance_although_their_means_are_rounded():
    table = RunTable([row(0.1, a=a, b=b) for a in "xyz" for b in "xy"])
    assert functional_anova(group_of(table)) is None


def test_noise_alone_explains_nothing_on_average():
    rng = np.random.default_rng(0)
    sweeps = [functional_anova(group_of(simulate(rng, lambda **_: 0.0, 0.01, **GRID))) for _ in range(60)]
    assert np.mean([each.noise for each in sweeps]) > 0.85


def test_a_random_forest_gives_half_the_increase_of_error():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(300, 3))
    rows = [row(0.5 + 0.3 * a + 0.1 * b + rng.normal(0, 0.01), lr=a, momentum=b, l2=c) for a, b, c in x]
    importance = random_forest(group_of(RunTable(rows)))
    shares = {each.label: each.share for each in importance.params}
    assert [each.label for each in importance.params][:2] == ["lr", "momentum"]
    assert shares["lr"] == pytest.approx(0.9, abs=0.1)
    assert shares["momentum"] == pytest.approx(0.1, abs=0.04)
    assert shares["l2"] < 0.02
    assert importance.fit > 0.9


def test_a_random_forest_takes_params_that_only_some_runs_have():
    rng = np.random.default_rng(0)
    rows = [row(0.9 + rng.normal(0, 0.01), optimizer="adam", lr=lr) for lr in rng.uniform(size=30)]
    rows += [
        row(0.7 + rng.normal(0, 0.01), optimizer="sgd", lr=lr, momentum=lr / 2) for lr in rng.uniform(size=30)
    ]
    importance = importance_of(group_of(RunTable(rows)))
    assert importance.method == "random forest"
    assert {each.label for each in importance.params[:2]} == {"optimizer", "momentum"}  # which vary together
    assert importance_of(group_of(RunTable(rows[:10]))) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_pareto_front_holds_what_nothing_dominates(points):
    rows = [
        RunRow(str(i), {"lr": str(i)}, {METRIC: score / 10, "time/total": float(cost)})
        for i, (cost, score) in enumerate(points)
    ]
    group = group_of(RunTable(rows))
    front = pareto_front(group, summarize_settings(group))
    for point in front.points:
        dominated = any(
            other.cost <= point.cost
            and other.score >= point.score
            and (other.cost, other.score) != (point.cost, point.score)
            for other in front.points
        )
        assert not (dominated and point.is_optimal)
    best = {(point.cost, point.score) for point in front.points if point.is_optimal}
    assert all(any(c <= p.cost and s >= p.score for c, s in best) for p in front.points)


def test_a_sweep_is_analyzed_as_a_whole():
    (group,) = analyze(simulate(np.random.default_rng(0), crossed, 0.005, **GRID)).groups
    assert group.best.params in (
        {"init": "he", "lr": "0.1"},
        {"init": "xavier", "lr": "0.01"},
        {"init": "xavier", "lr": "0.001"},
    )
    assert group.interaction.keys == tuple(each.key for each in group.importance.params[:2])
    text = " ".join(group.conclusion)
    assert "The effect of" in text
    assert "depends on" in text
    assert "95 % interval" in text


def test_a_score_that_is_the_cost_has_no_front():
    rows = [RunRow(lr, {"lr": lr}, {"time/total": float(lr)}) for lr in ("0.1", "0.2")]
    (group,) = analyze(RunTable(rows, metric="time/total")).groups
    assert (group.best.label, group.pareto) == ("lr=0.1", None)
