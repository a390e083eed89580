"""Compiled layers against the NumPy ones: outputs, gradients, running statistics, masks; NaN stays NaN."""

from copy import deepcopy
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest
from fixtures.lone_layers import lone

from nnexp import nn
from nnexp.nn.layer import Buffer

pytest.importorskip("numba")
import nnexp.kernels.layers
from nnexp.kernels.twins import TWINS, compile_object

EXACT = {"float32": 1e-5, "float64": 1e-10}  # relative to the largest number
BATCH = 10
VECTORS, IMAGES = (37,), (3, 5, 4)
LAYERS = [
    *(nn.ReLU(), nn.LeakyReLU(0.1), nn.ELU(1.3), nn.SELU(), nn.Tanh(), nn.HardTanh(), nn.Sigmoid()),
    *(nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.PReLU()),
    *(nn.BatchNorm1d(), nn.BatchNorm2d(), nn.LayerNorm(), nn.Dropout(0.3)),
]
SHAPES = {"any": [VECTORS, IMAGES], "vectors": [VECTORS], "images": [IMAGES]}
CASES = [(layer, shape) for layer in LAYERS for shape in SHAPES[layer.takes]]
parametrize = pytest.mark.parametrize(
    ("layer", "shape"), CASES, ids=lambda value: getattr(type(value), "__name__", "")
)


def pair(layer, shape, dtype, in_place=True):
    """Return two stacks of the layer, by NumPy and compiled, with equal parameters and random streams."""
    stacks = []
    for is_compiled in (False, True):
        stack, parameters = lone(deepcopy(layer), shape, BATCH, dtype, in_place)
        stack.set_rng(np.random.default_rng(5))
        assert not is_compiled or compile_object(stack.layers[0])
        stacks.append((stack, parameters))
    return stacks


def batch(shape, n, dtype, seed=0):
    """Return random examples as they lie in a buffer."""
    x = Buffer(n, shape, dtype)(n)
    x[...] = 2 * np.random.default_rng(seed).standard_normal((n, *shape))
    return x


def close(one, other, dtype):
    np.testing.assert_allclose(one, other, rtol=0, atol=EXACT[str(dtype)] * max(np.abs(other).max(), 1))


def test_every_compiled_layer_is_compared():
    for module in iter_modules(nnexp.kernels.layers.__path__, "nnexp.kernels.layers."):
        import_module(module.name)
    compiled = {cls for cls, twin in TWINS.items() if twin.__module__.startswith("nnexp.kernels.layers")}
    assert {type(layer) for layer in LAYERS} == compiled


@pytest.mark.parametrize("dtype", EXACT)
@parametrize
def test_both_paths_agree(layer, shape, dtype):
    for in_place in (True, False):
        (numpy, expected), (compiled, actual) = pair(layer, shape, dtype, in_place)
        for seed, n in enumerate((BATCH, 3, 1, BATCH)):
            x = batch(shape, n, dtype, seed)
            close(compiled.forward(x.copy("K"), True), numpy.forward(x.copy("K"), True), dtype)
            dy = batch(shape, n, dtype, seed + 9)
            close(compiled.backward(dy.copy("K")), numpy.backward(dy.copy("K")), dtype)
            close(actual.grad, expected.grad, dtype) if len(expected) else None
            close(actual.state, expected.state, dtype) if len(expected.state) else None
            close(compiled.forward(x.copy("K")), numpy.forward(x.copy("K")), dtype)


@parametrize
def test_nan_stays_where_it_is(layer, shape):
    (numpy, _), (compiled, _) = pair(layer, shape, "float32")
    x, dy = batch(shape, BATCH, "float32"), batch(shape, BATCH, "float32", 1)
    x[2, ..., 1] = np.nan
    dy[5, ..., 2] = np.nan
    with np.errstate(all="ignore"):
        for network in (numpy, compiled):
            network.y = np.isnan(network.forward(x.copy("K"), True))
            network.dx = np.isnan(network.backward(dy.copy("K")))
    assert (compiled.y == numpy.y).all()
    assert (compiled.dx == numpy.dx).all()


@pytest.mark.parametrize(
    "layer", [layer for layer in LAYERS if layer.takes == "any"], ids=lambda x: type(x).__name__
)
def test_images_in_another_order_of_memory_are_taken_too(layer):
    (numpy, _), (compiled, _) = pair(layer, IMAGES, "float64", in_place=False)
    x = np.ascontiguousarray(batch(IMAGES, BATCH, "float64"))
    close(compiled.forward(x, True), numpy.forward(x, True), "float64")
    dy = np.ascontiguousarray(batch(IMAGES, BATCH, "float64", 1))
    close(compiled.backward(dy.copy()), numpy.backward(dy.copy()), "float64")


def test_statistics_of_numbers_far_from_0_do_not_cancel():
    for layer, shape in ((nn.BatchNorm1d(), VECTORS), (nn.BatchNorm2d(), IMAGES), (nn.LayerNorm(), VECTORS)):
        _, (compiled, _) = pair(layer, shape, "float32")
        x = batch(shape, BATCH, "float32")
        near = compiled.forward(x, True).copy()
        far = compiled.forward(x + np.float32(1000), True)
        np.testing.assert_allclose(far, near, atol=1e-3)
