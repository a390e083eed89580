"""Loops of the compiled convolution: 4 x 4 weights at a time join runs of numbers.

A block of weights joins four runs of x to four of y: each number that is loaded takes chunk in four products,
in vector registers, and the sums stay in the nearest cache.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.kernels.jit import kernel
from nnexp.nn.parameters import Array

TILE = 512  # numbers of a run that are worked on at once
DEPTH = 4  # blocks of four runs that are worked on at once: their sums fit into the nearest cache
LINE = 64  # bytes of a line of the cache, and of the widest vector register
Starts = NDArray[np.int64]  # where runs start, (?, 4)


@kernel
def new_tile(like: Array) -> Array:
    """Return memory for sums, of the type of an array, that begins with a line of the cache."""
    memory = np.empty(DEPTH * 4 * TILE + LINE // like.itemsize, like.dtype)
    first = -memory.ctypes.data % LINE // like.itemsize
    return memory[first : first + DEPTH * 4 * TILE]


@kernel
def add_products(tile: Array, x: Array, p: Starts, at: int, n: int, w: Array) -> None:
    """Add to four runs of a tile the sum over k of w[k, i] x[p[k] + at :]; w is (4, 4)."""
    x0, x1 = x[p[0] + at : p[0] + at + n], x[p[1] + at : p[1] + at + n]
    x2, x3 = x[p[2] + at : p[2] + at + n], x[p[3] + at : p[3] + at + n]
    a0, a1, a2, a3 = w[0, 0], w[1, 0], w[2, 0], w[3, 0]
    b0, b1, b2, b3 = w[0, 1], w[1, 1], w[2, 1], w[3, 1]
    c0, c1, c2, c3 = w[0, 2], w[1, 2], w[2, 2], w[3, 2]
    d0, d1, d2, d3 = w[0, 3], w[1, 3], w[2, 3], w[3, 3]
    for i in range(n):
        tile[i] += a0 * x0[i] + a1 * x1[i] + a2 * x2[i] + a3 * x3[i]
        tile[TILE + i] += b0 * x0[i] + b1 * x1[i] + b2 * x2[i] + b3 * x3[i]
        tile[2 * TILE + i] += c0 * x0[i] + c1 * x1[i] + c2 * x2[i] + c3 * x3[i]
        tile[3 * TILE + i] += d0 * x0[i] + d1 * x1[i] + d2 * x2[i] + d3 * x3[i]


@kernel
def add_dots(w: Array, x: Array, p: Starts, at: int, y: Array, q: Starts, to: int, n: int) -> None:
    """Add to w[k, i] the dot product of the runs x[p[k] + at :] and y[q[i] + to :]; w is (4, 4)."""
    x0, x1 = x[p[0] + at : p[0] + at + n], x[p[1] + at : p[1] + at + n]
    x2, x3 = x[p[2] + at : p[2] + at + n], x[p[3] + at : p[3] + at + n]
    y0, y1 = y[q[0] + to : q[0] + to + n], y[q[1] + to : q[1] + to + n]
    y2, y3 = y[q[2] + to : q[2] + to + n], y[q[3] + to : q[3] + to + n]
    zero = w.dtype.type(0)
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = zero
    for i in range(n):
        a0 += x0[i] * y0[i]
        a1 += x1[i] * y0[i]
        a2 += x2[i] * y0[i]
        a3 += x3[i] * y0[i]
        b0 += x0[i] * y1[i]
        b1 += x1[i] * y1[i]
        b2 += x2[i] * y1[i]
        b3 += x3[i] * y1[i]
        c0 += x0[i] * y2[i]
        c1 += x1[i] * y2[i]
        c2 += x2[i] * y2[i]
        c3 += x3[i] * y2[i]
        d0 += x0[i] * y3[i]
        d1 += x1[i] * y3[i]
        d2 += x2[i] * y3[i]
        d3 += x3[i] * y3[i]
    for k, sums in enumerate(((a0, b0, c0, d0), (a1, b1, c1, d1), (a2, b2, c2, d2), (a3, b3, c3, d3))):
        for i in range(4):
            w[k, i] += sums[i]


@kernel
def write_sum(x: Array, b: Any, out: Array) -> None:
    """Write x + b into out, which may be shorter than x."""
    for i in range(len(out)):
        out[i] = x[i] + b


@kernel
def total(x: Array) -> float:
    """Return the sum of a run."""
    s = x.dtype.type(0)
    for i in range(len(x)):
        s += x[i]
    return float(s)


@kernel
def starts(count: int, step: int) -> Starts:
    """Return where `count` arrays of `step` numbers start, in fours; the last one fills up its four."""
    p = np.empty((-(-count // 4), 4), np.int64)
    for k in range(p.size):
        p[k // 4, k % 4] = min(k, count - 1) * step
    return p


@kernel
def tap_starts(C: int, K: int, channel: int, row: int, pixel: int) -> Starts:
    """Return where the taps of a window start, seen from its corner, in fours."""
    p = np.empty((-(-C * K * K // 4), 4), np.int64)
    for k in range(p.size):
        t = min(k, C * K * K - 1)
        p[k // 4, k % 4] = t // (K * K) * channel + t // K % K * row + t % K * pixel
    return p


@kernel
def blocks(W: Array) -> Array:
    """Return a matrix (R, S) as blocks (S / 4, R / 4, 4, 4), filled up with zeros."""
    packed = np.zeros((-(-W.shape[1] // 4), -(-W.shape[0] // 4), 4, 4), W.dtype)
    for r in range(W.shape[0]):
        for s in range(W.shape[1]):
            packed[s // 4, r // 4, r % 4, s % 4] = W[r, s]
    return packed
