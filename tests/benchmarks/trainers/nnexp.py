"""nnexp's trainer without validation, on its NumPy path and with compiled kernels."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from trainers.work import CLASSES, INPUTS, Work, examples

from nnexp.data.batches import Batches
from nnexp.metrics.running import Accuracy
from nnexp.nn.initializers import He
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.convolutional import LeNet5
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.optim.optimizers import SGD
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.limits import shared_products
from nnexp.training.trainer import Trainer

in_use = ExitStack()  # the threads of the last trainer


def trainer(work: Work, compiled: bool = False) -> Trainer:
    x, y = examples()
    model = LeNet5() if work.is_lenet else MLP(work.hidden)
    network = Network(model.layers((28, 28), CLASSES), (INPUTS,), work.batch)
    network.initialize(He(), np.random.default_rng(0))
    loss = SoftmaxCrossEntropy()
    loss.allocate(work.batch, CLASSES, np.float32)
    train = Batches(x, y, np.arange(len(y)), work.batch, 1 / 255, np.float32, np.random.default_rng(0))
    rule = {"sgd": SGD, "adam": Adam}[work.optimizer](lr=work.lr)
    step = OptimizerStep(network, rule)
    made = Trainer(
        network, loss, Accuracy(work.batch), step, train, train, n_epochs=1, evaluate_every=work.steps
    )
    if compiled:
        from nnexp.kernels.substitution import substitute, substitute_products

        substitute(made)
    in_use.close()
    made.products = in_use.enter_context(shared_products(None))
    if compiled:
        substitute_products(made.products)
    made.products.use_in(network, step, train)
    return made


def prepare(work: Work) -> Callable[[], Any]:
    return turn(trainer(work))


def prepare_compiled(work: Work) -> Callable[[], Any]:
    return turn(trainer(work, compiled=True))


def turn(made: Trainer) -> Callable[[], Any]:
    if made.evaluate_every is None:
        return made.train_until_pause

    def steps() -> None:
        while not made.train_until_pause():  # an epoch ends within the turn
            pass

    return steps
