"""Steps of large vectors, block by block in a processor's cache, on several threads where there are some.

An optimizer passes several times over its vectors. Where they do not fit into the cache, each pass waits for
the memory; within a block only the first one does. The weights of an elementwise optimizer do not depend on
each other, so neither blocks nor threads change a bit of the result.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import ceil

import numpy as np

from nnexp.optim.optimizers import Optimizer

BLOCK = 1 << 17  # weights: in float32 the vectors of Adam take 2.6 MB
SMALLEST = 1 << 16  # weights of a vector that is worth two blocks
Task = Callable[[], object]


class Blocks:
    """Makes the steps of an elementwise optimizer on slices of its vectors.

    Each block is an optimizer of the same class with slices of the vectors and a copy of the numbers, such as
    the step t. All blocks leave the same numbers behind; they return to the optimizer, which holds the state.

    Args:
        optimizer: bound; its arrays are vectors (P,) or their beginnings, all else are numbers.
        size: the weights of a block, at most.
    """

    def __init__(self, optimizer: Optimizer, size: int = BLOCK) -> None:
        self.optimizer = optimizer
        self.size = size

    @cached_property
    def blocks(self) -> list[Optimizer]:
        """The optimizers of the blocks, at least two and equally large."""
        optimizer = self.optimizer
        kind = type(optimizer)
        weights = len(optimizer.theta)
        size = ceil(weights / max(2, ceil(weights / self.size)))
        blocks = []
        for start in range(0, weights, size):
            block = kind.__new__(kind)
            for name, value in vars(optimizer).items():
                is_vector = isinstance(value, np.ndarray)
                vars(block)[name] = value[start : start + size] if is_vector else value
            blocks.append(block)
        return blocks

    def step(self, scale: float, run: Callable[[Sequence[Task]], None]) -> None:
        """Make one update with the learning rate lr * scale.

        Args:
            scale: the multiplier of the learning rate.
            run: runs tasks in any order, and returns when all are done.
        """
        own = vars(self.optimizer)
        numbers = {name: value for name, value in own.items() if not isinstance(value, np.ndarray)}
        for block in self.blocks:
            vars(block).update(numbers)
        run([partial(block.step, scale) for block in self.blocks])
        after = vars(self.blocks[0])
        own.update({name: after[name] for name in numbers})


def is_elementwise(optimizer: Optimizer) -> bool:
    """Return whether the class itself declares that: a subclass may change the step."""
    return bool(vars(type(optimizer)).get("elementwise", False))


def run_in_order(tasks: Sequence[Task]) -> None:
    """Run tasks, one after the other."""
    for task in tasks:
        task()
