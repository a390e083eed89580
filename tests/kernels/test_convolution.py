"""The compiled convolution against the NumPy one: outputs and gradients of random shapes, ten steps."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp import nn
from nnexp.nn.initializers import He
from nnexp.nn.layer import Buffer
from nnexp.nn.models.convolutional import CNN, LeNet5
from nnexp.nn.network import Network
from nnexp.optim.optimizers import SGD
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.helper import is_supported
from nnexp.training.threads.products import Products

pytest.importorskip("numba")
from nnexp.kernels import convolution, pooling
from nnexp.kernels.substitution import layers as all_layers
from nnexp.kernels.twins import compile_object

EXACT = {"float32": 1e-5, "float64": 1e-10}  # relative to the largest value
MODULES = (convolution, pooling)  # whose twins are compared


def close(one, other, dtype):
    largest = max(np.abs(other).max(initial=0), 1e-30)
    np.testing.assert_allclose(one, other, rtol=0, atol=EXACT[dtype] * largest)


def both(layer, inputs, n, dtype, capacity=None, seed=0):
    """Return outputs, dx and gradients of a layer behind an image layer, NumPy's and the compiled ones."""
    layer.connect(inputs)
    layer.allocate(capacity or n, dtype)
    rng = np.random.default_rng(seed)
    shapes = layer.shapes()
    values = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    results = []
    x = Buffer(n, inputs, dtype)(n)
    x[...] = rng.integers(-3, 4, x.shape)  # many equal numbers
    compiled = deepcopy(layer)
    assert compile_object(compiled)
    for one in (layer, compiled):
        grads = {name: np.full(shape, np.nan, dtype) for name, shape in shapes.items()}
        one.bind(values, grads, {})
        y = one.forward(x).copy()
        dy = np.random.default_rng(seed + 1).standard_normal(y.shape).astype(dtype)
        dx = one.backward(dy).copy()
        results.append([y, dx, *grads.values()])
    return zip(*results, strict=True)


@st.composite
def convolutions(draw):
    kernel, padding = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    least = max(1, kernel - 2 * padding)
    inputs = draw(st.tuples(st.integers(1, 9), st.integers(least, 12), st.integers(least, 12)))
    stride, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    return nn.Conv2d(outputs, kernel, stride, padding, bias=draw(st.booleans())), inputs


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.integers(1, 70), st.sampled_from(sorted(EXACT)), st.booleans())
def test_outputs_and_gradients_are_those_of_the_numpy_layer(drawn, n, dtype, needs_dx):
    layer, inputs = drawn
    layer.needs_dx = needs_dx
    for numpy, compiled in both(layer, inputs, n, dtype):
        close(compiled, numpy, dtype)


@pytest.mark.parametrize("n", [1, 17, 600], ids="batch {}".format)
def test_runs_longer_than_a_tile_and_of_a_single_image_agree(n):
    for numpy, compiled in both(nn.Conv2d(6, 5, 1, 2), (2, 9, 9), n, "float64", capacity=600):
        close(compiled, numpy, "float64")


def test_images_that_do_not_lie_pixel_by_pixel_are_taken():
    layer = nn.Conv2d(3, 2)
    layer.connect((2, 4, 4))
    layer.allocate(5, np.float64)
    W, b = np.random.default_rng(0).standard_normal((2, 24))[:, :24]
    layer.bind({"W": W, "b": b[:3]}, {"W": np.empty(24), "b": np.empty(3)}, {})
    x = np.random.default_rng(1).standard_normal((5, 2, 4, 4))
    numpy = layer.forward(x).copy()
    compile_object(layer)
    close(layer.forward(x), numpy, "float64")


@pytest.mark.parametrize("model", [LeNet5(), LeNet5("tanh", "avg"), CNN([5, 6])], ids=str)
@pytest.mark.parametrize("dtype", EXACT)
def test_ten_steps_of_a_network_agree(model, dtype):
    weights = []
    for is_compiled in (False, True, True):
        network = Network(model.layers((3, 12, 10), 4), (3, 12, 10), 7, dtype)
        network.initialize(He(), np.random.default_rng(0))
        if is_compiled:
            assert sum(map(compile_object, all_layers(network.stack))) >= 4
        rng = np.random.default_rng(1)
        for size in (7, 7, 7, 3, 7, 7, 7, 7, 1, 7):
            network.forward(rng.standard_normal((size, 3, 12, 10)).astype(dtype), training=True)
            network.backward(rng.standard_normal((size, 4)).astype(dtype))
            network.theta -= 1e-3 * network.grad
        weights.append(network.theta)
    numpy, compiled, again = weights
    close(compiled, numpy, dtype)
    assert (compiled == again).all()


@pytest.mark.skipif(not is_supported(), reason="the C library has no spin locks")
def test_threads_that_share_a_convolution_change_no_bit():
    model, inputs = LeNet5(), (1, 28, 28)
    x = np.random.default_rng(1).standard_normal((64, *inputs)).astype(np.float32)
    gradients = []
    for limit in (1, 2, 3):
        network = Network(model.layers(inputs, 10), inputs, 64)
        network.initialize(He(), np.random.default_rng(0))
        list(map(compile_object, all_layers(network.stack)))
        products = Products(limit)
        products.use_in(network, OptimizerStep(network, SGD(lr=0.1)))
        with products.running():
            for _ in range(3):
                z = network.forward(x, training=True)
                network.backward(z.copy())
            assert products.are_shared == (limit > 1)
        products.close()
        convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
        gradients.append(np.concatenate([layer.dW.ravel() for layer in convolutions]))
    for gradient in gradients[1:]:
        assert (gradient == gradients[0]).all()
