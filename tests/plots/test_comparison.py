import numpy as np
import pytest

from nnexp.plots.comparison import RunCurves, all_curves, metric_curves, metric_names, svg
from nnexp.plots.run.confusion import difference
from nnexp.plots.style import draw_side_by_side, save


def run(label="A", unit="epoch", n=3, **metrics):
    metrics = metrics or {"train/loss": 0.1, "val/loss": 0.2, "val/accuracy": 0.9, "lr": 0.01}
    history = [(i, {name: value * 0.99**i for name, value in metrics.items()}) for i in range(1, n + 1)]
    return RunCurves(label=label, unit=unit, history=history)


def test_every_metric_has_axes_and_every_run_a_line():
    runs = [run(), run("B $x"), run("C", **{"val/r2": 0.5})]
    assert metric_names(runs) == ["train/loss", "val/loss", "val/accuracy", "val/r2", "lr"]
    figure = all_curves(runs)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2, 2, 1, 2, 0]
    assert len(figure.legends[0].texts) == 3


def test_runs_whose_steps_have_different_units_are_drawn_over_the_fraction_of_the_training():
    axes = metric_curves([run(), run(unit="step", n=50)], "lr").axes[0]
    assert axes.get_xlabel() == "fraction of the training"
    assert [line.get_xdata()[-1] for line in axes.lines] == [1, 1]


def test_equal_curves_are_both_visible():
    below, above = metric_curves([run(), run("B")], "val/loss").axes[0].lines
    assert below.get_linewidth() > 2 * above.get_linewidth()


def test_a_wide_range_of_losses_has_a_logarithmic_axis_and_r2_shows_every_run():
    assert metric_curves([run(n=2000)], "train/loss").axes[0].get_yscale() == "log"
    good = RunCurves(label="A", unit="epoch", history=[(1, {"val/r2": -90.0}), (2, {"val/r2": 0.9})])
    low = RunCurves(label="B", unit="epoch", history=[(1, {"val/r2": -9.0}), (2, {"val/r2": -3.0})])
    assert -4 < metric_curves([good, low], "val/r2").axes[0].get_ylim()[0] < -3


def test_a_run_that_diverges_does_not_flatten_the_curves_of_the_others():
    axes = metric_curves([run(), run("B", **{"val/loss": 1e19})], "val/loss").axes[0]
    assert axes.get_ylim()[1] < 1
    assert [text.get_text() for text in axes.texts] == ["beyond these axes: 1 of 2 curves"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_and_runs_without_metrics_are_left_out(value):
    diverged = RunCurves(label="B", unit="epoch", history=[(1, {"val/loss": 1.0}), (2, {"val/loss": value})])
    empty = RunCurves(label="C", unit="epoch", history=[])
    (line,) = metric_curves([diverged, empty], "val/loss").axes[0].lines
    assert line.get_xdata().tolist() == [1]
    assert len(all_curves([empty]).axes) == 2


def test_the_same_plot_is_the_same_svg_with_text_as_text():
    first, second = (svg(metric_curves([run()], "lr")) for _ in range(2))
    assert first == second
    assert "learning rate</text>" in first


@pytest.mark.parametrize("n", [2, 30, 100])
def test_differences_of_any_number_of_classes_can_be_drawn(n, tmp_path):
    matrix, classes = np.eye(n, dtype=int) * 5, [f"$class_{i}$" for i in range(n)]
    image = difference(np.roll(matrix, 1, axis=1), matrix, classes, "test", "A").draw()
    assert svg(image).count("<image") == 1
    save(draw_side_by_side([image, image]), tmp_path / "difference.png")
    assert (tmp_path / "difference.png").stat().st_size > 1000
