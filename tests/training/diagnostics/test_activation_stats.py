import numpy as np
import pytest
from fixtures.measured import measured

from nnexp.nn.activations.from_output import ReLU, Tanh
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.dropout import Dropout
from nnexp.nn.layers.flatten import Flatten, Unflatten
from nnexp.nn.layers.normalization import BatchNorm1d
from nnexp.nn.layers.pooling import MaxPool2d
from nnexp.nn.network import Network
from nnexp.training.diagnostics.activation_stats import activation_after_each
from nnexp.training.diagnostics.layer_diagnostics import named_layers


def test_activations_of_a_network_with_a_residual_block_agree_with_numpy():
    inner = [BatchNorm1d(), Dense(8), Tanh(), Dense(8)]
    network, diagnostics, x = measured([Dense(8), Residual(inner), ReLU(), Dropout(0.5), Dense(3)])
    p, s = network.parameters.values, network.parameters.states
    network.state[...] = np.random.default_rng(3).uniform(0.5, 2, len(network.state))
    network.theta[...] += np.random.default_rng(4).normal(0, 0.2, len(network.theta))
    first = x @ p["0.W"] + p["0.b"]
    normal = (first - s["1.0.mean"]) / np.sqrt(s["1.0.var"] + 1e-5) * p["1.0.gamma"] + p["1.0.beta"]
    second = np.tanh(normal @ p["1.1.W"] + p["1.1.b"])
    third = second @ p["1.3.W"] + p["1.3.b"]
    fourth = np.maximum(first + third, 0) @ p["4.W"] + p["4.b"]
    metrics = diagnostics.measure(1)
    for name, y in {"dense1": first, "dense2": second, "dense3": third, "dense4": fourth}.items():
        W = named_layers(network)[name].W
        assert metrics[f"activation_mean/{name}"] == pytest.approx(y.mean(), rel=1e-12)
        assert metrics[f"activation_std/{name}"] == pytest.approx(y.std(), rel=1e-12)
        assert metrics[f"weight_norm/{name}"] == pytest.approx(np.linalg.norm(W), rel=1e-12)
    assert "grad_norm/dense1" not in metrics, "no step was measured"


def test_activations_are_measured_before_the_next_layer_overwrites_them():
    layers = [Unflatten([1, 5, 5]), Conv2d(4, 3), ReLU(), MaxPool2d(), Flatten(), Dense(3)]
    network, diagnostics, x = measured(layers, (25,))
    W, b = network.parameters.values["1.W"], network.parameters.values["1.b"]
    b[...] = 0.1, -1e6, 0.2, 0.3
    images = x.reshape(-1, 5, 5)
    windows = [images[:, i : i + 3, j : j + 3, None] for i in range(3) for j in range(3)]
    y = np.maximum([(window * W[0]).sum(axis=(1, 2)) + b for window in windows], 0)
    metrics = diagnostics.measure(1)
    assert metrics["activation_mean/conv1"] == pytest.approx(y.mean(), rel=1e-12)
    assert metrics["activation_std/conv1"] == pytest.approx(y.std(), rel=1e-12)
    assert metrics["dead_units/conv1"] == 0.25


def test_a_unit_with_the_same_output_for_all_examples_is_dead_unless_it_is_a_logit():
    network, diagnostics, _ = measured([Dense(8), BatchNorm1d(), ReLU(), Dense(4), Dense(3)])
    assert diagnostics.measure(1)["dead_units/dense1"] == 0
    network.parameters.values["1.beta"][2] = -1e6
    network.parameters.values["3.W"][:, 1:] = 0
    metrics = diagnostics.measure(2)
    assert metrics["dead_units/dense1"] == 1 / 8
    assert metrics["dead_units/dense2"] == 3 / 4, "a constant need not be zero"
    assert "dead_units/dense3" not in metrics


def test_a_unit_is_active_if_one_example_in_the_last_batch_activates_it():
    network, diagnostics, x = measured([Dense(1), ReLU(), Dense(2)])
    network.parameters.values["0.W"][...] = np.eye(6)[:, :1]
    network.parameters.values["0.b"][...] = -1e6
    assert diagnostics.measure(1)["dead_units/dense1"] == 1
    x[-1, 0] = 2e6
    assert diagnostics.measure(2)["dead_units/dense1"] == 0


def test_dead_units_need_two_examples():
    _, diagnostics, _ = measured([Dense(4), ReLU(), Dense(3)], examples=1)
    kinds = ("weight_norm", "activation_mean", "activation_std")
    assert set(diagnostics.measure(1)) == {f"{kind}/dense{i}" for kind in kinds for i in (1, 2)}


def test_the_activation_of_a_layer_is_the_one_that_follows_it_in_its_stack():
    a, b, c, d, e = (Dense(4) for _ in range(5))
    tanh, last = Tanh(), ReLU()
    block = Residual([ReLU(), b, BatchNorm1d(), tanh, c])
    network = Network([a, block, ReLU(), d, Dropout(0.1), BatchNorm1d(), last, e], (4,), 2)
    assert activation_after_each(network.stack) == {a: a, b: tanh, c: c, d: last, e: e}
