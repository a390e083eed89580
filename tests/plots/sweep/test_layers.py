from math import inf

from nnexp.plots.run.layers import ACTIVATION_STD
from nnexp.plots.sweep.curves import SettingCurves
from nnexp.plots.sweep.layers import layers_plot
from nnexp.plots.sweep.panel import draw_panel, draw_plot


def history(*stds, step=0):
    return [(step, {f"{ACTIVATION_STD}dense{i}": std for i, std in enumerate(stds, 1)})]


def test_a_setting_has_the_median_of_its_runs_and_the_first_is_in_front(tmp_path):
    he = [history(1, 1, 1), history(1, 2, 3), history(1, 9, inf), history(1, 2, 3, step=5)]
    plot = layers_plot(
        [SettingCurves("he", "epoch", he), SettingCurves("xavier", "epoch", [history(1, 0.5, 0)])]
    )
    assert [label for _, label in plot.legend] == ["he", "xavier"]
    first, last = (draw_panel(panel).axes[0] for panel in plot.panels)
    assert [line.get_ydata().tolist() for line in first.lines] == [[1, 0.5, 0], [1, 2, 2]]
    assert [line.get_ydata().tolist() for line in last.lines] == [[1, 2, 3]]
    draw_plot(plot).savefig(tmp_path / "layers.png")


def test_networks_without_depth_have_no_plot():
    assert layers_plot([SettingCurves("a", "epoch", [history(1, 2), []])]) is None
    assert layers_plot([]) is None
