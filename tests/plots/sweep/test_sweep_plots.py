from dataclasses import replace

import numpy as np
import pytest

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.plots.sweep.importance import importance_plot
from nnexp.plots.sweep.interaction import interaction_plot, shades
from nnexp.plots.sweep.main_effects import main_effects_plot
from nnexp.plots.sweep.panel import draw_panel, draw_plot
from nnexp.plots.sweep.parallel import parallel_plot
from nnexp.plots.sweep.pareto import pareto_plot
from nnexp.plots.sweep.profile import profile_plot
from nnexp.plots.sweep.ranking import ranking_plot

LAYOUTS = [ranking_plot, main_effects_plot, interaction_plot, importance_plot, parallel_plot, pareto_plot]
LAYOUTS += [profile_plot]
ODD = "$x_1$ <b> 日本\n" + "long " * 30


def group_of(*settings, seeds=2, metric="best/val_accuracy"):
    """Analyse settings, each (optimizer, learning rate, mean result), with small deterministic noise."""
    rows = [
        RunRow(
            name=f"{optimizer} {lr} {seed}",
            params={"optimizer": optimizer, "optimizer.lr": lr, "seed": str(seed), "data": "zoo"},
            metrics={metric: mean + 0.001 * ((3 * seed + i) % 4), "time/total": 1.0 + i},
            id=f"{i}-{seed}",
        )
        for i, (optimizer, lr, mean) in enumerate(settings)
        for seed in range(seeds)
    ]
    return analyze(RunTable(rows, metric=metric)).groups[0]


GRID = [("adam", "0.01", 0.97), ("adam", "0.1", 0.93), ("sgd", "0.01", 0.91), ("sgd", "0.1", 0.95)]


def drawn(plot):
    (axes,) = draw_panel(plot.panels[0]).axes
    return axes


def texts_of(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("metric", ["best/val_accuracy", "test/loss"])
def test_every_plot_of_a_grid_is_drawn_for_higher_and_lower_is_better(layout, metric):
    plot = layout(group_of(*GRID, metric=metric))
    assert draw_plot(plot).axes
    assert metric in plot.note + plot.title + str(plot.panels) or plot.name == "importance"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_of_any_script_length_and_markup_are_drawn(layout):
    settings = [(f"{ODD}{i}", lr, 0.9 + 0.01 * i) for i in range(3) for lr in ("1e-05", "10")]
    draw_plot(layout(group_of(*settings))).canvas.draw()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_setting_has_none_of_these_plots(layout):
    assert layout(group_of(GRID[0])) is None


def test_the_ranking_shows_the_better_half_and_names_the_value_of_what_is_far_below():
    axes = drawn(ranking_plot(group_of(*GRID, ("zero", "0.01", 0.1))))
    assert axes.get_xlim()[0] > 0.8
    assert axes.get_yticklabels()[0].get_text() == "adam lr=0.01"
    assert "10.15%" in texts_of(axes)[0]


def test_without_repeats_the_ranking_says_that_there_is_no_interval():
    assert "which one run does not have" in ranking_plot(group_of(*GRID, seeds=1)).note


def test_all_main_effects_have_one_axis():
    figure = draw_plot(main_effects_plot(group_of(*GRID)))
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert {axes.get_title() for axes in figure.axes} == {"optimizer", "lr"}


def test_a_value_far_below_the_others_is_written_at_the_edge_of_its_main_effect():
    settings = [("adam", str(lr), 0.9 + lr / 100) for lr in range(1, 7)] + [("adam", "9", 0.1)]
    axes = drawn(main_effects_plot(group_of(*settings, seeds=3)))
    assert axes.get_ylim()[0] > 0.5
    assert [text for text in texts_of(axes) if text.startswith("10.")]


def test_an_interaction_has_a_number_in_each_cell_and_crosses_out_missing_ones():
    axes = drawn(interaction_plot(group_of(*GRID, ("zero", "0.01", 0.1))))
    assert len(texts_of(axes)) == 5
    assert len(axes.patches) == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_one_value_far_below_the_others_does_not_use_up_the_colours(sign):
    shade = shades([[sign * 0.97, sign * 0.95], [sign * 0.1, None]], higher=sign > 0)
    assert shade[0, 0] == pytest.approx(0.95)
    assert shade[0, 1] - shade[1, 0] > 0.3
    assert np.isnan(shade[1, 1])


def test_bars_of_importance_are_those_of_params_interactions_and_chance():
    plot = importance_plot(group_of(*GRID))
    labels = [label.get_text() for label in drawn(plot).get_yticklabels()]
    assert {"optimizer", "lr", "seeds and folds (chance)"} <= {*labels}
    assert plot.note.startswith("Share of the variance")


def test_parallel_coordinates_have_a_line_for_each_setting_and_end_at_the_metric():
    axes = drawn(parallel_plot(group_of(*GRID)))
    assert len(axes.collections[0].get_segments()) == 4
    assert [label.get_text() for label in axes.get_xticklabels()][-1] == "best/val_accuracy"


def test_many_numbers_of_a_param_are_placed_by_their_size():
    settings = [(name, str(10.0**-n), 0.9 + n / 1000) for n in range(14) for name in ("adam", "sgd")]
    axes = drawn(parallel_plot(group_of(*settings)))
    assert len(texts_of(axes)) < 10


def test_the_pareto_front_is_numbered_and_named():
    plot = pareto_plot(group_of(*GRID))
    assert [label for _, label in plot.legend] == ["1  adam lr=0.01"]
    assert texts_of(drawn(plot)) == ["1"]


def test_what_is_unknown_has_no_plot():
    group = replace(group_of(*GRID), importance=None, interaction=None, pareto=None, effects=())
    assert [layout(group) for layout in LAYOUTS[1:4]] == [None, None, None]
    assert pareto_plot(group) is None


@pytest.mark.parametrize("layout", [main_effects_plot, pareto_plot])
def test_a_setting_whose_loss_diverges_does_not_flatten_the_others(layout):
    group = group_of(("adam", "0.1", 0.3), ("adam", "1", 0.5), ("sgd", "0.1", 1e12), metric="best/val_loss")
    for axes in draw_plot(layout(group)).axes:
        assert max(axes.get_ylim()) < 10
