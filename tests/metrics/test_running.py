import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from nnexp.metrics.reports import RegressionReport
from nnexp.metrics.running import R2
from nnexp.tasks import task_of


@given(st.integers(2, 60), st.integers(1, 3), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_running_r2_agrees_with_scikit_learn(n, targets, batch, seed):
    rng = np.random.default_rng(seed)
    y = 5 + rng.standard_normal((n, targets))
    z = y + rng.standard_normal((n, targets))
    score = R2(batch, targets, np.float64)
    score.reset()
    for start in range(0, n, batch):
        score.update(z[start : start + batch], y[start : start + batch])
    assert score.value == pytest.approx(r2_score(y, z), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("value", [1, 0.1, -1.2345678])
def test_r2_of_a_constant_target(value):
    y = np.full((4, 1), value, np.float32)
    for z, expected in ((y, 1), (y + 1, 0)):
        score = R2(4, 1, np.float64)
        score.reset()
        score.update(z, y)
        assert score.value == expected == RegressionReport(y, z, ("a",)).r2[0]


@pytest.mark.parametrize("value", [5000.123, 0.1, 1_517_356_800.7])
def test_r2_of_a_constant_target_does_not_depend_on_rounding(value):
    y = np.full((1000, 1), value)
    assert RegressionReport(y, y + 1, ("a",)).r2[0] == 0
    assert RegressionReport(y, y, ("a",)).r2[0] == 1


def test_a_regression_report_is_in_the_units_of_the_targets():
    rng = np.random.default_rng(0)
    y, predicted = 100 * rng.standard_normal((30, 2)), 100 * rng.standard_normal((30, 2))
    report = RegressionReport(y, predicted, ("price", "weight")).to_json()
    assert report["r2"] == pytest.approx(r2_score(y, predicted))
    for i, name in enumerate(("price", "weight")):
        row = report["per_target"][i]
        assert row["target"] == name
        assert row["mae"] == pytest.approx(mean_absolute_error(y[:, i], predicted[:, i]))
        assert row["rmse"] == pytest.approx(root_mean_squared_error(y[:, i], predicted[:, i]))


def test_r2_of_a_target_that_hardly_varies_is_that_of_float64():
    y = np.array([[-5.1608], [-5.1609], [-5.1608], [-5.1608], [-5.1608], [-5.1608]], np.float32)
    predicted = np.array([[-3.9865], [-5.4648], [-5.0238], [-4.3899], [-5.6672], [-4.7336]], np.float32)
    expected = r2_score(y.astype(np.float64), predicted.astype(np.float64))
    assert expected < -1e8
    assert RegressionReport(y, predicted, ("a",)).r2[0] == pytest.approx(expected)
    far = y.astype(np.float64) + 1e9  # where the difference of two sums of squares has no digit left
    assert task_of("regression").score_of(far + 0.01, far) == pytest.approx(r2_score(far, far + 0.01))
