import numpy as np
import pytest

from nnexp.plots import curves, labels, predictions


def metrics(i, n, **more):
    return {"train/loss": 1, "val/loss": 2, "train/accuracy": 0.5, "val/accuracy": i / n, "lr": 0.1} | more


@pytest.mark.parametrize("n", [1, 3, 100])
def test_curves_mark_the_best_epoch(n, tmp_path):
    figure = curves(list(enumerate((metrics(i, n) for i in range(n)), 1)))
    assert f"best {(n - 1) / n:.2%} in epoch {n}" in figure.axes[1].get_title()
    figure.savefig(tmp_path / "curves.png")


def test_curves_mark_the_evaluation_whose_weights_were_kept():
    values = [metrics(i, 10) for i in range(3)]
    assert (
        "best 10.00% in step 20"
        in curves([(10, values[0]), (20, values[1]), (30, values[2])], "step", 20.0).axes[1].get_title()
    )


def test_a_run_that_left_the_numbers_has_curves_too(tmp_path):
    lost = {"train/loss": np.inf, "val/loss": np.nan}
    curves([(1, metrics(1, 2)), (2, metrics(0, 2, **lost))]).savefig(tmp_path / "curves.png")
    regression = {"train/loss": 1.0, "val/loss": 1.0, "train/r2": np.nan, "val/r2": -5.0, "lr": 0.1}
    curves([(1, regression)]).savefig(tmp_path / "curves.png")


def test_fits_and_labels_can_be_drawn(tmp_path):
    rng = np.random.default_rng(0)
    for n, targets in ((1, 1), (50, 2), (6000, 1), (20, 6)):
        y = rng.standard_normal((n, targets))
        fit = {
            "per_target": [{"target": f"$t{i}$_", "r2": 0.5, "mae": 0.1, "rmse": 0.2} for i in range(targets)]
        }
        predictions(y, y + 0.1, fit, "test").savefig(tmp_path / "fit.png")
    found = {"accuracy": 0.9, "exact_match": 0.5}
    found["per_label"] = [
        {"label": f"$l{i}$_" * i, "precision": 0.5, "recall": 1.0, "f1": 0.66, "support": 7}
        for i in range(40)
    ]
    labels(found, "test").savefig(tmp_path / "labels.png")
    assert (tmp_path / "labels.png").stat().st_size > 5000
