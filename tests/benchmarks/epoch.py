"""One epoch of the trainer beside scikit-learn, PyTorch and JAX on the same work; prints a Markdown table.

    python tests/benchmarks/epoch.py [--network lenet5] [--rounds 9] [--only nnexp,torch]

The work: 60,000 images of 784 numbers in float32, 10 classes, a 784-128-10 ReLU network (or LeNet-5, nnexp
and PyTorch only), softmax cross-entropy, a new order in every epoch. Each tool lives in a process of its
own (thread pools in one process fight) and sleeps while it is not its turn. The tools take turns epoch by
epoch, so that a machine whose speed drifts is as slow for one as for the other; the figures are the median
and, in brackets, the best of `rounds` epochs in seconds, after one that does not count. PyTorch is eager
with tensors in memory, JAX one jitted `lax.scan` over the epoch, scikit-learn its MLPClassifier; those that
are not installed are left out. nnexp's epoch starts from bytes, as in a run. Images are MNIST's if
NNEXP_DATA has them, else noise of the same shape.
"""

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

CELLS = {
    "mlp": [(batch, optimizer) for optimizer in ("sgd", "adam") for batch in (32, 128, 512)],
    "lenet5": [(batch, "adam") for batch in (32, 128, 512)],
}
HIDDEN, RATE = 128, {"sgd": 0.1, "adam": 0.001}


def examples() -> tuple[Any, Any]:
    root = Path(os.environ.get("NNEXP_DATA", "")).expanduser()
    if os.environ.get("NNEXP_DATA") and any(root.glob("mnist/*ubyte*")):
        from nnexp.data.images.image_sets import MNIST

        dataset = MNIST(validation=0.1, root=str(root), mirrors=[]).load()
        return np.array(dataset.x), dataset.y
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60_000, 784), np.uint8), rng.integers(0, 10, 60_000)


def nnexp(batch: int, optimizer: str, name: str) -> Callable[[], Any]:
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
    from nnexp.training.trainer import Trainer

    x, y = examples()
    model = MLP([HIDDEN]) if name == "mlp" else LeNet5()
    network = Network(model.layers((28, 28), 10), (784,), batch)
    network.initialize(He(), np.random.default_rng(0))
    loss = SoftmaxCrossEntropy()
    loss.allocate(batch, 10, np.float32)
    train = Batches(x, y, np.arange(len(y)), batch, 1 / 255, np.float32, np.random.default_rng(0))
    rule = {"sgd": SGD, "adam": Adam}[optimizer](lr=RATE[optimizer])
    trainer = Trainer(network, loss, Accuracy(batch), OptimizerStep(network, rule), train, train, n_epochs=1)
    return trainer.train_until_pause


def torch(batch: int, optimizer: str, name: str) -> Callable[[], Any]:
    import torch

    x, y = examples()
    images, labels = torch.from_numpy(x / np.float32(255)), torch.from_numpy(y)
    nn, relu, pool = torch.nn, torch.nn.ReLU(), torch.nn.MaxPool2d(2)
    if name == "mlp":
        network = nn.Sequential(nn.Linear(784, HIDDEN), relu, nn.Linear(HIDDEN, 10))
    else:
        images = images.reshape(-1, 1, 28, 28)
        first, second = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        convolutions = (first, relu, pool, second, relu, pool, nn.Flatten())
        dense = (nn.Linear(400, 120), relu, nn.Linear(120, 84), relu, nn.Linear(84, 10))
        network = nn.Sequential(*convolutions, *dense)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    rule = kind(network.parameters(), lr=RATE[optimizer])
    criterion = torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        for rows in torch.randperm(len(labels)).split(batch):
            rule.zero_grad()
            criterion(network(images[rows]), labels[rows]).backward()
            rule.step()

    return epoch


def sklearn(batch: int, optimizer: str, name: str) -> Callable[[], Any]:
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")  # one epoch does not converge
    x, y = examples()
    images = x / np.float32(255)
    options = {"solver": optimizer, "learning_rate_init": RATE[optimizer], "momentum": 0, "alpha": 0}
    network = MLPClassifier((HIDDEN,), batch_size=batch, max_iter=1, warm_start=True, **options)
    return lambda: network.fit(images, y)


