import numpy as np
import pytest

from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.predictions import Predictions


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    confidence, correct = np.array([0.9, 0.9, 0.9, 0.62]), np.array([True, False, False, True])
    bins = ReliabilityBins.of(confidence, correct)
    assert bins.expected_calibration_error == pytest.approx(3 / 4 * abs(1 / 3 - 0.9) + 1 / 4 * 0.38)
    assert bins.overconfidence == pytest.approx(confidence.mean() - 0.5)


def test_a_bin_holds_its_upper_edge_as_in_the_paper():
    confidence = np.array([0.0, 0.2, 0.2000001, 1.0])
    assert ReliabilityBins.of(confidence, np.ones(4, bool), bins=5).counts.tolist() == [2, 1, 0, 0, 1]


def test_bins_of_float32_agree_with_a_loop_over_them():
    rng = np.random.default_rng(0)
    confidence, correct = rng.random(2000).astype(np.float32), rng.random(2000) < 0.7
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean(dtype=np.float64))
    bins = ReliabilityBins.of(confidence, correct)
    assert bins.expected_calibration_error == pytest.approx(total, abs=1e-6)


def test_each_label_of_an_example_is_a_decision():
    true, confidence = np.array([[True, False]]), np.array([[0.9, 0.6]])
    labels = Predictions(np.array([0]), true, confidence > 0.5, confidence)
    np.testing.assert_allclose(labels.decisions()[0], [0.9, 0.6])
    assert labels.decisions()[1].tolist() == [True, False]
    assert [name for name, _, _ in labels.binary_scores(["a", "b"])] == ["a", "b"]


def test_of_two_classes_the_second_has_a_score_and_of_more_none():
    classes = Predictions(np.arange(2), np.array([1, 0]), np.array([1, 0]), np.array([0.9, 0.8]))
    ((name, truth, score),) = classes.binary_scores(["no", "yes"])
    assert (name, truth.tolist()) == ("yes", [True, False])
    np.testing.assert_allclose(score, [0.9, 0.2])
    assert classes.binary_scores(["a", "b", "c"]) == []
