"""Metrics agree with scikit-learn on the same outputs: ties, saturation and imbalance included."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from nnexp.metrics.calibration import BINS, ReliabilityBins
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.ranking import ThresholdCounts, macro_areas
from nnexp.metrics.reports import ConfusionReport, MultilabelReport
from nnexp.nn.output_activations import log_odds, probabilities

SHARES = st.sampled_from([0.5, 0.1, 1 / 200])
SCALES = st.sampled_from([1e-3, 1.0, 30.0, 1e4])
seeds = st.integers(0, 2**32 - 1)


def draw(seed, n, classes, share, scale, tied):
    """Draw classes (N,), the last one rare, and float32 outputs (N, C) of that scale, some of them equal."""
    rng = np.random.default_rng(seed)
    rare = rng.random(n) < share
    y = np.where(rare, classes - 1, rng.integers(0, classes - 1, n) if classes > 2 else 0)
    z = rng.standard_normal((n, classes))
    z[np.arange(n), y] += 1
    z = np.round(z) if tied else z
    return y, (scale * z).astype(np.float32)


def expected_calibration_error(confidence, correct):
    """Sum over scikit-learn's reliability curve; its bins have their upper edge too."""
    counts = np.histogram(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence), np.arange(BINS + 1))
    accuracy, mean = calibration_curve(correct, confidence, n_bins=BINS)
    return (counts[0][counts[0] > 0] / len(correct)) @ np.abs(accuracy - mean)


@given(seeds, st.integers(2, 400), SHARES, SCALES, st.booleans())
def test_areas_are_those_of_scikit_learn_on_the_logits(seed, n, share, scale, tied):
    y, z = draw(seed, n, 2, share, scale, tied)
    predicted = z.argmax(axis=1)
    predictions = Predictions(np.arange(n), y, predicted, None, log_odds(z, predicted))
    ((_, truth, score),) = predictions.binary_scores(["no", "yes"])
    reference = z[:, 1].astype(np.float64) - z[:, 0]
    np.testing.assert_array_equal(score, reference)
    counts = ThresholdCounts.of(truth, score)
    if len(set(y)) < 2:
        assert counts is None
        return
    assert counts.auc == pytest.approx(roc_auc_score(y, reference), abs=1e-12)
    assert counts.average_precision == pytest.approx(average_precision_score(y, reference), abs=1e-12)
    np.testing.assert_allclose(counts.roc, roc_curve(y, reference, drop_intermediate=False)[:2], atol=1e-12)
    precision, recall, _ = precision_recall_curve(y, reference)
    np.testing.assert_allclose(counts.precision[::-1], precision[:-1])
    np.testing.assert_allclose(counts.recall[::-1], recall[:-1])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "identity"])
def test_saturated_outputs_keep_their_rank(activation):
    z = np.array([[0, 900], [0, 500], [0, 400], [0, 100], [0, 90]], np.float32)
    y = np.array([1, 1, 0, 1, 0])
    predictions = Predictions(
        np.arange(5), y, np.ones(5, int), probabilities(z, activation)[:, 1], log_odds(z, np.ones(5, int))
    )
    ((_, truth, score),) = predictions.binary_scores(["no", "yes"])
    assert (predictions.confidence == 1).all()
    assert ThresholdCounts.of(truth, score).auc == roc_auc_score(y, z[:, 1]) == pytest.approx(5 / 6)
    assert predictions.most_confident_mistakes(1).tolist() == [2]


LARGE = np.array([98.095, 98.4612, 98.1145, 97.6037, 98.9425, 99.2644, 99.8768], np.float32)
TINY = np.array([1.39e-17, 1.4e-17, 2e-17, 5e-18])


@pytest.mark.parametrize(
    ("truth", "score"),
    [
        (np.arange(7) > 0, LARGE),
        (np.array([0, 1, 1, 0], bool), TINY),
        (np.arange(5000) % 3 == 0, np.random.default_rng(0).random(5000).astype(np.float16)),
        (np.arange(9) % 2 == 0, np.zeros(9)),
    ],
    ids=["large", "tiny", "more ties than float16 counts", "constant"],
)
def test_scores_of_any_size_and_type_are_ranked_as_by_scikit_learn(truth, score):
    counts = ThresholdCounts.of(truth, score)
    assert counts.auc == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert counts.average_precision == pytest.approx(average_precision_score(truth, score), abs=1e-12)


