"""Steps of large vectors, block by block in a processor's cache, on one thread or two.

An optimizer passes several times over its vectors. Where they do not fit into the cache, each pass waits for
the memory; within a block only the first one does. The weights of an elementwise optimizer do not depend on
each other, so neither blocks nor threads change a bit of the result.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np

from nnexp.optim.optimizers import Optimizer

BLOCK = 1 << 17  # weights: in float32 the vectors of Adam take 2.6 MB
THREADED = 500_000  # the weights from which on it pays to wake a second thread
Values = dict[str, Any]  # attributes by name


class Blocks:
    """Makes the steps of an elementwise optimizer on slices of its vectors.

    Each block is an optimizer of the same class with slices of the vectors and a copy of the numbers, such as
    the step t. All blocks leave the same numbers behind; they return to the optimizer, which holds the state.

    Args:
        optimizer: bound; its arrays are vectors (P,) or their beginnings, all else are numbers.
        environment: is entered in the second thread, whose floating-point settings are its own.
        size: the weights of a block, at most.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        environment: Callable[[], AbstractContextManager[object]] = nullcontext,
        size: int = BLOCK,
    ) -> None:
        self.optimizer = optimizer
        self.environment = environment
        self.size = size
        self.pool: ThreadPoolExecutor | None = None

    @cached_property
    def slices(self) -> list[Values]:
        """The slices of the vectors in each block, by name; the blocks are equally large."""
        weights = len(self.optimizer.theta)
        size = ceil(weights / ceil(weights / self.size))
        arrays = {name: one for name, one in vars(self.optimizer).items() if isinstance(one, np.ndarray)}
        starts = range(0, weights, size)
        return [{name: one[start : start + size] for name, one in arrays.items()} for start in starts]

    def step(self, scale: float = 1.0, threads: int = 1) -> None:
        """Make one update with the learning rate lr * scale.

        Args:
            scale: the multiplier of the learning rate.
            threads: more than 1 wakes a second thread, which sleeps between two steps.
        """
        first, *others = self.slices
        numbers = {name: value for name, value in vars(self.optimizer).items() if name not in first}
        waiting = deque(others)
        helper = None
        if threads > 1:
            self.pool = self.pool or ThreadPoolExecutor(max_workers=1, thread_name_prefix="optimizer")
            helper = self.pool.submit(copy_context().run, self._help, waiting, numbers, scale)
        after = self._step_block(first, numbers, scale)
        self._step_blocks(waiting, numbers, scale)
        if helper is not None and not helper.cancel():  # a thread that is not awake yet is not waited for
            helper.result()
        vars(self.optimizer).update({name: after[name] for name in numbers})

    def _help(self, waiting: deque[Values], numbers: Values, scale: float) -> None:
        """Make the steps of waiting blocks in the second thread."""
        with self.environment():
            self._step_blocks(waiting, numbers, scale)

    def _step_blocks(self, waiting: deque[Values], numbers: Values, scale: float) -> None:
        """Make the steps of blocks that no thread has taken."""
        while True:
            try:
                block = waiting.popleft()
            except IndexError:
                return
            self._step_block(block, numbers, scale)

    def _step_block(self, block: Values, numbers: Values, scale: float) -> Values:
        """Make the step of one block; return its attributes."""
        kind = type(self.optimizer)
        optimizer = kind.__new__(kind)
        vars(optimizer).update(numbers | block)
        optimizer.step(scale)
        return vars(optimizer)


def is_elementwise(optimizer: Optimizer) -> bool:
    """Return whether the class itself declares that: a subclass may change the step."""
    return bool(vars(type(optimizer)).get("elementwise", False))
