"""Every loss and its gradient against PyTorch, in float64 to 1e-10."""

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.config.compose import CONF

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
functional = torch.nn.functional

BATCH, CLASSES = 9, 5
WEIGHTS = [0.5, 1.0, 2.0, 0.25, 3.0]


def one_hot(y):
    return functional.one_hot(y, CLASSES).double() if y.ndim == 1 else y


def focal(gamma):
    def apply(z, y):
        log = functional.log_softmax(z, 1).gather(1, y[:, None])[:, 0]
        return -((1 - log.exp()) ** gamma * log).mean()

    return apply


CASES = {
    "softmax_cross_entropy": {
        "": functional.cross_entropy,
        "label_smoothing=0.1": lambda z, y: functional.cross_entropy(z, y, label_smoothing=0.1),
        f"class_weights={WEIGHTS}": lambda z, y: functional.cross_entropy(
            z, y, torch.tensor(WEIGHTS, dtype=z.dtype)
        ),
        f"class_weights={WEIGHTS} label_smoothing=0.2": lambda z, y: functional.cross_entropy(
            z, y, torch.tensor(WEIGHTS, dtype=z.dtype), label_smoothing=0.2
        ),
    },
    "focal": {"": focal(2), "gamma=0": functional.cross_entropy, "gamma=0.5": focal(0.5)},
    "hinge": {
        "": functional.multi_margin_loss,
        "power=2 margin=0.5": lambda z, y: functional.multi_margin_loss(z, y, p=2, margin=0.5),
    },
    "mean_squared_error": {"": lambda z, y: functional.mse_loss(z, one_hot(y))},
    "binary_cross_entropy": {"": lambda z, y: functional.binary_cross_entropy_with_logits(z, one_hot(y))},
    "mean_absolute_error": {"": functional.l1_loss},
    "huber": {"": functional.huber_loss, "delta=0.3": lambda z, y: functional.huber_loss(z, y, delta=0.3)},
}
ORACLES = {
    "softmax_cross_entropy": "torch cross_entropy (plain, smoothed, weighted, both)",
    "focal": "torch autograd of the paper's eq. 4; gamma 0 is cross_entropy",
    "hinge": "torch multi_margin_loss (power 1 and 2)",
    "mean_squared_error": "torch mse_loss (one-hot and numbers)",
    "binary_cross_entropy": "torch binary_cross_entropy_with_logits (one class, several)",
    "mean_absolute_error": "torch l1_loss",
    "huber": "torch huber_loss",
}
OF_NUMBERS = ("mean_squared_error", "mean_absolute_error", "huber")
OF_CLASSES = ("softmax_cross_entropy", "focal", "hinge", "mean_squared_error", "binary_cross_entropy")


def test_the_tables_here_leave_nothing_out():
    assert sorted(CASES) == sorted(path.stem for path in (CONF / "loss").glob("*.yaml")) == sorted(ORACLES)


def agree(name, options, theirs, targets, compare):
    overrides = [f"loss.{option.replace(' ', '')}" for option in options.replace(", ", ",").split()]
    loss = build(compose([f"loss={name}", "data=digits", *overrides])).loss
    loss.allocate(BATCH, CLASSES, np.float64)
    rng = np.random.default_rng(0)
    for n, scale in ((BATCH, 1), (4, 5), (BATCH, 20)):
        z, y = scale * rng.standard_normal((n, CLASSES)), targets(rng, n)
        leaf = torch.tensor(z, requires_grad=True)
        expected = theirs(leaf, torch.tensor(y))
        expected.backward()
        compare(loss.forward(z, y), expected.item())
        compare(loss.backward(), leaf.grad)


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name in OF_CLASSES for options in CASES[name]]
)
def test_losses_of_classes_agree_with_pytorch(name, options, compare):
    agree(name, options, CASES[name][options], lambda rng, n: rng.integers(0, CLASSES, n), compare)


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name in OF_NUMBERS for options in CASES[name]]
)
def test_losses_of_numbers_agree_with_pytorch(name, options, compare):
    agree(name, options, CASES[name][options], lambda rng, n: rng.standard_normal((n, CLASSES)), compare)


def test_several_classes_may_be_true(compare):
    theirs = CASES["binary_cross_entropy"][""]
    agree(
        "binary_cross_entropy",
        "",
        theirs,
        lambda rng, n: rng.integers(0, 2, (n, CLASSES)).astype(float),
        compare,
    )


def test_balanced_weights_are_scikit_learns(compare):
    from sklearn.utils.class_weight import compute_class_weight

    y = np.repeat([0, 1, 2, 3, 4], [10, 1, 4, 7, 2])
    loss = build(compose(["data=digits", "loss.class_weights=balanced"])).loss
    loss.set_class_counts(np.bincount(y))
    compare(loss.w, compute_class_weight("balanced", classes=np.arange(5), y=y))