def jax(batch: int, optimizer: str, name: str) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    x, y = examples()
    n, steps = len(y), len(y) // batch
    images, labels = jnp.asarray(x / np.float32(255)), jnp.asarray(y)
    keys = jax.random.split(jax.random.key(0), 2)
    weights = {
        "W1": jax.random.normal(keys[0], (784, HIDDEN)) * np.sqrt(2 / 784),
        "b1": jnp.zeros(HIDDEN),
        "W2": jax.random.normal(keys[1], (HIDDEN, 10)) * np.sqrt(2 / HIDDEN),
        "b2": jnp.zeros(10),
    }
    lr = RATE[optimizer]

    def loss(w: Any, rows: Any) -> Any:
        z = jax.nn.relu(images[rows] @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"]
        return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[rows][:, None], 1).mean()

    def step(state: Any, rows: Any) -> Any:
        w, m, v, t = state
        value, g = jax.value_and_grad(loss)(w, rows)
        if optimizer == "sgd":
            return (jax.tree.map(lambda w, g: w - lr * g, w, g), m, v, t), value
        t += 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        w = jax.tree.map(lambda w, m, v: w - lr * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), w, m, v)
        return (w, m, v, t), value

    @jax.jit
    def whole(state: Any, key: Any) -> Any:
        order = jax.random.permutation(key, n)[: steps * batch].reshape(steps, batch)
        return jax.lax.scan(step, state, order)

    zero = jax.tree.map(jnp.zeros_like, weights)
    held = [(weights, zero, zero, jnp.zeros(()))]
    count = iter(range(10**9))

    def epoch() -> None:
        held[0], values = whole(held[0], jax.random.key(next(count)))
        values.block_until_ready()

    return epoch


TOOLS = {"nnexp": nnexp, "torch": torch, "sklearn": sklearn, "jax": jax}
OF_NETWORK = {"mlp": tuple(TOOLS), "lenet5": ("nnexp", "torch")}
TITLES = {"nnexp": "nnexp", "torch": "PyTorch", "sklearn": "scikit-learn", "jax": "JAX"}


def serve(tool: str) -> None:
    """For each line from stdin print seconds: "batch optimizer network" prepares a cell, "" runs an epoch."""
    epoch: Callable[[], Any] = int
    for line in sys.stdin:
        if line.strip():
            batch, optimizer, network = line.split()
            epoch = TOOLS[tool](int(batch), optimizer, network)
        start = perf_counter()
        epoch()
        print(perf_counter() - start, flush=True)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--network", choices=CELLS, default="mlp")
    parser.add_argument("--only", default=",".join(TOOLS))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    wanted = [tool for tool in options.only.split(",") if tool in OF_NETWORK[options.network]]
    tools = [tool for tool in wanted if importlib.util.find_spec(tool)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    workers = {tool: subprocess.Popen([sys.executable, __file__, "--serve", tool], **pipes) for tool in tools}

    def ask(tool: str, line: str) -> float:
        workers[tool].stdin.write(f"{line}\n")
        workers[tool].stdin.flush()
        return float(workers[tool].stdout.readline())

    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {versions}\n")
    print(f"| batch, optimizer | {' | '.join(TITLES[tool] for tool in tools)} |")
    print(f"|---|{'---|' * len(tools)}", flush=True)
    for batch, optimizer in CELLS[options.network]:
        for tool in tools:
            ask(tool, f"{batch} {optimizer} {options.network}")
        times = [[ask(tool, "") for tool in tools] for _ in range(options.rounds)]
        columns = zip(*times, strict=True)
        cells = [f"{median(column):.3f} ({min(column):.3f})" for column in columns]
        print(f"| {batch}, {optimizer} | {' | '.join(cells)} |", flush=True)
    for worker in workers.values():
        worker.communicate()
    return None


if __name__ == "__main__":
    main()
