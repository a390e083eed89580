"""Random networks, losses and optimizers on the compiled path against the NumPy path."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures.random_networks import architectures
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nnexp import nn
from nnexp.data.batches import Batches
from nnexp.metrics.running import R2, Accuracy
from nnexp.nn.initializers import Xavier
from nnexp.nn.losses.classification import Focal, Hinge, SoftmaxCrossEntropy
from nnexp.nn.losses.elementwise import BinaryCrossEntropy, Huber, MeanSquaredError
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam, AdamW
from nnexp.optim.averaging import EMA
from nnexp.optim.optimizers import SGD, Momentum, Nesterov
from nnexp.optim.regularization import Regularization
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Trainer

pytest.importorskip("numba")
from nnexp.kernels.substitution import substitute

EXACT = {"float32": 1e-5, "float64": 1e-10}  # relative to the largest number
STEPS, BATCH = 10, 7
LOSSES = [
    *(SoftmaxCrossEntropy(), SoftmaxCrossEntropy(0.1, [1.0, 2.0, 0.5]), Focal(), Hinge(power=2)),
    *(MeanSquaredError(), Huber(), BinaryCrossEntropy()),
]
# eps as large as a gradient, for one that is 0 but for rounding must not become a step of the size of lr
OPTIMIZERS = [
    SGD(lr=0.02),
    Momentum(lr=0.01),
    Nesterov(lr=0.01),
    Adam(lr=0.003, eps=1.0),
    AdamW(lr=0.003, eps=1.0),
]
RULES = [Regularization(), Regularization(clip_norm=0.5), Regularization(max_norm=1.0)]


@dataclass(frozen=True)
class Experiment:
    """What is trained on both paths."""

    layers: list[Any]
    inputs: int
    loss: Any
    optimizer: Any
    rules: Regularization
    seed: int

    def trainer(self, dtype: str) -> Trainer:
        """Build the trainer of `STEPS` steps, in one epoch."""
        rng = np.random.default_rng(self.seed)
        x = rng.standard_normal((STEPS * BATCH - 3, self.inputs)).astype(np.float32)
        if "classification" in self.loss.tasks:
            y = rng.integers(0, 3, len(x))
            score = Accuracy(BATCH)
        else:
            y = rng.standard_normal((len(x), 3)).astype(np.float32)
            score = R2(BATCH, 3, dtype)
        layers = [*deepcopy(self.layers), nn.Dense(3)]
        network = Network(layers, (self.inputs,), BATCH, dtype, np.random.default_rng(1))
        network.initialize(Xavier(), np.random.default_rng(2))
        loss = deepcopy(self.loss)
        loss.allocate(BATCH, 3, dtype)
        step = OptimizerStep(
            network, deepcopy(self.optimizer), averaging=EMA(), regularization=self.rules, steps_planned=STEPS
        )
        train = Batches(x, y, np.arange(len(x)), BATCH, 1.0, dtype, np.random.default_rng(3))
        validation = Batches(x, y, np.arange(20), BATCH, 1.0, dtype)
        return Trainer(network, loss, score, step, train, validation, n_epochs=1)

    def run(self, dtype: str, *, compiled: bool) -> dict[str, Any]:
        """Train; return losses, the first and the last gradient, weights and running statistics."""
        trainer = self.trainer(dtype)
        if compiled:
            substitute(trainer)
        trainer.pause()
        training = trainer.epochs()
        assert next(training) is None, "a pause after the first step"
        first = trainer.network.grad.copy()
        ((record, _),) = training
        network = trainer.network
        return {
            "losses": np.array([record.train_loss, record.val_loss]),
            "first gradient": first,
            "last gradient": network.grad,
            "weights": network.theta,
            "statistics": network.state,
        }


experiments = st.builds(
    lambda network, **options: Experiment(*network, **options),
    architectures(),
    loss=st.sampled_from(LOSSES),
    optimizer=st.sampled_from(OPTIMIZERS),
    rules=st.sampled_from(RULES),
    seed=st.integers(0, 99),
)


def distance(one, other):
    """Return the largest difference of each result, relative to its largest number."""
    return {
        key: np.abs(one[key] - other[key]).max(initial=0) / max(np.abs(other[key]).max(initial=0), 1e-3)
        for key in other
    }


@settings(max_examples=40, derandomize=True)
@given(experiments)
def test_both_paths_train_alike(experiment):
    exact = experiment.run("float64", compiled=False)
    differences = distance(experiment.run("float64", compiled=True), exact)
    assert max(differences.values()) <= EXACT["float64"], differences
    single = experiment.run("float32", compiled=False)
    if max(distance(single, exact).values()) > EXACT["float32"] / 2:
        event("float32 itself is less exact")
        return
    differences = distance(experiment.run("float32", compiled=True), single)
    assert max(differences.values()) <= EXACT["float32"], differences


@settings(max_examples=8, derandomize=True)
@given(experiments)
def test_two_compiled_trainings_are_identical(experiment):
    one, other = (experiment.run("float32", compiled=True) for _ in range(2))
    assert {key: value.tobytes() for key, value in one.items()} == {
        key: value.tobytes() for key, value in other.items()
    }
