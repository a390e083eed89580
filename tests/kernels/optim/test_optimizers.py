"""Every optimizer, compiled and not: the same weights and the same state after ten steps."""

import numpy as np
import pytest
from fixtures.options import make, options

pytest.importorskip("numba")

from nnexp.kernels.optim import adam_variants, adaptive, muon, optimizers
from nnexp.kernels.twins import compile_object
from nnexp.nn.parameters import Parameters
from nnexp.optim.adam import Adam
from nnexp.training.checkpoint.state import ObjectState, Root

SHAPES = {"W": (30, 40), "kernel": (3, 2, 2, 5), "b": (40,), "c": (5,)}
OPTIONS = [
    ("adam", {"amsgrad": True}),
    ("adamw", {"amsgrad": True}),
    ("rmsprop", {"centered": True}),
    ("rmsprop", {"momentum": 0.9}),
    ("rmsprop", {"centered": True, "momentum": 0.9}),
    ("muon", {"nesterov": False}),
    ("radam", {"beta2": 0.5}),
    ("adagrad", {"lr_decay": 0.1, "initial_accumulator": 0.1}),
]
MODULES = (adam_variants, adaptive, muon, optimizers)  # which have registered their twins
CASES = [*((name, {}) for name in options("optimizer")), *OPTIONS]
TOLERANCES = {"float32": 1e-5, "float64": 1e-10}


def build(name, settings, dtype, compiled):
    optimizer = make("optimizer", name, **settings)
    parameters = Parameters(SHAPES, dtype)
    parameters.theta[:] = np.random.default_rng(0).standard_normal(len(parameters))
    optimizer.bind(parameters)
    for one in (optimizer, getattr(optimizer, "adam", None)):
        if compiled and one is not None:
            assert compile_object(one)
    return optimizer


def train(optimizer, steps, scheduled=False):
    for t in steps:
        g = np.random.default_rng(t).standard_normal(optimizer.g.size)
        g[::7] = 0
        optimizer.g[:] = g
        if scheduled and optimizer.momentum:
            optimizer.momentum = 0.95 - 0.02 * t
        optimizer.step(1 - 0.05 * t)


def states(optimizer):
    slots = ObjectState({"optimizer": Root(optimizer)}).slots()
    hidden = ("update", "scratch", "workspaces", "G", "root", "d", "decays", "layers")
    values = {slot.name: slot.value for slot in slots if slot.name.split("/")[1] not in hidden}
    return values | {"theta": optimizer.theta}


def assert_same(actual, expected, tolerance):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("scheduled", [False, True], ids=["", "scheduled"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_ten_steps_lead_to_the_weights_and_the_state_of_the_numpy_lines(
    name, settings, dtype, weight_decay, scheduled
):
    results = []
    for compiled in (False, True):
        optimizer = build(name, settings | {"weight_decay": weight_decay}, dtype, compiled)
        train(optimizer, range(10), scheduled)
        results.append(states(optimizer))
    assert_same(results[1], results[0], TOLERANCES[dtype])


@pytest.mark.parametrize("first", [False, True], ids=["from numpy", "from compiled"])
@pytest.mark.parametrize("name", options("optimizer"))
def test_a_checkpoint_of_one_path_goes_on_in_the_other(name, first):
    expected = build(name, {}, "float64", compiled=False)
    train(expected, range(10))
    before = build(name, {}, "float64", first)
    after = build(name, {}, "float64", not first)
    saved, restored = (ObjectState({"optimizer": Root(one)}) for one in (before, after))
    train(before, range(5))
    restored.restore(saved.capture())
    train(after, range(5, 10))
    assert_same(states(after), states(expected), 1e-10)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", ["adam", "amsgrad", "nadam", "adagrad", "adadelta", "rmsprop", "lamb"])
def test_weights_whose_squared_gradients_overflow_stay(name, dtype):
    settings = {"amsgrad": True} if name == "amsgrad" else {}
    optimizer = build(name.replace("amsgrad", "adam"), settings, dtype, compiled=True)
    before = optimizer.theta.copy()
    optimizer.g[:50] = 0.9 * np.sqrt(np.finfo(dtype).max) * 1e3
    with np.errstate(over="ignore"):
        optimizer.step()
    np.testing.assert_array_equal(optimizer.theta[:50], before[:50])
    assert np.isfinite(optimizer.theta).all()


def test_a_subclass_of_ones_own_keeps_its_numpy_lines():
    class Own(Adam):
        pass

    own = Own()
    assert not compile_object(own)
    assert type(own) is Own


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "rmsprop"])
def test_a_weight_that_is_nan_stays_nan(name):
    optimizer = build(name, {}, "float32", compiled=True)
    optimizer.theta[3] = np.nan
    optimizer.step()
    assert np.flatnonzero(np.isnan(optimizer.theta)).tolist() == [3]
