"""A step of a large network: its update in blocks gives the bits of the optimizer's own step."""

from copy import deepcopy

import numpy as np
import pytest

from nnexp.nn.layers.dense import Dense
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.optim.adam_variants import LAMB
from nnexp.optim.blocks import SMALLEST
from nnexp.optim.regularization import Regularization
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.products import Products

INPUTS = 100


def large_step(optimizer):
    network = Network([Dense(3 * SMALLEST // INPUTS)], (INPUTS,), 1)
    network.theta[:] = np.random.default_rng(0).standard_normal(len(network.theta))
    return OptimizerStep(network, optimizer, regularization=Regularization(l2=1e-4))


def train(step):
    for t in range(3):
        step.network.grad[:] = np.random.default_rng(t).standard_normal(len(step.network.grad))
        with flushed_denormals():
            step.step()
    return step.network.theta


@pytest.mark.parametrize("threads", [1, 2])
def test_a_large_update_in_blocks_gives_the_bits_of_the_optimizers_own_step(threads):
    whole = large_step(Adam(weight_decay=0.1))
    whole.blocks = None
    blocked = large_step(Adam(weight_decay=0.1))
    products = Products(threads)
    products.use_in(blocked.network, blocked)
    with products.running():
        np.testing.assert_array_equal(train(blocked), train(whole))
    products.close()
    assert blocked.optimizer.t == whole.optimizer.t == 3
    np.testing.assert_array_equal(blocked.optimizer.v, whole.optimizer.v)


def test_an_optimizer_with_norms_of_layers_is_not_split():
    assert large_step(LAMB()).blocks is None


def test_a_copy_before_the_first_step_has_its_own_vectors():
    step = large_step(Adam())
    copy = deepcopy(step)
    before = step.network.theta.copy()
    train(copy)
    np.testing.assert_array_equal(step.network.theta, before)
    assert step.optimizer.t == 0
