"""Every optimizer, activation, initializer and schedule that the config groups offer, against PyTorch in float64 to 1e-10.

What is tested is read from the groups themselves, so that a new option without an oracle fails here.
"""

from itertools import pairwise

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.config.compose import CONF
from nnexp.nn.activations import ACTIVATIONS
from nnexp.nn.initializers import He
from nnexp.nn.losses import SoftmaxCrossEntropy
from nnexp.nn.models import MLP, Softmax
from nnexp.nn.network import Network

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

INPUTS, CLASSES, BATCH, STEPS = 7, 4, 16, 10

TORCH_ACTIVATIONS = {
    "identity": torch.nn.Identity,
    "relu": torch.nn.ReLU,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
}
TORCH_OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.007, betas=(0.9, 0.99)),
}


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def twins(hidden, activation):
    """The same network here and in PyTorch, with the same weights."""
    model = MLP(hidden, activation) if hidden else Softmax()
    ours = Network(model.layers(CLASSES), (INPUTS,), BATCH, np.float64)
    ours.initialize(He(), np.random.default_rng(0))
    widths = [INPUTS, *hidden, CLASSES]
    layers = []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        linear = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(ours.parameters.values[f"{2 * i}.W"].T))
            linear.bias.copy_(torch.from_numpy(ours.parameters.values[f"{2 * i}.b"]))
        layers += [linear, TORCH_ACTIVATIONS[activation]()]
    return ours, torch.nn.Sequential(*layers[:-1])


def gradients(theirs):
    """PyTorch's gradients under our names and in our orientation."""
    linear = [layer for layer in theirs if isinstance(layer, torch.nn.Linear)]
    found = {f"{2 * i}.W": layer.weight.grad.numpy().T for i, layer in enumerate(linear)}
    return found | {f"{2 * i}.b": layer.bias.grad.numpy() for i, layer in enumerate(linear)}


def weights(theirs):
    linear = [layer for layer in theirs if isinstance(layer, torch.nn.Linear)]
    found = {f"{2 * i}.W": layer.weight.detach().numpy().T for i, layer in enumerate(linear)}
    return found | {f"{2 * i}.b": layer.bias.detach().numpy() for i, layer in enumerate(linear)}


def batches(n):
    rng = np.random.default_rng(1)
    for _ in range(n):
        yield rng.standard_normal((BATCH, INPUTS)), rng.integers(0, CLASSES, BATCH)


def learn(ours, theirs, x, y, criterion):
    """Forward and backward in both; returns both losses."""
    loss = criterion.forward(ours.forward(x), y)
    ours.backward(criterion.backward())
    theirs.zero_grad()
    other = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(x)), torch.from_numpy(y))
    other.backward()
    return loss, other.item()


def cross_entropy():
    criterion = SoftmaxCrossEntropy()
    criterion.allocate(BATCH, CLASSES, np.float64)
    return criterion


def test_the_tables_here_leave_nothing_out():
    assert set(TORCH_ACTIVATIONS) == set(ACTIVATIONS)
    assert sorted(TORCH_OPTIMIZERS) == options("optimizer")
    assert options("loss") == ["softmax_cross_entropy"]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [[], [5], [6, 5, 3]], ids=str)
def test_loss_and_gradients(hidden, activation, compare):
    ours, theirs = twins(hidden, activation)
    ((x, y),) = batches(1)
    compare(*learn(ours, theirs, x, y, cross_entropy()))
    for name, gradient in gradients(theirs).items():
        compare(ours.parameters.grads[name], gradient)


@pytest.mark.parametrize("name", options("optimizer"))
def test_ten_steps_of_every_optimizer(name, compare):
    ours, theirs = twins([6, 5], "tanh")
    optimizer = build(compose(["data=digits", f"optimizer={name}"])).optimizer
    optimizer.bind(ours.theta, ours.grad)
    other = TORCH_OPTIMIZERS[name](theirs.parameters())
    criterion = cross_entropy()
    for x, y in batches(STEPS):
        compare(*learn(ours, theirs, x, y, criterion))
        optimizer.step()
        other.step()
        for key, value in weights(theirs).items():
            compare(ours.parameters.values[key], value)


@pytest.mark.parametrize("scale", [0.5, 0.001])
def test_a_schedule_scales_adams_learning_rate_and_nothing_else(scale, compare):
    ours, theirs = twins([5], "relu")
    optimizer = build(compose(["data=digits", "optimizer=adam"])).optimizer
    optimizer.bind(ours.theta, ours.grad)
    other = torch.optim.Adam(theirs.parameters(), lr=0.007 * scale, betas=(0.9, 0.99))
    for x, y in batches(STEPS):
        learn(ours, theirs, x, y, cross_entropy())
        optimizer.step(scale)
        other.step()
    for key, value in weights(theirs).items():
        compare(ours.parameters.values[key], value)


TORCH_SCHEDULES = {
    "constant": lambda o, n: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0),
    "step": lambda o, n: torch.optim.lr_scheduler.StepLR(o, step_size=round(0.3 * n), gamma=0.1),
    "exponential": lambda o, n: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.01 ** (1 / n)),
    "cosine": lambda o, n: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=n),
    "warmup_cosine": lambda o, n: torch.optim.lr_scheduler.SequentialLR(
        o,
        [
            torch.optim.lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=round(0.3 * n)),
            torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=round(0.7 * n)),
        ],
        milestones=[round(0.3 * n)],
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
@pytest.mark.parametrize("name", options("schedule"))
def test_the_whole_curve_of_every_schedule(name, compare):
    n = 100
    schedule = build(compose(["data=digits", f"schedule={name}"])).schedule
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = TORCH_SCHEDULES[name](optimizer, n)
    theirs = []
    for _ in range(n):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    compare([schedule(step / n) for step in range(n)], theirs)


@pytest.mark.parametrize("name", options("init"))
def test_initializers_have_pytorchs_bounds_and_deviations(name):
    fan_in, fan_out = 300, 200
    ours = np.empty((fan_in, fan_out))
    build(compose(["data=digits", f"init={name}"])).init(ours, fan_in=fan_in, fan_out=fan_out, rng=np.random.default_rng(0))
    theirs = torch.empty(fan_out, fan_in, dtype=torch.float64)
    rule, distribution = name.split("_")
    fill = {
        "he": getattr(torch.nn.init, f"kaiming_{distribution}_"),
        "xavier": getattr(torch.nn.init, f"xavier_{distribution}_"),
        "lecun": getattr(torch.nn.init, f"kaiming_{distribution}_"),
    }[rule]
    torch.manual_seed(0)
    fill(theirs, **{"he": {"nonlinearity": "relu"}, "xavier": {}, "lecun": {"nonlinearity": "linear"}}[rule])
    assert abs(ours.std() / theirs.std().item() - 1) < 0.01
    if distribution == "uniform":
        assert abs(np.abs(ours).max() / theirs.abs().max().item() - 1) < 0.001
