"""Matrix products in blocks that threads share: the same bits, however many threads are in use.

A library that shares a product among its own threads rounds differently with every number of them, and its
threads wait for each other without sleeping: beside other processes most of their time is lost. Here the
blocks of a product depend on its shape and on a limit alone. Who computes them may change between two steps.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from nnexp.data.batches import Batches
from nnexp.nn.network import Network
from nnexp.nn.parameters import Array
from nnexp.optim.blocks import Task, run_in_order
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.choice import ThreadChoice
from nnexp.training.threads.helper import Helper

ALIGNMENT = 16  # rows or columns: the width of a vector register


class Products:
    """The products of a network's layers, computed by one thread or by several."""

    min_work = (
        8e6  # multiplications and additions in a block, at least: some 80 us; a hand-over takes 5 or more
    )

    def __init__(self, limit: int = 1, choice: ThreadChoice | None = None, of_library: bool = False) -> None:
        """Start no thread yet.

        Args:
            limit: the most threads, of which one is the caller's; 1 leaves every product as it is.
            choice: of the number in use; None: always as many as the limit says.
            of_library: whether the threads are the library's own, and the products are left to it.
        """
        self.limit = limit
        self.choice = choice
        self.of_library = of_library
        self.helpers: list[Helper] = []
        self.given: list[tuple[dict[str, Any], str]] = []  # the attributes that `use_in` has set
        self.partitions: dict[tuple[tuple[int, ...], ...], Partition] = {}  # by shapes and strides
        self.are_shared = False  # whether one of them has blocks
        self.threads = 1  # in use

    def use_in(self, network: Network, step: OptimizerStep, *batches: Batches) -> None:
        """Compute the products of a network's layers, and the optimizer's steps, up to `close`.

        Batches are gathered by the training thread alone, unless that is compiled.
        """
        if self.limit > 1 and not self.of_library:
            for user in (*network.walk(), step.optimizer, step):
                self.give(user, matmul=self.matmul, run_tasks=self.run)

    def give(self, user: object, **attributes: Callable[..., object]) -> None:
        """Set attributes of an object up to `close`."""
        own = vars(user)
        own.update(attributes)
        self.given += [(own, name) for name in attributes]

    def close(self) -> None:
        """Let NumPy compute the products again, and end the threads."""
        for own, name in self.given:
            del own[name]
        self.given = []
        for helper in self.helpers:
            helper.end()
        self.helpers = []

    @contextmanager
    def running(self, timed: bool = True) -> Iterator[None]:
        """Use several threads inside, where that is faster; if `timed`, its time is that of steps."""
        choice = self.choice
        if choice is not None and timed:
            choice.resume()
        self.use(self.limit if choice is None else choice.threads)
        try:
            yield
        finally:
            self.use(1)
            if choice is not None and timed:
                choice.pause()

    def after_step(self) -> None:
        """Choose the number of threads again where it is time to; takes less than a microsecond."""
        if self.are_shared and self.choice is not None and self.choice.after_step():
            self.use(self.choice.threads)

    def use(self, threads: int) -> None:
        """Let so many threads wait for blocks of products, and the others sleep."""
        self.threads = threads
        if not self.are_shared:
            return
        while len(self.helpers) < threads - 1:
            self.helpers.append(self.new_helper())
        for helper in self.helpers[: threads - 1]:
            helper.wake()
        for helper in self.helpers[threads - 1 :]:
            helper.sleep()

    def new_helper(self) -> Helper:
        """Return one more helper, which sleeps."""
        return Helper()

    def matmul(self, a: Array, b: Array, out: Array) -> Array:
        """Compute a b, as `np.matmul` does, for matrices a (M, K) and b (K, N)."""
        partition = self.partition(a, b)
        n = min(self.threads, len(partition.blocks))
        if n == 1 and partition.is_exact:
            return np.matmul(a, b, out=out)
        self.run(partition.tasks(a, b, out))
        return out

    def run(self, tasks: Sequence[Task]) -> None:
        """Run tasks, which write into different memory, on the threads in use."""
        if len(tasks) > 1:
            self.share()
        n = min(self.threads, len(tasks))
        helpers = self.helpers[: n - 1]
        for i, helper in enumerate(helpers, start=1):
            helper.start(tasks[i::n])
        try:
            run_in_order(tasks[::n])
        finally:
            for helper in helpers:
                helper.wait()

    def share(self) -> None:
        """Start the helpers, from the first time on that there is work for them."""
        if not self.are_shared and self.limit > 1:
            self.are_shared = True
            self.use(self.threads)

    def partition(self, a: Array, b: Array) -> "Partition":
        """Return the blocks of products with factors of these shapes and strides."""
        layout = a.shape, b.shape, a.strides, b.strides
        if (known := self.partitions.get(layout)) is not None:
            return known
        M, K = a.shape
        N = b.shape[1]
        partition = Partition.of(M, N, int(min(self.limit, 2 * M * K * N // self.min_work)))
        if len(partition.blocks) > 1:
            partition = replace(partition, is_exact=partition.agrees(a, b))
        self.partitions[layout] = partition
        if len(partition.blocks) > 1:
            self.share()
        return partition


def block_step(whole: int, count: int) -> int:
    """Return the length of up to so many blocks of about the same size, a multiple of ALIGNMENT."""
    return -(-whole // (max(count, 1) * ALIGNMENT)) * ALIGNMENT


@dataclass(frozen=True)
class Partition:
    """The blocks of a product (M, K) (K, N): slices of the longer side of the result."""

    blocks: list[tuple[slice, slice]]  # rows and columns
    step: int  # the rows or columns of a block
    is_exact: bool = True  # whether the whole product has the same bits

    @classmethod
    def of(cls, M: int, N: int, count: int) -> "Partition":
        """Partition the result (M, N) in up to so many blocks of about the same size."""
        longer = max(M, N)
        step = block_step(longer, count)
        along = [slice(start, min(start + step, longer)) for start in range(0, longer, step)]
        whole = slice(None)
        return cls([(block, whole) if longer == M else (whole, block) for block in along], step)

    def tasks(self, a: Array, b: Array, out: Array) -> list[Task]:
        """Return the product of each block, to be computed."""
        return [
            partial(np.matmul, a[rows], b[:, columns], out[rows, columns]) for rows, columns in self.blocks
        ]

    def agrees(self, a: Array, b: Array) -> bool:
        """Return whether blocks and whole have the same bits, for random factors that lie in memory alike."""
        rng = np.random.default_rng(0)
        x = np.empty_like(a)
        W = np.empty_like(b)
        for factor in (x, W):
            factor[...] = rng.random(factor.shape, factor.dtype)
        whole = np.matmul(x, W)
        in_blocks = np.empty_like(whole)
        run_in_order(self.tasks(x, W, in_blocks))
        return np.array_equal(whole, in_blocks)
