import numpy as np
import pytest

from nnexp.plots.run.curves import curves
from nnexp.plots.run.multilabel import label_scores
from nnexp.plots.run.regression import predicted_against_true


def metrics(i, n, **more):
    return {"train/loss": 1, "val/loss": 2, "train/accuracy": 0.5, "val/accuracy": i / n, "lr": 0.1} | more


@pytest.mark.parametrize("n", [1, 3, 100])
def test_curves_mark_the_best_epoch(n, tmp_path):
    figure = curves(list(enumerate((metrics(i, n) for i in range(n)), 1)))
    assert figure.axes[1].get_title() == f"accuracy (best epoch {n}: {(n - 1) / n:.2%})"
    figure.savefig(tmp_path / "curves.png")


def test_curves_mark_the_evaluation_whose_weights_were_kept():
    epochs = [(10 * (i + 1), metrics(i, 10)) for i in range(3)]
    assert curves(epochs, "step", 20.0).axes[1].get_title() == "accuracy (best step 20: 10.00%)"


def test_a_run_that_diverged_has_curves(tmp_path):
    diverged = {"train/loss": np.inf, "val/loss": np.nan}
    curves([(1, metrics(1, 2)), (2, metrics(0, 2, **diverged))]).savefig(tmp_path / "curves.png")
    regression = {"train/loss": 1.0, "val/loss": 1.0, "train/r2": np.nan, "val/r2": -5.0, "lr": 0.1}
    curves([(1, regression)]).savefig(tmp_path / "curves.png")


@pytest.mark.parametrize(("n", "targets"), [(1, 1), (50, 2), (6000, 1), (20, 6)])
def test_regressions_can_be_drawn(n, targets, tmp_path):
    y = np.random.default_rng(0).standard_normal((n, targets))
    rows = [{"target": f"$t{i}$_", "r2": 0.5, "mae": 0.1, "rmse": 0.2} for i in range(targets)]
    figure = predicted_against_true(y, y + 0.1, {"per_target": rows}, "test")
    figure.savefig(tmp_path / "predictions.png")
    assert "MAE 0.1" in figure.axes[0].get_title()


def test_scores_of_labels_can_be_drawn(tmp_path):
    scores = {"precision": 0.5, "recall": 1.0, "f1": 0.66, "support": 7}
    labels = [{"label": f"$l{i}$_" * i, **scores} for i in range(40)]
    figure = label_scores({"accuracy": 0.9, "exact_match": 0.5, "per_label": labels}, "test")
    figure.savefig(tmp_path / "labels.png")
    assert (tmp_path / "labels.png").stat().st_size > 5000
