import pytest

from nnexp.plots.style import COLORS
from nnexp.plots.sweep.curves import Band, CurveMetric, SettingCurves, curves_plot
from nnexp.plots.sweep.panel import draw_panel, draw_plot

LOSS = CurveMetric("val/loss", "validation loss", "lower")
SCORE = CurveMetric("val/accuracy", "validation accuracy", "higher")


def history(*losses):
    return [(step, {"val/loss": loss, "val/accuracy": 1 / (1 + loss)}) for step, loss in enumerate(losses, 1)]


def setting(label, *runs, unit="epoch"):
    return SettingCurves(label, unit, [history(*run) for run in runs])


def axes_of(settings, metric):
    plot = curves_plot(settings, [metric])
    (axes,) = draw_panel(plot.panels[0]).axes
    return axes


def test_a_band_is_the_median_of_the_runs_from_the_lowest_to_the_highest():
    band = Band.of([history(3, 2), history(5, 1), history(4, 9)], "val/loss")
    assert (band.steps, band.middle, band.low, band.high) == ([1, 2], [4, 2], [3, 1], [5, 9])


def test_a_run_that_diverges_or_ends_early_does_not_end_the_band_of_the_others():
    runs = [history(3, 2, 1), history(3, float("inf")), history(3, 2, 2)]
    assert Band.of(runs, "val/loss").steps == [1, 2, 3]


@pytest.mark.parametrize("diverged", [1e19, 50.0])
def test_a_diverging_setting_does_not_flatten_the_others(diverged):
    settings = [
        setting("good", (2, 1, 0.5)),
        setting("better", (2, 0.8, 0.4)),
        setting("bad", [diverged] * 3),
    ]
    axes = axes_of(settings, LOSS)
    assert axes.get_ylim()[1] < 5
    assert [text.get_text() for text in axes.texts] == ["beyond these axes: 1 of 3 curves"]


def test_a_diverging_seed_of_the_best_setting_does_not_flatten_it_either():
    axes = axes_of([setting("best", (2, 1, 0.5), (2, 1, 0.6), (2, 1e9, 1e12))], LOSS)
    assert axes.get_ylim()[1] < 5


def test_settings_that_do_not_diverge_are_all_within_the_axes():
    axes = axes_of([setting("a", (2.3, 0.2)), setting("b", (2.4, 1.9))], LOSS)
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > 2.4
    assert not axes.texts


def test_a_score_is_in_percent_and_losses_over_many_magnitudes_are_logarithmic():
    axes = axes_of([setting("a", (1, 0.1))], SCORE)
    assert axes.yaxis.get_major_formatter()(0.5).endswith("%")
    assert axes_of([setting("a", (100, 1, 1e-4))], LOSS).get_yscale() == "log"


def test_steps_and_epochs_are_drawn_over_the_fraction_of_the_training():
    axes = axes_of([setting("a", (2, 1)), setting("b", (2, 1), unit="step")], LOSS)
    assert axes.get_xlabel() == "fraction of the training"


def test_a_panel_for_each_metric_that_is_logged_and_a_colour_for_each_of_ten_settings():
    settings = [setting(f"setting {i}", (2, 1), (3, 1)) for i in range(12)]
    plot = curves_plot(settings, [LOSS, SCORE, CurveMetric("val/f1", "F1", "higher")])
    assert len(plot.panels) == 2
    assert [color for color, _ in plot.legend] == list(COLORS)
    figure = draw_plot(plot)
    assert figure.legends[0].get_texts()[0].get_text() == "setting 0"
    assert "lowest to the highest" in figure.legends[0].get_title().get_text()


def test_runs_without_any_curve_have_no_plot():
    assert curves_plot([SettingCurves("a", "epoch", [[]])], [LOSS]) is None
