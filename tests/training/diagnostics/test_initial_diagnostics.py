"""What the initialization gives is measured in the first step, before the weights change."""

import json
from contextlib import suppress

import numpy as np
import pytest
from fixtures.components import components, train

from nnexp import compose, run
from nnexp.cli.api import resume
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.run_folder import LAYERS, RunFolder, history
from nnexp.training.diagnostics.layer_diagnostics import named_layers

OVERRIDES = ["model.hidden=[20,10]", "trainer.epochs=2", "trainer.dtype=float64"]


def first_batches(made, n=1):
    """Return the first batches, as they train."""
    batches = made.train.rest()
    return [(x.copy(), y.copy()) for x, y in (next(batches) for _ in range(n))]


@pytest.mark.parametrize("accumulate", [1, 3])
def test_activations_gradients_and_weights_are_those_of_the_first_step(accumulate):
    overrides = [*OVERRIDES, f"trainer.accumulate={accumulate}", "regularization.l2=0.1"]
    made, twin = components(*overrides), components(*overrides)
    train(made)
    measured = made.diagnostics.take_initial()
    batches = first_batches(twin, accumulate)
    x = np.concatenate([x for x, _ in batches])
    layers = named_layers(twin.network)
    for name, layer in layers.items():
        x = x @ layer.W + layer.b
        x = x if name == "dense3" else np.maximum(x, 0)
        assert measured[f"activation_std/{name}"] == pytest.approx(x.std())
        assert measured[f"activation_mean/{name}"] == pytest.approx(x.mean())
        dead = (x == x[:1]).all(axis=0).mean()
        assert measured.get(f"dead_units/{name}", 0) == pytest.approx(dead)
        assert measured[f"weight_norm/{name}"] == pytest.approx(np.linalg.norm(layer.W))
    assert "dead_units/dense3" not in measured
    gradient = np.zeros_like(twin.network.grad)
    for inputs, targets in batches:
        twin.trainer.loss.forward(twin.network.forward(inputs, training=True), targets)
        twin.network.backward(twin.trainer.loss.backward())
        gradient += twin.network.grad * len(inputs)
    twin.network.grad[:] = gradient / sum(len(inputs) for inputs, _ in batches)
    for name, layer in layers.items():
        expected = np.hypot(np.linalg.norm(layer.dW), np.linalg.norm(layer.db))
        assert measured[f"grad_norm/{name}"] == pytest.approx(expected)
    assert made.diagnostics.take_initial() == {}, "once"


def test_batch_normalization_is_measured_as_in_training_and_its_statistics_stay():
    overrides = ["model=deep", "model.normalization=batch", "init=xavier_normal", "trainer.epochs=1"]
    made = components(*overrides)
    train(made)
    measured = made.diagnostics.take_initial()
    stds = [value for name, value in measured.items() if name.startswith("activation_std/")][:-1]
    assert min(stds) > 0.4, "each layer's inputs have variance 1, however small the weights are"


def test_nothing_is_returned_while_the_first_step_is_not_complete():
    made = components(*OVERRIDES, "trainer.accumulate=4")
    made.trainer.pause()
    assert next(made.trainer.epochs()) is None
    assert made.trainer.steps_taken == 0
    assert made.diagnostics.take_initial() == {}
    assert {name.partition("/")[0] for name in made.diagnostics.take_initial(at_end=True)} == {
        *("activation_mean", "activation_std", "dead_units")
    }


def initial_rows(folder):
    rows = [values for step, values in history(RunFolder(folder).entries()) if step == 0]
    return [values for values in rows if "best/epoch" not in values]


def test_they_are_logged_once_at_step_0_which_is_no_evaluation(alone):
    result = run(compose(["data=digits", "tracking=none", *OVERRIDES]))
    (values,) = initial_rows(result.folder)
    assert {name.rpartition("/")[2] for name in values} == {"dense1", "dense2", "dense3"}
    assert not [name for name in values if name.startswith(("update_ratio", "train/", "val/"))]
    assert list(result.history_frame().index) == [1, 2]
    arrays = RunFolder(result.folder).arrays(LAYERS)
    assert arrays["steps"].tolist() == [0, 1, 2]
    assert int(arrays["dense1/size"]) == 64 * 20 + 20
    resume(result.folder, ["trainer.epochs=3"], display="quiet")
    assert initial_rows(result.folder) == [values]


def test_a_run_that_diverges_at_its_first_batch_shows_its_activations(alone):
    with suppress(DivergedError):
        run(compose(["data=digits", "tracking=none", "model=deep", "init=constant", "init.value=1e20"]))
    (journal,) = alone.rglob("journal.jsonl")
    (values,) = initial_rows(journal.parent)
    assert values["activation_std/dense1"] > 1e18
    assert json.dumps(values).count("Infinity") > 3


@pytest.mark.parametrize("off", [["layers"], ["histograms"], ["layers", "histograms"]])
def test_they_can_be_switched_off(alone, off):
    switches = [f"diagnostics.{name}=false" for name in off]
    result = run(compose(["data=digits", "tracking=none", *OVERRIDES, *switches]))
    assert bool(initial_rows(result.folder)) == ("layers" not in off)
    arrays = RunFolder(result.folder).arrays(LAYERS)
    assert bool(arrays) == (len(off) == 1)
    assert ("steps" in arrays) == ("histograms" not in off)
