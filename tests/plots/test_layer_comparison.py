import numpy as np
import pytest

from nnexp.plots.layer_comparison import RunLayers, layer_profiles, profile_plot
from nnexp.plots.run.layers import ACTIVATION_STD, GRAD_NORM

STD, NORM = (ACTIVATION_STD, "initialization"), (GRAD_NORM, "initialization")


def row(names, std=1.0, factor=0.5):
    values = {f"{ACTIVATION_STD}{name}": std * factor**i for i, name in enumerate(names)}
    return values | {f"{GRAD_NORM}{name}": std for name in names}


def dense(*numbers):
    return [f"dense{i}" for i in numbers]


def test_layers_are_in_the_order_of_their_numbers_and_of_several_kinds_numbered_together():
    values = row(dense(1, 2, 4, 10, 12))
    shuffled = dict(sorted(values.items()))  # as MLflow returns them: dense10 before dense2
    run = RunLayers([(0, shuffled), (1, {"train/loss": 1.0})])
    assert run.points(STD) == [(1, 1), (2, 0.5), (4, 0.25), (10, 0.125), (12, 0.0625)]
    mixed = RunLayers([(0, row(["conv1", "conv2", "dense1"]))])
    assert [number for number, _ in mixed.points(STD)] == [1, 2, 3]


def test_each_run_is_a_line_before_the_first_update_and_in_the_end(tmp_path):
    first = RunLayers([(0, row(dense(1, 2, 3))), (1, row(dense(1, 2, 3))), (2, row(dense(1, 2, 3), std=9.0))])
    second = RunLayers([(0, row(dense(1, 2, 3, 4)))])
    profiles = layer_profiles([first, second])
    assert profiles == [(metric, when) for metric, _ in (STD, NORM) for when in (STD[1], "last evaluation")]
    for profile in profiles:
        profile_plot([first, second], profile).savefig(tmp_path / "layers.png")
    assert [len(line.get_xdata()) for line in profile_plot([first, second], STD).axes[0].lines] == [3, 4]
    (last,) = profile_plot([first, second], profiles[1]).axes[0].lines
    assert last.get_ydata()[0] == 9


@pytest.mark.parametrize(
    "history",
    [[], [(1, {"train/loss": 1.0})], [(0, row(dense(1, 2)))], [(0, row(dense(1, 2, 3), std=np.nan))]],
    ids=["no metrics", "no layers", "two layers", "nan"],
)
def test_runs_without_depth_have_no_plot(history):
    assert layer_profiles([RunLayers(history)]) == []
