"""Updates, sums and batches that threads of compiled code share."""

import threading
from copy import deepcopy
from functools import partial

import numpy as np
import pytest

from nnexp.data.batches import Batches
from nnexp.metrics.running import Accuracy
from nnexp.nn.activations.from_output import ReLU
from nnexp.nn.initializers import He
from nnexp.nn.layers.dense import Dense
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam, AdamW
from nnexp.optim.adam_variants import Adamax, NAdam, RAdam
from nnexp.optim.adaptive import Adadelta, Adagrad, RMSprop
from nnexp.optim.averaging import EMA
from nnexp.optim.lion import Lion
from nnexp.optim.muon import Muon
from nnexp.optim.optimizers import SGD, Momentum, Nesterov
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.helper import is_supported
from nnexp.training.threads.limits import shared_products
from nnexp.training.trainer import Trainer

pytest.importorskip("numba")
from nnexp.kernels.substitution import substitute, substitute_products
from nnexp.kernels.threads.team import CompiledHelper, CompiledProducts

pytestmark = pytest.mark.skipif(not is_supported(), reason="this C library has no spin locks")
OPTIMIZERS = [
    *(SGD(weight_decay=0.1), Momentum(), Nesterov(weight_decay=0.01), Lion(), Adam(amsgrad=True), AdamW()),
    *(NAdam(), RAdam(), Adamax(), Adagrad(), Adadelta(), RMSprop(), RMSprop(momentum=0.9, centered=True)),
    Muon(),
]
INPUTS, HIDDEN, CLASSES, BATCH = 256, 96, 10, 64


def trainer(optimizer, dtype=np.float32):
    """A network with some vectors above and some below the size from which they are shared."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (4 * BATCH - 5, INPUTS), np.uint8)
    y = rng.integers(0, CLASSES, len(x))
    network = Network([Dense(HIDDEN), ReLU(), Dense(CLASSES)], (INPUTS,), BATCH, dtype)
    network.initialize(He(), rng)
    loss = SoftmaxCrossEntropy()
    loss.allocate(BATCH, CLASSES, dtype)
    step = OptimizerStep(network, deepcopy(optimizer), averaging=EMA(), steps_planned=12)
    train = Batches(x, y, np.arange(len(x)), BATCH, 1 / 255, dtype, np.random.default_rng(1))
    return Trainer(network, loss, Accuracy(BATCH), step, train, None, n_epochs=3)


def train(made, threads, compiled=True):
    if compiled:
        substitute(made)
    with shared_products(max(threads)) as products:
        if compiled:
            substitute_products(products)
        products.use_in(made.network, made.optimizer_step, made.train)
        made.products = products
        sequence = iter(threads)
        make_step = made.optimizer_step.step
        made.optimizer_step.step = lambda: (products.use(next(sequence, threads[-1])), make_step())[1]
        list(made.epochs())
        del made.optimizer_step.step
    return made


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_weights_do_not_depend_on_the_threads_in_use(optimizer):
    ours = train(trainer(optimizer), [2, 1, 2, 2, 1])
    always = train(trainer(optimizer), [2])
    never = trainer(optimizer)
    numpy = train(trainer(optimizer), [1], compiled=False)
    assert np.array_equal(ours.network.theta, always.network.theta)
    assert not np.array_equal(ours.network.theta, never.network.theta)
    difference = np.abs(ours.network.theta - numpy.network.theta)
    assert np.quantile(difference, 0.999) < 1e-3  # a gradient near 0 over its own root is noise


def test_in_float64_both_paths_agree_to_1e_10():
    ours = train(trainer(AdamW(), np.float64), [2])
    numpy = train(trainer(AdamW(), np.float64), [1], compiled=False)
    np.testing.assert_allclose(ours.network.theta, numpy.network.theta, rtol=1e-10, atol=1e-10)


def test_a_network_computes_alone_again_afterwards():
    made = train(trainer(SGD()), [2])
    dense = made.network.layers[0]
    for user in (dense, made.optimizer_step, made.optimizer_step.optimizer, made.train):
        assert not {"linear", "gather", "run_kernel", "sum_of_squares", "matmul"} & set(vars(user))


def test_small_networks_start_no_thread():
    before = threading.active_count()
    network = Network([Dense(16), ReLU(), Dense(3)], (64,), 32)
    with shared_products(2) as products:
        substitute_products(products)
        step = OptimizerStep(network, Adam())
        products.use_in(network, step)
        with products.running():
            network.forward(np.ones((32, 64), np.float32), training=True)
            network.backward(np.ones((32, 3), np.float32))
            step(32)
        assert threading.active_count() == before


@pytest.fixture
def helper():
    network = Network([Dense(4)], (3,), 2)
    products = CompiledProducts(2)
    products.use_in(network, OptimizerStep(network, SGD()))
    made = products.new_helper()
    yield made
    made.end()
    assert not made.thread.is_alive()


def test_a_helper_runs_tasks_of_the_interpreter_too(helper):
    assert isinstance(helper, CompiledHelper)
    done = []
    for _ in range(3):
        helper.wake()
        helper.start([partial(done.append, 1), partial(done.append, 2)])
        helper.wait()
        helper.sleep()
    assert done == [1, 2] * 3


def test_an_error_in_a_task_reaches_the_caller(helper):
    helper.wake()
    helper.start([partial(np.matmul, np.ones((2, 3)), np.ones((2, 3)))])
    with pytest.raises(ValueError, match="matmul"):
        helper.wait()