@pytest.mark.parametrize(
    ("confidence", "correct", "error"),
    [
        ([0.95, 1.0], [1, 0], 0.475),
        ([0, 1, 0, 1], [0, 1, 0, 1], 0),
        ([0.0], [1], 1),
        ([0.9, 0.8], [1, 1], 0.15),
    ],
)
def test_confidences_of_exactly_0_and_1_are_counted(confidence, correct, error):
    bins = ReliabilityBins.of(np.array(confidence), np.array(correct, bool))
    assert bins.counts.sum() == len(correct)
    assert bins.expected_calibration_error == pytest.approx(error)


@given(seeds, st.integers(1, 200), st.integers(2, 6), SCALES, st.booleans())
def test_confidences_and_their_calibration_are_those_of_float64(seed, n, classes, scale, tied):
    y, z = draw(seed, n, classes, 0.3, scale, tied)
    predicted = z.argmax(axis=1)
    confidence = probabilities(z, "softmax").max(axis=1)
    np.testing.assert_allclose(confidence, softmax(z.astype(np.float64), axis=1).max(axis=1), rtol=1e-14)
    bins = ReliabilityBins.of(confidence, predicted == y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        expected = expected_calibration_error(confidence, predicted == y)
    assert bins.expected_calibration_error == pytest.approx(expected, abs=1e-12)


@given(seeds, st.integers(1, 60), st.integers(2, 6), st.sampled_from([0.1, 1.0, 5.0]))
def test_log_odds_are_those_of_the_softmax(seed, n, classes, scale):
    _, z = draw(seed, n, classes, 0.3, scale, tied=False)
    predicted = z.argmax(axis=1)
    log_p = np.take_along_axis(log_softmax(z.astype(np.float64), axis=1), predicted[:, None], axis=1)[:, 0]
    others = z.astype(np.float64)
    np.put_along_axis(others, predicted[:, None], -np.inf, axis=1)
    rest = logsumexp(others, axis=1) - logsumexp(z.astype(np.float64), axis=1)
    np.testing.assert_allclose(log_odds(z, predicted), log_p - rest, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", range(1, BINS))
def test_a_confidence_on_an_edge_is_in_the_bin_below_it_as_in_scikit_learn(k):
    edge = np.linspace(0, 1, BINS + 1)[k]
    assert ReliabilityBins.of(np.array([edge]), np.array([True])).counts[k - 1] == 1


@given(seeds, st.integers(1, 100), st.integers(2, 5), SHARES, SCALES, st.booleans())
def test_accuracy_and_f1_are_those_of_scikit_learn(seed, n, classes, share, scale, tied):
    y, z = draw(seed, n, classes, share, scale, tied)
    predicted = z.argmax(axis=1)
    report = ConfusionReport.of(y, predicted, range(classes))
    assert report.accuracy == accuracy_score(y, predicted)
    expected = f1_score(y, predicted, labels=range(classes), average=None, zero_division=np.nan)
    np.testing.assert_allclose(report.f1, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # predicted classes without examples
        assert report.balanced_accuracy == pytest.approx(balanced_accuracy_score(y, predicted), abs=1e-12)
    assert report.macro_f1 == pytest.approx(f1_score(y, predicted, average="macro"), abs=1e-12)
    labels = MultilabelReport(y[:, None] == range(classes), z > 0, tuple("abcde"[:classes]))
    expected = f1_score(y[:, None] == range(classes), z > 0, average=None, zero_division=np.nan)
    ours = [np.nan if row["f1"] is None else row["f1"] for row in labels.to_json()["per_label"]]
    np.testing.assert_allclose(ours, expected)
    defined = expected[~np.isnan(expected)]
    assert labels.metrics().get("macro_f1") == (pytest.approx(defined.mean()) if len(defined) else None)


@given(seeds, st.integers(1, 60), st.integers(1, 4), SHARES)
def test_areas_of_labels_are_averaged_over_those_that_are_true_of_some_examples_only(seed, n, labels, share):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, labels)) < share
    score = np.round(rng.standard_normal((n, labels)), 1)
    areas = macro_areas(zip(truth.T, score.T, strict=True))
    kept = truth.any(axis=0) & ~truth.all(axis=0)
    if not kept.any():
        assert areas == {}
        return
    expected = roc_auc_score(truth[:, kept], score[:, kept], average="macro")
    assert areas["auc"] == pytest.approx(expected, abs=1e-12)
    expected = average_precision_score(truth[:, kept], score[:, kept], average="macro")
    assert areas["average_precision"] == pytest.approx(expected, abs=1e-12)
