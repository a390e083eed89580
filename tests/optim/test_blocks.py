import numpy as np
import pytest
from fixtures.options import make, options

from nnexp.nn.parameters import Parameters
from nnexp.optim.blocks import Blocks, is_elementwise
from nnexp.optim.optimizers import SGD

SHAPES = {"W": (30, 40), "V": (40, 10), "b": (40,), "c": (10,)}  # the border of matrices lies within a block
OPTIONS = {
    "adam": {"amsgrad": True},
    "rmsprop": {"centered": True, "momentum": 0.9},
    "radam": {"beta2": 0.5},
    "adagrad": {"lr_decay": 0.1, "initial_accumulator": 0.1},
}
ELEMENTWISE = {name for name in options("optimizer") if is_elementwise(make("optimizer", name))}
CASES = [*((name, {}) for name in sorted(ELEMENTWISE)), *OPTIONS.items()]


def run_in_order(tasks):
    for task in tasks:
        task()


def run_backwards(tasks):
    run_in_order(tasks[::-1])


def bound(optimizer):
    parameters = Parameters(SHAPES, np.float32)
    parameters.theta[:] = np.random.default_rng(0).standard_normal(len(parameters))
    optimizer.bind(parameters)
    return optimizer


def train(optimizer, step):
    """Make steps with a momentum that a schedule changes; return all that the optimizer holds."""
    rng = np.random.default_rng(1)
    for t in range(8):
        optimizer.g[:] = rng.standard_normal(optimizer.g.size)
        if optimizer.momentum:
            optimizer.momentum = 0.9 - 0.05 * t
        step(0.5 + 0.1 * t)
    return {name: value for name, value in vars(optimizer).items() if name not in optimizer.scratch}


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_blocks_change_no_bit_in_whatever_order_they_are_run(name, settings, weight_decay):
    settings = settings | {"weight_decay": weight_decay}
    optimizer = bound(make("optimizer", name, **settings))
    whole = train(optimizer, optimizer.step)
    for run in (run_in_order, run_backwards):
        optimizer = bound(make("optimizer", name, **settings))
        blocks = Blocks(optimizer, size=100)
        state = train(optimizer, lambda scale, blocks=blocks, run=run: blocks.step(scale, run))
        assert state.keys() == whole.keys()
        for key, value in whole.items():
            np.testing.assert_array_equal(state[key], value, err_msg=key)


def test_what_looks_at_whole_layers_is_not_elementwise():
    assert {"adam", "adamw", "lion", "momentum", "sgd"} <= ELEMENTWISE
    assert not {"lamb", "muon"} & ELEMENTWISE


def test_a_subclass_is_not_taken_for_elementwise_unless_it_says_so():
    class Clipped(SGD):
        def step(self, scale=1.0):
            self.g /= np.linalg.norm(self.g)
            super().step(scale)

    class Halved(SGD):
        elementwise = True

        def step(self, scale=1.0):
            super().step(scale / 2)

    assert not is_elementwise(Clipped())
    assert is_elementwise(Halved())
