"""Every loss, its gradient and the probabilities of its outputs against PyTorch, in float64 to 1e-10.

A new loss needs a row in CASES; an option without a row fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures.options import make, options

from nnexp.nn.output_activations import probabilities

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
functional = torch.nn.functional

BATCH, CLASSES = 9, 5
TARGETS = {
    "classification": lambda rng, n: rng.integers(0, CLASSES, n),
    "multilabel": lambda rng, n: rng.integers(0, 2, (n, CLASSES)).astype(float),
    "regression": lambda rng, n: rng.standard_normal((n, CLASSES)),
}


@dataclass(frozen=True)
class Case:
    oracle: str  # the name of the reference, for the README
    reference: Callable[..., Any]  # (outputs, targets, **settings) -> the loss
    output_activation: str  # the output activation that it implies
    settings: tuple[dict[str, Any], ...] = ()  # to test beside the defaults


def cross_entropy(z, y, label_smoothing=0.0, class_weights=None):
    weights = None if class_weights is None else torch.tensor(class_weights, dtype=z.dtype)
    return functional.cross_entropy(z, y, weights, label_smoothing=label_smoothing)


def focal(z, y, gamma=2.0):
    if gamma == 0:
        return functional.cross_entropy(z, y)
    log = functional.log_softmax(z, 1).gather(1, y[:, None])[:, 0]
    return -((1 - log.exp()) ** gamma * log).mean()


def hinge(z, y, power=1, margin=1.0):
    return functional.multi_margin_loss(z, y, p=power, margin=margin)


def one_hot(reference):
    """Give a loss of numbers the one-hot code of classes."""
    return lambda z, y: reference(z, functional.one_hot(y, CLASSES).double() if y.ndim == 1 else y)


OUTPUT_ACTIVATIONS = {
    "softmax": lambda z: torch.softmax(z, 1),
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z.clamp(0, 1),
}
SQUARED = {"power": 2, "margin": 0.5}
SMOOTHED, WEIGHTED = {"label_smoothing": 0.2}, {"class_weights": [0.5, 1.0, 2.0, 0.25, 3.0]}
CASES = {
    "softmax_cross_entropy": Case(
        "torch cross_entropy (plain, smoothed, weighted, both)",
        cross_entropy,
        "softmax",
        (SMOOTHED, WEIGHTED, SMOOTHED | WEIGHTED),
    ),
    "focal": Case(
        "torch autograd of the paper's eq. 4; gamma 0 is cross_entropy",
        focal,
        "softmax",
        ({"gamma": 0}, {"gamma": 0.5}),
    ),
    "hinge": Case("torch multi_margin_loss (power 1 and 2)", hinge, "softmax", (SQUARED,)),
    "mean_squared_error": Case(
        "torch mse_loss (one-hot and numbers)", one_hot(functional.mse_loss), "identity"
    ),
    "binary_cross_entropy": Case(
        "torch binary_cross_entropy_with_logits (one class, several)",
        one_hot(functional.binary_cross_entropy_with_logits),
        "sigmoid",
    ),
    "mean_absolute_error": Case("torch l1_loss", functional.l1_loss, "identity"),
    "huber": Case("torch huber_loss", functional.huber_loss, "identity", ({"delta": 0.3},)),
}
ORACLES = {name: case.oracle for name, case in CASES.items()}
TESTED = [(name, settings) for name, case in CASES.items() for settings in ({}, *case.settings)]


def test_every_loss_has_a_row():
    assert sorted(CASES) == options("loss")


@pytest.mark.parametrize(("name", "settings"), TESTED)
def test_losses_agree_with_pytorch_for_each_of_their_tasks(name, settings, compare):
    loss = make("loss", name, **settings)
    assert loss.output_activation == CASES[name].output_activation
    loss.allocate(BATCH, CLASSES, np.float64)
    for task in loss.tasks:
        rng = np.random.default_rng(0)
        for n, scale in ((BATCH, 1), (4, 5), (BATCH, 20)):
            z = scale * rng.standard_normal((n, CLASSES))
            y = TARGETS[task](rng, n)
            leaf = torch.tensor(z, requires_grad=True)
            expected = CASES[name].reference(leaf, torch.tensor(y), **settings)
            expected.backward()
            compare(loss.forward(z, y), expected.item())
            compare(loss.backward(), leaf.grad)


def test_balanced_weights_are_those_of_scikit_learn(compare):
    from sklearn.utils.class_weight import compute_class_weight

    y = np.repeat([0, 1, 2, 3, 4], [10, 1, 4, 7, 2])
    loss = make("loss", "softmax_cross_entropy", class_weights="balanced")
    loss.set_class_counts(np.bincount(y))
    compare(loss.w, compute_class_weight("balanced", classes=np.arange(5), y=y))


def test_a_confident_error_has_a_finite_loss():
    loss = make("loss", "softmax_cross_entropy")
    loss.allocate(2, 2, np.float32)
    z = np.array([[1000.0, 0.0], [0.0, -1000.0]], np.float32)
    assert loss.forward(z, np.array([1, 1])) == 1000


@pytest.mark.parametrize("activation", OUTPUT_ACTIVATIONS)
def test_probabilities_agree_with_pytorch(activation, compare):
    rng = np.random.default_rng(0)
    for scale in (0.1, 1, 30):
        z = scale * rng.standard_normal((9, 5))
        compare(probabilities(z, activation), OUTPUT_ACTIVATIONS[activation](torch.tensor(z)))


@pytest.mark.parametrize("activation", OUTPUT_ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_outputs_do_not_overflow_and_are_not_written_over(activation, dtype):
    z = np.array([[1e38, -1e38, 0, 1], [-1000, -1000, 1000, 1000], [0, 0, 0, 0]], dtype)
    before = z.copy()
    p = probabilities(z, activation)
    assert p.dtype == np.float64
    assert ((p >= 0) & (p <= 1)).all()
    assert (z == before).all()
