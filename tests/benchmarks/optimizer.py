"""The gradient's norm and an Adam update beside a copy that moves as many bytes; prints a Markdown table.

    python tests/benchmarks/optimizer.py [--rounds 9]

The two read g twice, theta, m and v once, and writes the last three: 8 vectors; so the copy is one of 4
vectors, on as many threads. `compiled` needs Numba. Figures are medians of the rounds in microseconds; the
last column is the copy's time over the compiled step's, with its norm: the share of the copy's bandwidth.
"""

import argparse
from collections.abc import Callable
from statistics import median
from threading import Thread
from time import perf_counter

import numpy as np

from nnexp.kernels.substitution import substitute_products
from nnexp.kernels.twins import compile_object
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.products import Products

HIDDEN = ([128], [1024, 1024, 1024])  # of networks from 784 inputs to 10 classes
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


def step_of(network: Network, products: Products, compiled: bool) -> Callable[[], object]:
    """Prepare what an optimizer step computes, as in a run."""
    step = OptimizerStep(network, Adam())
    if compiled:
        substitute_products(products)
        compile_object(step)
        compile_object(step.optimizer)
    products.use_in(network, step)

    def norm_and_update() -> None:
        step.gradient_norm()
        step.update(1.0)

    return norm_and_update


def time_of_step(network: Network, threads: int, rounds: int, compiled: bool) -> float:
    """Return the median of microseconds of a step."""
    products = Products(threads)
    try:
        with flushed_denormals(), products.running():
            work = step_of(network, products, compiled)
            products.use(threads)
            return time_of(work, rounds)
    finally:
        products.close()


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
    for hidden in HIDDEN:
        network = Network(MLP(hidden).layers((784,), 10), (784,), 1)
        rng = np.random.default_rng(0)
        for vector in (network.theta, network.grad):
            vector[:] = 0.01 * rng.standard_normal(len(vector))
        weights = len(network.theta)
        for threads in (1, 2):
            numpy_time, compiled = (time_of_step(network, threads, rounds, fast) for fast in (False, True))
            copy = time_of(copy_of(weights, threads), rounds)
            figures = f"{numpy_time:.1f} | {compiled:.1f} | {copy:.1f} | {copy / compiled:.0%}"
            print(f"| {weights:,} | {threads} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
