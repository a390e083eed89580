"""Compiled pooling and maxout against NumPy's: random windows, with many equal numbers in them."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp import nn
from nnexp.nn.initializers import He
from nnexp.nn.layer import Buffer
from nnexp.nn.network import Network

pytest.importorskip("numba")
from nnexp.kernels import dense, pooling
from nnexp.kernels.twins import TWINS, compile_object

MODULES = (dense, pooling)  # whose twins are compared
EXACT = {"float32": 1e-5, "float64": 1e-10}


def outputs_and_gradients(layer, x):
    y = layer.forward(x).copy()
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
    return y, layer.backward(dy).copy()


def compare(layer, inputs, n, dtype):
    assert type(layer) in TWINS
    layer.connect(inputs)
    layer.allocate(n, dtype)
    x = Buffer(n, inputs, dtype)(n)
    x[...] = np.random.default_rng(0).integers(-2, 3, x.shape)
    compiled = deepcopy(layer)
    assert compile_object(compiled)
    for one, other in zip(outputs_and_gradients(compiled, x), outputs_and_gradients(layer, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=EXACT[dtype], atol=EXACT[dtype])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.tuples(st.integers(1, 4), st.integers(4, 9), st.integers(4, 9)),
    st.integers(1, 40),
    st.sampled_from(sorted(EXACT)),
)
def test_pooling_agrees_for_any_window_and_stride(kind, kernel, stride, inputs, n, dtype):
    compare(kind(kernel, stride), inputs, n, dtype)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("n", [1, 9])
def test_the_mean_of_channels_agrees(n, dtype):
    compare(nn.GlobalAvgPool2d(), (3, 4, 5), n, dtype)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("pieces", [2, 3, 300], ids="{} pieces".format)
def test_maxout_agrees(pieces, dtype):
    compare(nn.Maxout(pieces), (2 * pieces,), 5, dtype)


def test_a_window_with_more_pixels_than_a_byte_counts_agrees():
    compare(nn.MaxPool2d(17), (1, 17, 18), 3, "float32")


@pytest.mark.parametrize(
    "layer", [nn.MaxPool2d(2), nn.AvgPool2d(2), nn.GlobalAvgPool2d()], ids=lambda layer: type(layer).__name__
)
def test_nan_stays_nan(layer):
    layer.connect((1, 2, 2))
    layer.allocate(4, np.float32)
    compile_object(layer)
    x = Buffer(4, (1, 2, 2), np.float32)(4)
    x[...] = np.arange(4).reshape(2, 2)
    for k in range(4):
        x[k, 0, k // 2, k % 2] = np.nan
    assert np.isnan(layer.forward(x)).all()


@pytest.mark.parametrize("stride", [1, 2])
def test_a_relu_before_maximum_pooling_is_joined_with_it_and_agrees(stride):
    inputs = (3, 5, 6)
    x = np.random.default_rng(0).integers(-3, 2, (4, *inputs)).astype(np.float64)
    results = []
    for is_compiled, observers in ((False, None), (True, None), (True, {"layer": None})):
        layers = [nn.Conv2d(2, 2), "relu", nn.MaxPool2d(2, stride), nn.Flatten(), nn.Dense(2)]
        network = Network(layers, inputs, 4, np.float64)
        network.initialize(He(), np.random.default_rng(0))
        if is_compiled:
            assert all(map(compile_object, [network.stack, network.layers[2]]))
            assert len(network.stack.steps) == 4
        z = network.forward(x, training=True, observe=observers).copy()
        network.backward(np.ones_like(z))
        results.append(np.concatenate([z.ravel(), network.grad]))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-12, atol=1e-12)
