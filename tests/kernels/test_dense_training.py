"""The compiled path of a dense network against the NumPy path: losses, gradients, ten steps."""

import numpy as np
import pytest

from nnexp.data.batches import Batches
from nnexp.metrics.running import Accuracy
from nnexp.nn.initializers import He
from nnexp.nn.layers.dense import Dense
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.optimizers import SGD
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Trainer

pytest.importorskip("numba")
from nnexp.kernels.substitution import substitute

EXACT = {"float32": 1e-5, "float64": 1e-10}  # relative to the largest value
LOSSES = [{}, {"label_smoothing": 0.1}, {"class_weights": [1.0, 2.0, 0.5]}]
LOSSES += [{"label_smoothing": 0.2, "class_weights": [0.1, 3.0, 1.0]}]


def trainer_of(dtype, loss, hidden=(16, 12), size=10):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (45, 20), np.uint8)
    y = rng.integers(0, 3, 45)
    network = Network(MLP(list(hidden)).layers((20,), 3), (20,), size, dtype)
    network.initialize(He(), np.random.default_rng(1))
    loss = SoftmaxCrossEntropy(**loss)
    loss.allocate(size, 3, dtype)
    train = Batches(x, y, np.arange(45), size, 1 / 255, dtype, np.random.default_rng(2))
    step = OptimizerStep(network, SGD(lr=0.1))
    return Trainer(network, loss, Accuracy(size), step, train, train, n_epochs=2)


def close(one, other, dtype):
    np.testing.assert_allclose(one, other, rtol=0, atol=EXACT[dtype] * np.abs(other).max())


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_both_paths_have_the_same_losses_scores_and_weights(dtype, loss):
    numpy, compiled = trainer_of(dtype, loss), trainer_of(dtype, loss)
    substitute(compiled)
    for (one, _), (other, _) in zip(compiled.epochs(), numpy.epochs(), strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=EXACT[dtype])
        assert one.val_loss == pytest.approx(other.val_loss, rel=EXACT[dtype])
        assert (one.train_score, one.val_score) == (other.train_score, other.val_score)
    close(compiled.network.grad, numpy.network.grad, dtype)
    close(compiled.network.theta, numpy.network.theta, dtype)


def test_two_compiled_trainings_are_identical():
    weights = []
    for _ in range(2):
        trainer = trainer_of("float32", {})
        substitute(trainer)
        list(trainer.epochs())
        weights.append(trainer.network.theta.tobytes())
    assert weights[0] == weights[1]


def test_a_class_of_ones_own_keeps_its_numpy_lines():
    class OwnAccuracy(Accuracy):
        pass

    trainer = trainer_of("float32", {})
    trainer.score = OwnAccuracy(10)
    assert "OwnAccuracy" in substitute(trainer)
    assert type(trainer.score) is OwnAccuracy


@pytest.mark.parametrize("value", [np.nan, np.inf])
@np.errstate(all="ignore")
def test_what_is_not_finite_stays_so(value):
    trainer = trainer_of("float32", {})
    substitute(trainer)
    trainer.network.theta[3] = value
    x, y = next(iter(trainer.train))
    z = trainer.network.forward(x, training=True)
    assert not np.isfinite(z).all()
    assert not np.isfinite(trainer.loss.forward(z, y))


def test_a_dense_layer_of_ones_own_computes_what_it_says():
    class Doubled(Dense):
        def forward(self, x, training=False):
            return super().forward(2 * x, training)

    outputs = []
    for is_compiled in (False, True):
        trainer = trainer_of("float32", {})
        trainer.network.layers[0].__class__ = Doubled
        if is_compiled:
            substitute(trainer)
        outputs.append(trainer.network.forward(np.ones((10, 20), np.float32)).copy())
    close(outputs[1], outputs[0], "float32")
