"""Only the matrix products of a network, in the layouts of nnexp's Dense and Conv2d: its trainer's limit.

B batch, I inputs, O outputs of a layer; K the pixels of a filter in all channels, P windows of all images.
Dense: x (B, I), W (I, O), y (B, O). Convolution: columns (K, P), W (K, O), y (O, P).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from trainers.work import CONVOLUTIONS, KERNEL, Work

Product = tuple[Any, Any, Any]  # two matrices and where their product goes


def dense(batch: int, inputs: int, outputs: int) -> list[Product]:
    x, W, y = matrices((batch, inputs), (inputs, outputs), (batch, outputs))
    dx, dW, dy = matrices(x.shape, W.shape, y.shape)
    return [(x, W, y), (x.T, dy, dW), (dy, W.T, dx)]


def convolution(batch: int, channels: int, filters: int, side: int) -> list[Product]:
    size = channels * KERNEL**2
    columns, W, y = matrices((size, side**2 * batch), (size, filters), (filters, side**2 * batch))
    dcolumns, dW, dy = matrices(columns.shape, W.shape, y.shape)
    return [(W.T, columns, y), (columns, dy.T, dW), (W, dy, dcolumns)]


def matrices(*shapes: tuple[int, int]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.random(shape, np.float32) for shape in shapes]


def prepare(work: Work) -> Callable[[], Any]:
    layers = [convolution(work.batch, *sizes) for sizes in CONVOLUTIONS] if work.is_lenet else []
    layers += [dense(work.batch, *sizes) for sizes in zip(work.widths, work.widths[1:], strict=False)]
    forward = [layer[0] for layer in layers]
    backward = [product for layer in reversed(layers) for product in layer[1:]][:-1]  # no dx of the images

    def turn() -> None:
        for _ in range(work.full_steps):
            for a, b, out in forward:
                np.matmul(a, b, out=out)
            for a, b, out in backward:
                np.matmul(a, b, out=out)

    return turn
