"""Norms of gradients and updates of each layer against PyTorch in float64 to 1e-10, with regularization."""

import numpy as np
import pytest

from nnexp.data.batches import Batches
from nnexp.metrics.running import Accuracy
from nnexp.nn.initializers import He
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.optimizers import Momentum
from nnexp.optim.regularization import Regularization
from nnexp.training.diagnostics.diagnostics import Diagnostics
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Trainer

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

INPUTS, HIDDEN, CLASSES, BATCH, STEPS = 7, 6, 4, 10, 6


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize(
    "rules", [Regularization(), Regularization(l2=0.1, clip_norm=0.05)], ids=["none", "l2 and clipping"]
)
def test_gradients_and_updates_are_those_of_pytorch(rules, accumulate, compare):
    rng = np.random.default_rng(0)
    batches = STEPS * accumulate
    x, y = rng.standard_normal((batches * BATCH, INPUTS)), rng.integers(0, CLASSES, batches * BATCH)
    examples = Batches(x, y, np.arange(len(y)), BATCH, 1.0, np.float64)
    network = Network(MLP([HIDDEN], "tanh").layers((INPUTS,), CLASSES), (INPUTS,), BATCH, np.float64)
    network.initialize(He(), rng)
    values = network.parameters.values
    weights = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    loss = SoftmaxCrossEntropy()
    loss.allocate(BATCH, CLASSES, np.float64)
    diagnostics = Diagnostics(network, examples, steps=3)
    options = {"accumulate": accumulate, "steps_planned": STEPS, "diagnostics": diagnostics}
    optimizer_step = OptimizerStep(network, Momentum(lr=0.05), regularization=rules, **options)
    trainer = Trainer(network, loss, Accuracy(BATCH), optimizer_step, examples, examples, n_epochs=1)
    ((record, _),) = trainer.epochs()

    theirs = torch.optim.SGD(weights.values(), lr=0.05, momentum=optimizer_step.optimizer.momentum)
    norms, ratios = np.zeros((2, STEPS, 2))
    size = BATCH * accumulate
    for step in range(STEPS):
        images, labels = (torch.from_numpy(array[step * size : (step + 1) * size]) for array in (x, y))
        z = torch.tanh(images @ weights["0.W"] + weights["0.b"]) @ weights["2.W"] + weights["2.b"]
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(z, labels).backward()
        for i, layer in enumerate(("0", "2")):
            grads = [weights[f"{layer}.{name}"].grad.flatten() for name in ("W", "b")]
            norms[step, i] = torch.cat(grads).norm()
            weights[f"{layer}.W"].grad += rules.l2 * weights[f"{layer}.W"].detach()
        if rules.clip_norm:
            torch.nn.utils.clip_grad_norm_(weights.values(), rules.clip_norm)
        old = {name: value.detach().clone() for name, value in weights.items()}
        theirs.step()
        for i, layer in enumerate(("0.W", "2.W")):
            ratios[step, i] = (weights[layer].detach() - old[layer]).norm() / old[layer].norm()

    measured = [1, 3, 5]  # the middles of three intervals
    tolerance = 1e-10 if rules.clip_norm is None else 1e-6  # PyTorch clips to 1e-6 below the bound
    metrics = record.layers
    compare([metrics[f"grad_norm/dense{i}"] for i in (1, 2)], norms[measured].mean(axis=0), tolerance)
    compare([metrics[f"update_ratio/dense{i}"] for i in (1, 2)], ratios[measured].mean(axis=0), tolerance)
    expected = [weights[f"{i}.W"].detach().norm() for i in (0, 2)]
    compare([metrics[f"weight_norm/dense{i}"] for i in (1, 2)], expected, tolerance)
