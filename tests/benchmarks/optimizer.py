"""The gradient's norm and an Adam step beside a copy that moves as many bytes; prints a Markdown table.

    python tests/benchmarks/optimizer.py [--rounds 9]

The step reads g twice, theta, m and v once, and writes the last three: 8 vectors; so the copy is one of 4
vectors, on as many threads. `compiled` needs Numba. Figures are medians of the rounds in microseconds; the
last column is the copy's time over the compiled step's, with its norm: the share of the copy's bandwidth.
"""

import argparse
from collections.abc import Callable
from statistics import median
from threading import Thread
from time import perf_counter

import numpy as np

from nnexp.kernels.optim.adam import CompiledAdam
from nnexp.kernels.optim.gradient_norm import sum_of_squares
from nnexp.nn.parameters import Parameters
from nnexp.optim.adam import Adam
from nnexp.optim.blocks import SMALLEST, Blocks
from nnexp.training.numerics import flushed_denormals
from nnexp.training.threads.products import Products

WEIGHTS = (101_770, 2_913_290)  # 784-128-10, 784-1024-1024-1024-10
VECTORS = 8  # that a norm and a step read or write


def time_of(work: Callable[[], object], rounds: int) -> float:
    """Return the median of microseconds, after one turn that does not count."""
    work()
    start = perf_counter()
    work()
    turns = max(1, int(0.05 / (perf_counter() - start)))
    seconds = []
    for _ in range(rounds):
        start = perf_counter()
        for _ in range(turns):
            work()
        seconds.append((perf_counter() - start) / turns)
    return 1e6 * median(seconds)


def step_of(kind: type[Adam], weights: int, products: Products) -> Callable[[], object]:
    """Prepare the step of an optimizer, in blocks as in a run where the vectors are large."""
    parameters = Parameters({"W": (weights - 10, 1), "b": (10,)})
    rng = np.random.default_rng(0)
    for vector in (parameters.theta, parameters.grad):
        vector[:] = 0.01 * rng.standard_normal(weights)
    optimizer = kind()
    optimizer.bind(parameters)
    g = parameters.grad
    norm = (lambda: sum_of_squares(g)) if kind is CompiledAdam else (lambda: np.dot(g, g))
    assert weights >= SMALLEST
    blocks = Blocks(optimizer)

    def step() -> None:
        norm()
        blocks.step(1.0, products.run)

    return step


def copy_of(weights: int, threads: int) -> Callable[[], object]:
    """Prepare a copy that moves as many bytes, each thread its share."""
    source = np.ones(weights * VECTORS // 2, np.float32)
    target = source.copy()
    shares = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))

    def copy() -> None:
        others = [Thread(target=np.copyto, args=share) for share in shares[1:]]
        for other in others:
            other.start()
        np.copyto(*shares[0])
        for other in others:
            other.join()

    return copy


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print("| weights | threads | NumPy | compiled | copy of as many bytes | share of bandwidth |")
    print("|---|---|---|---|---|---|")
    for weights in WEIGHTS:
        for threads in (1, 2):
            products = Products(threads)
            with flushed_denormals(), products.running():
                numpy_time = time_of(step_of(Adam, weights, products), rounds)
                compiled = time_of(step_of(CompiledAdam, weights, products), rounds)
                copy = time_of(copy_of(weights, threads), rounds)
            products.close()
            figures = f"{numpy_time:.1f} | {compiled:.1f} | {copy:.1f} | {copy / compiled:.0%}"
            print(f"| {weights:,} | {threads} | {figures} |")


if __name__ == "__main__":
    main()
