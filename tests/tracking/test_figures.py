import numpy as np
import pytest

from nnexp.tracking.figures import confusion, curves, labels, predictions


def report(n, names=None):
    matrix = np.full((n, n), 1) + np.eye(n, dtype=int) * 100
    names = names or [str(i) for i in range(n)]
    return {"matrix": matrix.tolist(), "classes": names, "accuracy": float(np.trace(matrix) / matrix.sum())}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_confusion_matrix_shows_counts_names_and_accuracy():
    figure = confusion(report(10), "validation")
    axes = figure.axes[0]
    assert "validation accuracy 91.82%" in axes.get_title()
    assert "90 of 1,100 wrong" in axes.get_title()
    assert sorted(set(texts(figure))) == ["1", "101"]
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(i) for i in range(10)]
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares.sum(axis=1), 1)


@pytest.mark.parametrize("names", [["a"] * 2, ["a very long class name"] * 10, ["x"] * 100], ids=["2", "long", "100"])
def test_any_number_of_classes_with_any_names_can_be_drawn(names, tmp_path):
    confusion(report(len(names), names), "test").savefig(tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").stat().st_size > 1000


@pytest.mark.parametrize("n", [1, 3, 100])
def test_curves_mark_the_best_epoch(n, tmp_path):
    values = [{"train/loss": 1, "val/loss": 2, "train/accuracy": 0.5, "val/accuracy": i / n, "lr": 0.1} for i in range(n)]
    figure = curves(list(enumerate(values, 1)))
    assert f"best {(n - 1) / n:.2%} in epoch {n}" in figure.axes[1].get_title()
    figure.savefig(tmp_path / "curves.png")


def test_curves_mark_the_evaluation_whose_weights_were_kept():
    values = [{"train/loss": 1, "val/loss": 2, "train/accuracy": 0.5, "val/accuracy": i / 10, "lr": 0.1} for i in range(3)]
    assert "best 10.00% in step 20" in curves([(10, values[0]), (20, values[1]), (30, values[2])], "step", 20.0).axes[1].get_title()


def test_fits_and_labels_can_be_drawn(tmp_path):
    rng = np.random.default_rng(0)
    for n, targets in ((1, 1), (50, 2), (6000, 1), (20, 6)):
        y = rng.standard_normal((n, targets))
        fit = {"per_target": [{"target": f"t{i}", "r2": 0.5, "mae": 0.1, "rmse": 0.2} for i in range(targets)]}
        predictions(y, y + 0.1, fit, "test").savefig(tmp_path / "fit.png")
    found = {"accuracy": 0.9, "exact_match": 0.5}
    found["per_label"] = [{"label": f"l{i}", "precision": 0.5, "recall": 1.0, "f1": 0.66, "support": 7} for i in range(40)]
    labels(found, "test").savefig(tmp_path / "labels.png")
    assert (tmp_path / "labels.png").stat().st_size > 5000
