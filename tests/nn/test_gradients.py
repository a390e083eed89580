"""Gradients against central finite differences, for networks that hypothesis draws."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp.nn.activations import ACTIVATIONS
from nnexp.nn.initializers import Xavier
from nnexp.nn.losses import SoftmaxCrossEntropy
from nnexp.nn.models import MLP, Softmax
from nnexp.nn.network import Network

STEP = 1e-6

models = st.one_of(
    st.builds(MLP, st.lists(st.integers(1, 7), min_size=1, max_size=4), st.sampled_from(list(ACTIVATIONS))), st.builds(Softmax)
)


@settings(deadline=None)
@given(models, st.integers(1, 6), st.integers(1, 6), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_gradients_agree_with_finite_differences(model, batch, inputs, classes, seed):
    rng = np.random.default_rng(seed)
    network = Network(model.layers(classes), (inputs,), batch, np.float64)
    network.initialize(Xavier(), rng)
    network.theta[:] += 0.1 * rng.standard_normal(network.theta.shape)  # biases too, and off the kink of ReLU
    loss = SoftmaxCrossEntropy()
    loss.allocate(batch, classes, np.float64)
    x, y = rng.standard_normal((batch, inputs)), rng.integers(0, classes, batch)

    loss.forward(network.forward(x.copy()), y)
    network.backward(loss.backward())
    found = network.grad.copy()

    direction = rng.standard_normal(network.theta.shape)
    direction /= np.linalg.norm(direction)
    theta = network.theta.copy()
    values = []
    for sign in (1, -1):
        network.theta[:] = theta + sign * STEP * direction
        values.append(loss.forward(network.forward(x.copy()), y))
    assert abs(found @ direction - (values[0] - values[1]) / (2 * STEP)) < 1e-6


def test_the_first_layer_is_spared_the_gradient_of_its_input():
    network = Network(MLP([3]).layers(2), (4,), 5)
    assert network.layers[0].dx.size == 0
    assert network.layers[2].dx.shape == (5, 3)
