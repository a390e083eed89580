import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from nnexp.plots.run.roc import ThresholdCounts, roc_and_precision_recall


def examples(n, levels, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    score = 0.4 * truth + rng.random(n)
    return truth, np.round(score * levels) / levels if levels else score


@pytest.mark.parametrize("levels", [0, 3, 20], ids=["all different", "many equal", "some equal"])
@pytest.mark.parametrize("n", [10, 1000])
def test_curves_and_areas_are_those_of_scikit_learn(n, levels, compare):
    truth, score = examples(n, levels)
    counts = ThresholdCounts.of(truth, score)
    false, true, _ = roc_curve(truth, score, drop_intermediate=False)
    compare(counts.roc, (false, true))
    compare(counts.auc, roc_auc_score(truth, score))
    precision, recall, _ = precision_recall_curve(truth, score)
    compare(counts.precision[::-1], precision[:-1])
    compare(counts.recall[::-1], recall[:-1])
    compare(counts.average_precision, average_precision_score(truth, score))


@pytest.mark.parametrize("truth", [np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)])
def test_a_class_that_all_or_no_examples_have_has_no_curve(truth):
    assert ThresholdCounts.of(truth, np.linspace(0, 1, len(truth))) is None


def test_one_class_or_several_can_be_drawn(tmp_path):
    curves = {f"${i}$ class": ThresholdCounts.of(*examples(5000, 0, i)) for i in range(10)}
    figure = roc_and_precision_recall({"0": curves["$0$ class"]}, "test")
    assert "AUC 0." in figure.axes[0].get_title()
    figure.savefig(tmp_path / "one.png")
    roc_and_precision_recall(curves, "test").savefig(tmp_path / "ten.png")
    assert (tmp_path / "ten.png").stat().st_size > 5000
