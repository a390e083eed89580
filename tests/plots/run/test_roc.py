import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from nnexp.plots import ranking
from nnexp.plots.run.roc import Ranking


def examples(n, levels, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    score = 0.4 * truth + rng.random(n)
    return truth, np.round(score * levels) / levels if levels else score


@pytest.mark.parametrize("levels", [0, 3, 20], ids=["all different", "many equal", "some equal"])
@pytest.mark.parametrize("n", [10, 1000])
def test_curves_and_areas_are_those_of_scikit_learn(n, levels, compare):
    truth, score = examples(n, levels)
    found = Ranking.of(truth, score)
    false, true, _ = roc_curve(truth, score, drop_intermediate=False)
    compare(found.roc, (false, true))
    compare(found.auc, roc_auc_score(truth, score))
    precision, recall, _ = precision_recall_curve(truth, score)
    compare(found.precision[::-1], precision[:-1])
    compare(found.recall[::-1], recall[:-1])
    compare(found.average_precision, average_precision_score(truth, score))


def test_a_class_that_all_or_none_are_of_has_no_ranking():
    for truth in (np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)):
        assert Ranking.of(truth, np.linspace(0, 1, len(truth))) is None


def test_one_class_or_several_can_be_drawn(tmp_path):
    found = {f"${i}$ class": Ranking.of(*examples(5000, 0, i)) for i in range(10)}
    figure = ranking(dict(list(found.items())[:1]), "test")
    assert "AUC 0." in figure.axes[0].get_title()
    figure.savefig(tmp_path / "one.png")
    ranking(found, "test").savefig(tmp_path / "ten.png")
    assert (tmp_path / "ten.png").stat().st_size > 5000
