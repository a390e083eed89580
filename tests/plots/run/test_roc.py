import numpy as np
import pytest

from nnexp.metrics.ranking import ThresholdCounts
from nnexp.plots.run.roc import roc_and_precision_recall


def examples(n, seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    return truth, 0.4 * truth + rng.random(n)


@pytest.mark.parametrize("truth", [np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)])
def test_a_class_that_all_or_no_examples_have_has_no_curve(truth):
    assert ThresholdCounts.of(truth, np.linspace(0, 1, len(truth))) is None


def test_one_class_or_several_can_be_drawn(tmp_path):
    curves = {f"${i}$ class": ThresholdCounts.of(*examples(5000, i)) for i in range(10)}
    figure = roc_and_precision_recall({"0": curves["$0$ class"]}, "test")
    assert "AUC 0." in figure.axes[0].get_title()
    figure.savefig(tmp_path / "one.png")
    roc_and_precision_recall(curves, "test").savefig(tmp_path / "ten.png")
    assert (tmp_path / "ten.png").stat().st_size > 5000
