"""JAX: the steps of a turn in one jitted `lax.scan`, with the images in memory as floats.

Among equals that which JAX does fastest was chosen: NumPy draws the order, Adam's corrections go into its
scalars, convolutions take the channels last, pooling is a maximum over two axes of a view, and LeNet-5's step
is jitted without a scan, in which XLA's convolutions take four times as long.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from trainers.work import CONVOLUTIONS, KERNEL, Work, examples

BETA1, BETA2, EPS = 0.9, 0.99, 1e-8
LAYOUT = ("NHWC", "HWIO", "NHWC")


def prepare(work: Work) -> Callable[[], Any]:
    x, y = examples()
    images, labels = jnp.asarray(x / np.float32(255)), jnp.asarray(y)

    def loss(weights: Any, rows: Any) -> Any:
        scores = network(weights, images[rows])
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), labels[rows][:, None], 1).mean()

    def step(state: Any, rows: Any) -> Any:
        value, g = jax.value_and_grad(loss)(state[0], rows)
        return update(work, state, g), value

    def one_by_one(state: Any, order: Any) -> Any:
        for rows in order:
            state, value = jitted_step(state, rows)
        return state, value

    steps = work.full_steps
    jitted_step = jax.jit(step, donate_argnums=0)
    scan = jax.jit(lambda state, order: jax.lax.scan(step, state, order), donate_argnums=0)
    run = one_by_one if work.is_lenet else scan
    weights = initial_weights(work)
    moments = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    held = [(weights, *moments, jnp.zeros(()))]
    rows = np.arange(len(y), dtype=np.int32)
    rng = np.random.default_rng(0)

    def turn() -> None:
        rng.shuffle(rows)
        held[0], values = run(held[0], rows[: steps * work.batch].reshape(steps, work.batch))
        jax.block_until_ready((held[0], values))

    return turn


def initial_weights(work: Work) -> Any:
    filters = CONVOLUTIONS if work.is_lenet else ()
    shapes = [(KERNEL, KERNEL, channels, outputs) for channels, outputs, _ in filters]
    shapes += list(zip(work.widths, work.widths[1:], strict=False))
    keys = jax.random.split(jax.random.key(0), len(shapes))
    weights = [
        (jax.random.normal(key, shape), jnp.zeros(shape[-1])) for key, shape in zip(keys, shapes, strict=True)
    ]
    return [(W * np.float32(np.sqrt(2 / np.prod(W.shape[:-1]))), b) for W, b in weights]


def network(weights: Any, x: Any) -> Any:
    convolutions = [pair for pair in weights if pair[0].ndim == 4]
    *hidden, output = weights[len(convolutions) :]
    if convolutions:
        x = x.reshape(-1, 28, 28, 1)
        for (W, b), padding in zip(convolutions, ("SAME", "VALID"), strict=True):
            z = jax.lax.conv_general_dilated(x, W, (1, 1), padding, dimension_numbers=LAYOUT)
            x = pooled(jax.nn.relu(z + b))
        x = x.reshape(len(x), -1)
    for W, b in hidden:
        x = jax.nn.relu(x @ W + b)
    W, b = output
    return x @ W + b


def pooled(x: Any) -> Any:
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def update(work: Work, state: Any, g: Any) -> Any:
    w, m, v, t = state
    if work.optimizer == "sgd":
        return jax.tree.map(lambda w, g: w - work.lr * g, w, g), m, v, t
    t += 1
    root = jnp.sqrt(1 - BETA2**t)
    lr, eps = work.lr * root / (1 - BETA1**t), EPS * root
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
    return jax.tree.map(lambda w, m, v: w - lr * m / (jnp.sqrt(v) + eps), w, m, v), m, v, t
