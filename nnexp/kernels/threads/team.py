"""A run's products and updates, shared by threads of compiled code: a hand-over takes less than 1 us."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.data.splitting import Rows
from nnexp.kernels.batches import gather_alone
from nnexp.kernels.dense import CompiledDense, linear
from nnexp.kernels.optim.gradient_norm import CHUNK, sum_of_squares
from nnexp.kernels.optim.vectors import Kernel, call
from nnexp.kernels.threads.blas import gemm_address
from nnexp.kernels.threads.job_function import job_function
from nnexp.kernels.threads.jobs import (
    MIN_VALUES,
    NUMBERS,
    OPERATION,
    SLEEP,
    TASKS,
    Numbers,
    Words,
    finish,
    new_team,
    serve,
    start_one,
    wait_for_one,
)
from nnexp.kernels.threads.products import COLUMNS, ROWS, TERMS, share_finish, share_product
from nnexp.kernels.threads.vectors import RULES, share_gather, share_squares, share_update
from nnexp.kernels.twins import twin_of
from nnexp.nn.network import Network
from nnexp.nn.parameters import Array, Shape
from nnexp.optim.blocks import Task
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.helper import Helper
from nnexp.training.threads.products import Products, block_step

MIN_WORK = 1e6  # multiplications and additions of a product that NumPy does not compute
SMALL = 1 << 16  # bytes of weights that each thread reads all of, for its own examples
BLOCK_WORK = 6e5  # of a block, at least: some 15 us
RULE_NUMBERS = {rule: number for number, rule in enumerate(RULES)}


class CompiledHelper(Helper):
    """A helper that does jobs of compiled code; it comes to the interpreter for other tasks and to sleep."""

    def __init__(self, team: Words, numbers: Numbers, number: int) -> None:
        """Start the thread.

        Args:
            team: the words of all threads, with the job.
            numbers: the job's.
            number: the helper's, from 0.
        """
        self.team = team
        self.numbers = numbers
        self.number = number
        super().__init__()

    def start(self, tasks: Sequence[Task] | None) -> None:
        self.tasks = tasks
        self.team[OPERATION] = SLEEP if tasks is None else TASKS
        start_one(self.team, self.number)

    def wait_until_done(self) -> None:
        wait_for_one(self.team, self.number)

    @flushed_denormals()
    @np.errstate(all="ignore")
    def serve(self) -> None:
        while True:
            self.woken.acquire()
            if self.is_ended:
                return
            while serve(self.team, self.numbers, self.number) == TASKS:
                self.run_tasks()
                finish(self.team, self.number)
            finish(self.team, self.number)


@twin_of(Products)
class CompiledProducts(Products):
    """Products, sums of squares and updates that threads share within compiled code."""

    def use_in(self, network: Network, step: OptimizerStep, *batches: Batches) -> None:
        super().use_in(network, step)
        self.team = new_team(self.limit - 1, job_function(network.grad.dtype.name).address)
        self.numbers = np.zeros(NUMBERS)
        self.sums = np.zeros(-(-len(network.grad) // CHUNK))
        self.gemm = gemm_address(network.grad.dtype.name) or 0
        self.steps: dict[tuple[Shape, Shape, int], tuple[int, int]] = {}
        self.partial_values = network.grad[:0]
        self.partial = self.partial_values.reshape(0, 0, 0)
        for layer in network.walk():
            if isinstance(layer, CompiledDense):
                self.give(layer, linear=self.linear)
                self.give(layer, weight_gradient=self.weight_gradient, input_gradient=self.input_gradient)
        for one in batches:
            self.give(one, gather=self.gather)
        self.give(step, sum_of_squares=self.sum_of_squares)
        for user in (step.optimizer, step.averaging):
            self.give(user, run_kernel=self.run_kernel)

    def compile_helper(self) -> None:
        """Compile what helpers run, or read it."""
        team = new_team(1, 0)
        team[OPERATION] = SLEEP
        start_one(team, 0)
        serve(team, self.numbers, 0)
        finish(team, 0)
        wait_for_one(team, 0)

    def new_helper(self) -> Helper:
        return CompiledHelper(self.team, self.numbers, len(self.helpers))

    def matmul(self, a: Array, b: Array, out: Array) -> Array:
        return self.product(a, b, out, axis=ROWS if len(out) >= out.shape[1] else COLUMNS)

    def product(self, a: Array, b: Array, out: Array, axis: int) -> Array:
        """Compute a b, for matrices a (M, K) and b (K, N), in blocks along an axis: ROWS or COLUMNS."""
        if not self.multiply(a, b, out, axis, self.partial):
            np.matmul(a, b, out=out)
        return out

    def multiply(self, a: Array, b: Array, out: Array, axis: int, partial: Array) -> bool:
        """Compute a product in blocks; return whether it is large enough, and BLAS takes the matrices."""
        key = a.shape, out.shape, axis
        step, blocks = self.steps.get(key) or self.choose_step(*key)
        if not step:
            return False
        gemm = self.gemm if blocks > 1 else 0
        return share_product(
            self.team, self.numbers, min(self.threads, blocks), gemm, a, b, out, axis, step, partial
        )

    def weight_gradient(self, x: Array, dy: Array, dW: Array) -> None:
        """Compute dW = x.T dy, in blocks of inputs; x (B, I), dy (B, O), dW (I, O)."""
        self.product(x.T, dy, dW, ROWS)

    def input_gradient(self, dy: Array, W: Array, dx: Array) -> None:
        """Compute dx = dy W.T, in blocks of inputs; dy (B, O), W (I, O), dx (B, I)."""
        self.product(dy, W.T, dx, COLUMNS if W.nbytes > SMALL else ROWS)

    def linear(self, x: Array, W: Array, b: Array, y: Array, rectify: bool) -> Array:
        """Compute y = x W + b, or max(0, of that), in blocks of inputs; x (B, I), W (I, O), y (B, O)."""
        axis = TERMS if W.nbytes > SMALL else ROWS
        key = x.shape, y.shape, axis
        _, blocks = self.steps.get(key) or self.choose_step(*key)
        partial = self.partial_of(blocks - 1 if axis == TERMS else 0, y)
        if not self.multiply(x, W, y, axis, partial):
            return linear(x, W, b, y, rectify)
        share_finish(self.team, self.numbers, self.threads, y, partial, b, rectify)
        return y

    def choose_step(self, a: Shape, out: Shape, axis: int) -> tuple[int, int]:
        """Return the rows, columns or terms of a block of a product, and the number of blocks; 0: NumPy's."""
        whole = (*out, a[1])[axis]
        work = 2 * a[1] * out[0] * out[1]
        blocks = min(self.limit, int(work // BLOCK_WORK)) if self.gemm else 1
        step = block_step(whole, blocks) if work >= MIN_WORK else 0
        chosen = step, ceil(whole / step) if step else 1
        self.steps[a, out, axis] = chosen
        if chosen[1] > 1:
            self.share()
        return chosen

    def partial_of(self, blocks: int, out: Array) -> Array:
        """Return memory for the products of so many blocks of terms."""
        size = blocks * out.size
        if len(self.partial_values) < size:
            self.partial_values = np.empty(size, out.dtype)
        return self.partial_values[:size].reshape(blocks, *out.shape)

    def sum_of_squares(self, g: Array) -> float:
        """Return the sum of the squares of the gradient (P,)."""
        if len(g) < MIN_VALUES:
            return sum_of_squares(g)
        self.share()
        return share_squares(self.team, self.numbers, self.threads, g, self.sums)

    def run_kernel(self, kernel: Kernel, vectors: tuple[Array, ...], numbers: tuple[float, ...]) -> None:
        """Update vectors (P,) by an elementwise kernel."""
        rule = RULE_NUMBERS.get(kernel)
        if rule is None or len(vectors[0]) < MIN_VALUES:
            call(kernel, vectors, numbers)
            return
        self.share()
        share_update(self.team, self.numbers, self.threads, rule, vectors, tuple(map(float, numbers)))

    def gather(self, source: NDArray[Any], rows: Rows, factor: float, x: Array) -> None:
        """Write factor * source[rows] into x, (B, I), for source (N, I)."""
        if source.dtype != np.uint8 or x.size < MIN_VALUES or rows.dtype != np.int64:
            gather_alone(source, rows, factor, x)
            return
        self.share()
        step = block_step(x.shape[1], self.limit)
        share_gather(self.team, self.numbers, self.threads, source, rows, factor, x, step)
