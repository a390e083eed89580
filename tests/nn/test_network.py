import numpy as np
import pytest

from nnexp.nn.initializers import He
from nnexp.nn.models import MLP, Softmax
from nnexp.nn.network import Network


@pytest.fixture
def network():
    network = Network(MLP([8, 6]).layers(3), (5,), 10, np.float64)
    network.initialize(He(), np.random.default_rng(0))
    return network


def test_a_layers_weights_are_views_of_theta(network):
    for layer in (network.layers[0], network.layers[2], network.layers[4]):
        for view in (layer.W, layer.b):
            assert np.shares_memory(view, network.theta)
        for view in (layer.dW, layer.db):
            assert np.shares_memory(view, network.grad)
    assert len(network.parameters) == 5 * 8 + 8 + 8 * 6 + 6 + 6 * 3 + 3


def test_writing_into_theta_changes_the_network(network):
    x = np.ones((2, 5))
    network.theta[:] = 0
    assert not network.forward(x).any()


def test_logits_of_more_examples_than_fit_a_batch_are_those_of_each_alone(network):
    x = np.random.default_rng(1).standard_normal((23, 5))
    alone = np.concatenate([network.logits(row) for row in x])
    np.testing.assert_allclose(network.logits(x), alone, rtol=1e-12)
    assert list(network.predict(x)) == list(alone.argmax(axis=1))
    assert network.logits(x[:0]).shape == (0, 3)


def test_softmax_regression_is_one_dense_layer():
    assert len(Network(Softmax().layers(10), (784,), 1).parameters) == 7850


def test_any_depth():
    assert len(MLP([4] * 30).layers(2)) == 61
