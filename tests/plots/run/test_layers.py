"""Plots over depth: which layers, evaluations and scales are drawn."""

from math import inf, nan

import pytest

from nnexp.plots.run.layers import layers_over_depth, plots
from nnexp.plots.run_data import RunData
from nnexp.run_folder import RunFolder

NAMES = [f"dense{i}" for i in range(1, 12)]


def row(names=NAMES, std=1.0, factor=0.5, dead=0.1):
    values = {f"activation_std/{name}": std * factor**i for i, name in enumerate(names)}
    values |= {f"grad_norm/{name}": 2 * std * factor**i for i, name in enumerate(names)}
    return values | {f"dead_units/{name}": dead for name in names[:-1]}


def sizes(names=NAMES):
    return dict.fromkeys(names, 100)


def labels(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def test_layers_stand_in_the_order_of_the_forward_pass_10_after_9(tmp_path):
    figure = layers_over_depth([(at, row()) for at in range(30)], NAMES, sizes())
    figure.savefig(tmp_path / "layers.png")
    activations, gradients, dead = figure.axes
    assert labels(activations) == [str(i) for i in range(1, 12)]
    drawn = [line.get_label() for line in activations.get_lines()]
    assert drawn == ["initialization", "epoch 6", "epoch 12", "epoch 17", "epoch 23", "epoch 29"]
    assert gradients.get_lines()[0].get_ydata()[0] == pytest.approx(2 / 10), "a root mean square"
    assert len(dead.get_lines()[0].get_ydata()) == 11


def test_layers_of_several_kinds_have_their_names():
    names = ["conv1", "conv2", "dense1"]
    figure = layers_over_depth([(0, row(names)), (4, row(names))], names, sizes(names), "step")
    assert labels(figure.axes[0]) == names
    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["initialization", "step 4"]


@pytest.mark.parametrize(
    ("values", "panels"),
    [
        (row(std=0.0, dead=1.0), 1),
        (row(std=inf), 1),
        (row(std=nan, dead=0.0), 0),
        (row(std=1e30, factor=1e-20), 3),
        (row(dead=0.0), 2),
    ],
    ids=["zero", "infinite", "nan", "far apart", "none dead"],
)
def test_values_that_have_no_logarithm_are_left_out(values, panels, tmp_path):
    figure = layers_over_depth([(0, values)], NAMES, sizes())
    figure.savefig(tmp_path / "layers.png")
    assert len(figure.axes) == panels


@pytest.mark.parametrize(("names", "is_drawn"), [(NAMES[:2], False), (NAMES[:3], True)])
def test_two_layers_have_no_depth(names, is_drawn, tmp_path):
    entries = [{"kind": "run"}, {"kind": "metrics", "step": 0, "values": row(names)}]
    drawn = [path for path, _ in plots(RunData(RunFolder(tmp_path), entries))]
    assert drawn == (["layers.png"] if is_drawn else [])


def test_gradients_are_drawn_only_where_the_sizes_of_the_layers_are_known():
    figure = layers_over_depth([(0, row())], NAMES, {})
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["standard deviation of activations", "share of dead units"]
