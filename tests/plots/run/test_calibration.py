import numpy as np
import pytest

from nnexp.plots import calibration
from nnexp.plots.run.calibration import Reliability


def test_who_is_as_often_right_as_sure_has_no_calibration_error():
    confidence = np.repeat([0.5, 0.8], 10)
    right = np.r_[np.arange(10) < 5, np.arange(10) < 8]
    assert Reliability.of(confidence, right).ece == pytest.approx(0)


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    confidence, right = np.array([0.9, 0.9, 0.9, 0.62]), np.array([True, False, False, True])
    found = Reliability.of(confidence, right)
    assert found.ece == pytest.approx(3 / 4 * abs(1 / 3 - 0.9) + 1 / 4 * 0.38)
    assert found.overconfidence == pytest.approx(confidence.mean() - 0.5)


def test_a_bin_holds_its_upper_edge_as_in_the_paper():
    confidence = np.array([0.0, 0.2, 0.2000001, 1.0])
    assert Reliability.of(confidence, np.ones(4, bool), bins=5).counts.tolist() == [2, 1, 0, 0, 1]


def test_bins_of_single_precision_agree_with_a_loop_over_them():
    rng = np.random.default_rng(0)
    confidence, right = rng.random(2000).astype(np.float32), rng.random(2000) < 0.7
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean(dtype=np.float64))
    assert Reliability.of(confidence, right).ece == pytest.approx(total, abs=1e-6)


@pytest.mark.parametrize("n", [1, 30, 10_000])
def test_any_number_of_examples_can_be_drawn(n, tmp_path):
    rng = np.random.default_rng(0)
    figure = calibration(rng.random(n).astype(np.float32), rng.random(n) < 0.5, "test")
    figure.savefig(tmp_path / "calibration.png")
    assert figure.texts[0].get_text().startswith("test: ECE 0.")
