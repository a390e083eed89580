"""Jobs of long vectors: sums of squares, updates by the rules of optimizers and averages, batches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.splitting import Rows
from nnexp.kernels.jit import kernel
from nnexp.kernels.optim.adam import adam
from nnexp.kernels.optim.averaging import move_towards
from nnexp.kernels.optim.gradient_norm import CHUNK, sum_of_squares_of_chunk
from nnexp.kernels.optim.optimizers import momentum, nesterov, sgd
from nnexp.kernels.threads.intrinsics import WORD, prefetch, vector_at
from nnexp.kernels.threads.jobs import (
    GATHER,
    LINE,
    OPERATION,
    SQUARES,
    THREADS,
    UPDATE,
    Numbers,
    Words,
    share,
)
from nnexp.nn.parameters import Array

RULES = (sgd, move_towards, momentum, nesterov, adam)  # by their number; each takes 0.3 s to compile
AHEAD = 6  # rows of a batch that are fetched from memory before they are gathered


@kernel
def share_squares(team: Words, numbers: Numbers, threads: int, g: Array, sums: Numbers) -> float:
    """Sum the squares of g (P,): of chunks, into sums (ceil(P / CHUNK),), then of all."""
    team[OPERATION] = SQUARES
    team[3] = len(g)
    team[4] = g.ctypes.data
    team[5] = sums.ctypes.data
    share(team, numbers, threads)
    total = 0.0
    for chunk in range(len(sums)):
        total += sums[chunk]
    return total


@kernel
def sum_squares(team: Words, thread: int, like: Array) -> None:
    """Sum the squares of a thread's chunks."""
    size, threads = team[3], team[THREADS]
    g = vector_at(team[4], size, like)
    chunks = (size + CHUNK - 1) // CHUNK
    sums = vector_at(team[5], chunks, np.empty(0, np.float64))
    for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
        sums[chunk] = sum_of_squares_of_chunk(g[chunk * CHUNK : (chunk + 1) * CHUNK])


@kernel
def share_update(
    team: Words,
    numbers: Numbers,
    threads: int,
    rule: int,
    vectors: tuple[Array, ...],
    values: tuple[float, ...],
) -> None:
    """Update vectors (P,) by a rule, with its numbers."""
    team[OPERATION] = UPDATE
    team[3] = rule
    team[4] = len(vectors[0])
    for i in range(len(vectors)):
        team[5 + i] = vectors[i].ctypes.data
    for i in range(len(values)):
        numbers[i] = values[i]
    share(team, numbers, threads)


@kernel
def update_share(team: Words, numbers: Numbers, thread: int, like: Array) -> None:
    """Update a thread's part of the vectors of an elementwise rule, chunk by chunk."""
    size, threads = team[4], team[THREADS]
    chunks = (size + CHUNK - 1) // CHUNK
    first, last = chunks * thread // threads, chunks * (thread + 1) // threads
    for chunk in range(first, last):
        start = chunk * CHUNK
        update_chunk(team, numbers, start, min(start + CHUNK, size), like)


@kernel
def vector_of(team: Words, number: int, start: int, stop: int, like: Array) -> Any:
    """Return a part of one of the vectors of an update."""
    return vector_at(team[5 + number] + start * like.itemsize, stop - start, like)


@kernel
def update_chunk(team: Words, numbers: Numbers, start: int, stop: int, like: Array) -> None:
    """Update some weights by a rule."""
    x = numbers
    a, b = vector_of(team, 0, start, stop, like), vector_of(team, 1, start, stop, like)
    rule = team[3]
    if rule == 0:
        sgd(a, b, x[0], x[1])
    elif rule == 1:
        move_towards(a, b, x[0])
    elif rule == 2:
        momentum(a, b, vector_of(team, 2, start, stop, like), x[0], x[1], x[2])
    elif rule == 3:
        nesterov(a, b, vector_of(team, 2, start, stop, like), x[0], x[1], x[2])
    else:
        c, d = vector_of(team, 2, start, stop, like), vector_of(team, 3, start, stop, like)
        adam(a, b, c, d, x[0], x[1], x[2], x[3], x[4])


@kernel
def share_gather(
    team: Words,
    numbers: Numbers,
    threads: int,
    source: NDArray[np.uint8],
    rows: Rows,
    factor: float,
    x: Array,
    step: int,
) -> None:
    """Write factor * source[rows] into x, (B, I), in blocks of so many columns; source (N, I)."""
    team[OPERATION] = GATHER
    team[3] = source.ctypes.data
    team[4] = source.shape[0]
    team[5] = source.shape[1]
    team[6] = rows.ctypes.data
    team[7] = len(rows)
    team[8] = x.ctypes.data
    team[9] = step
    numbers[0] = factor
    share(team, numbers, threads)


@kernel
def gather_columns(team: Words, numbers: Numbers, thread: int, like: Array) -> None:
    """Gather every n-th block of columns, for n threads."""
    columns, size, step = team[5], team[7], team[9]
    factor = like.dtype.type(numbers[0])
    rows = vector_at(team[6], size, np.empty(0, np.int64))
    for first in range(thread * step, columns, team[THREADS] * step):
        length = min(step, columns - first)
        for i in range(size):
            if i + AHEAD < size:
                ahead = team[3] + rows[i + AHEAD] * columns + first
                for byte in range(0, length, WORD * LINE):
                    prefetch(ahead + byte)
            source = vector_at(team[3] + rows[i] * columns + first, length, np.empty(0, np.uint8))
            x = vector_at(team[8] + (i * columns + first) * like.itemsize, length, like)
            for j in range(length):
                x[j] = like.dtype.type(source[j]) * factor  # not in float64
