"""Comparisons: t-tests as SciPy's, Holm's correction, and error rates of simulated sweeps."""

from math import sqrt

import numpy as np
import pytest
from fixtures.run_tables import row, simulate
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnexp.analysis import RunTable, rank
from nnexp.analysis.comparisons import Sample, compare, compare_samples, holm
from nnexp.analysis.estimate import resolution_of

RNG = np.random.default_rng(1)
A, B = RNG.normal(0.90, 0.01, 6), RNG.normal(0.92, 0.02, 6)


def sample(label, values, first=0):
    return Sample(label, {(str(first + seed),): float(value) for seed, value in enumerate(values)})


def test_common_seeds_are_paired():
    result = compare(sample("a", A), sample("b", B))
    expected = stats.ttest_rel(B, A)
    interval = expected.confidence_interval()
    assert (result.test, result.difference.n) == ("paired t-test", 6)
    assert result.p == pytest.approx(expected.pvalue)
    assert result.difference.mean == pytest.approx(np.mean(B - A))
    assert (result.difference.low, result.difference.high) == pytest.approx((interval.low, interval.high))


def test_only_common_seeds_are_paired():
    result = compare(sample("a", A), sample("b", B, first=2))
    assert result.p == pytest.approx(stats.ttest_rel(B[:4], A[2:]).pvalue)


@pytest.mark.parametrize("first", [5, 6])
def test_without_two_common_seeds_it_is_welchs_test(first):
    result = compare(sample("a", A), sample("b", B[:4], first))
    expected = stats.ttest_ind(B[:4], A, equal_var=False)
    interval = expected.confidence_interval()
    assert result.test == "Welch's t-test"
    assert result.p == pytest.approx(expected.pvalue)
    assert (result.difference.low, result.difference.high) == pytest.approx((interval.low, interval.high))


def test_folds_are_tested_with_the_corrected_variance():
    result = compare(sample("a", A), sample("b", B), overlap=1 / 5)
    differences = B - A
    t = differences.mean() / sqrt(differences.var(ddof=1) * (1 / 6 + 1 / 5))
    assert result.p == pytest.approx(2 * stats.t.sf(abs(t), 5))


@pytest.mark.parametrize(("a", "b"), [([0.9], [0.95]), ([0.9], [0.95, 0.96]), ([0.9, 0.8], [0.95])])
def test_single_results_are_not_tested(a, b):
    result = compare(sample("a", a), sample("b", b))
    assert (result.p, result.is_significant) == (None, False)
    assert "chance" in result.note


def test_equal_results_do_not_differ_and_constant_differences_are_not_tested():
    same = compare(sample("a", A), sample("b", A))
    assert (same.p, same.difference.mean) == (1.0, 0.0)
    constant = compare(sample("a", A), sample("b", A + 0.01))
    assert (constant.p, constant.is_significant) == (None, False)
    assert "no spread" in constant.note


def test_two_equal_differences_of_rounded_scores_are_no_proof():
    samples = [sample("a", [340 / 360, 341 / 360]), sample("b", [341 / 360, 342 / 360])]
    (result,) = compare_samples(samples, resolution=1 / 360)
    assert result.p == pytest.approx(2 * stats.t.sf(sqrt(2) * sqrt(6), 1))


@pytest.mark.parametrize(
    ("values", "examples", "step"),
    [
        ([17 / 18, 17 / 18, 281 / 288], 0, 1 / 288),
        ([17 / 18, 16 / 18], 288, 1 / 288),
        ([17 / 18, 17 / 18], 0, 0.0),  # of how many examples is not to be seen
        ([1.0, 1.0], 288, 1 / 288),
        ([0.123456789, 0.123456789, 0.2], 0, 0.0),
        ([0.123456789, 0.2], 40, 1 / 40),
        ([0.6, 0.8], 0, 0.01),
        ([], 0, 0.0),
    ],
)
def test_the_step_of_shares_is_the_reciprocal_of_their_common_denominator(values, examples, step):
    assert resolution_of(values, examples) == pytest.approx(step, rel=1e-12)


def test_holms_correction_of_a_known_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust


@given(st.lists(st.floats(0, 1), max_size=8), st.integers(0, 5))
def test_holms_correction_rejects_what_the_step_down_procedure_rejects(p_values, more):
    adjusted = holm(p_values, more)
    m = len(p_values) + more
    for level in (0.01, 0.05, 0.3):
        rejected = 0
        for p in sorted(p_values):
            if p * (m - rejected) >= level:
                break
            rejected += 1
        assert sum(p < level for p in adjusted) == rejected
    assert all(p <= q for p, q in zip(p_values, adjusted, strict=True))


def test_of_very_many_settings_each_is_compared_with_the_best_and_all_pairs_count():
    samples = [sample(str(label), RNG.normal(0, 1, 3)) for label in range(200)]
    results = compare_samples(samples)
    assert {result.a for result in results} == {"0"}
    smallest = min(results, key=lambda result: result.p)
    assert smallest.adjusted_p == min(1.0, smallest.p * 200 * 199 / 2)


def false_positive_rate(seeds, runs, **values):
    """Return how often any two settings of equal quality are called different."""
    rng = np.random.default_rng(0)
    sweeps = (simulate(rng, lambda **_: 0.0, 0.01, seeds, **values) for _ in range(runs))
    return np.mean([any(c.is_significant for c in rank(sweep).groups[0].comparisons) for sweep in sweeps])


def power(effect, seeds, runs):
    """Return how often an effect of that many standard deviations of a run is called significant."""
    rng = np.random.default_rng(0)
    sweeps = (
        simulate(rng, lambda init: 0.01 * effect * (init == "he"), 0.01, seeds, init=("he", "xavier"))
        for _ in range(runs)
    )
    return np.mean([rank(sweep).groups[0].comparisons[0].is_significant for sweep in sweeps])


def expected_power(effect, seeds):
    """Return the power of a paired t-test; a difference has sqrt(2) of the standard deviation of a run."""
    critical = stats.t.ppf(0.975, seeds - 1)
    noncentrality = effect / sqrt(2) * sqrt(seeds)
    return stats.nct.sf(critical, seeds - 1, noncentrality) + stats.nct.cdf(
        -critical, seeds - 1, noncentrality
    )


def three_errors(rate, runs):
    return 3 * sqrt(rate * (1 - rate) / runs)


def test_noise_is_called_significant_in_at_most_5_percent_of_sweeps():
    rate = false_positive_rate(5, 150, init=("he", "xavier", "lecun"), lr=(0.1, 0.01))
    assert 0 < rate < 0.05 + three_errors(0.05, 150)


@pytest.mark.parametrize(("effect", "seeds"), [(1.5, 5), (2.0, 8)])
def test_a_known_effect_is_called_significant_at_the_rate_of_the_test(effect, seeds):
    expected = expected_power(effect, seeds)
    assert power(effect, seeds, 200) == pytest.approx(expected, abs=three_errors(expected, 200))


@pytest.mark.long
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_error_rate_holds_over_many_sweeps(seeds):
    rate = false_positive_rate(seeds, 4000, init=("he", "xavier", "lecun"), lr=(0.1, 0.01, 0.001))
    assert rate < 0.05 + three_errors(0.05, 4000)


@pytest.mark.long
@pytest.mark.parametrize("effect", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_the_power_holds_over_many_sweeps(effect):
    expected = expected_power(effect, 5)
    assert power(effect, 5, 4000) == pytest.approx(expected, abs=three_errors(expected, 4000))


def test_one_run_of_each_setting_is_compared_without_a_test():
    (group,) = rank(RunTable([row(0.9, init="he"), row(0.8, init="xavier")])).groups
    assert [comparison.p for comparison in group.comparisons] == [None]
    assert any("range(5)" in caveat for caveat in group.caveats)
