"""The arguments of an optimizer's kernel: vectors, those of matrices apart if they decay, and numbers."""

from typing import Any

from nnexp.kernels.jit import finite_kernel
from nnexp.nn.parameters import Array
from nnexp.optim.optimizers import Optimizer

Number = Any  # a float, which a kernel converts to the type of its vectors


def kernel_arguments(
    optimizer: Optimizer, scale: float, state: tuple[Array, ...], *numbers: float
) -> list[tuple[Any, ...]]:
    """Return theta, g, the state's vectors, the factor of decay and the numbers, for each call.

    Without decay that is one; with it one of the matrices, one of the rest.
    """
    vectors = (optimizer.theta, optimizer.g, *state)
    if not optimizer.weight_decay:
        return [(*vectors, 1.0, *numbers)]
    end = len(optimizer.matrices)
    decay = 1 - optimizer.lr * scale * optimizer.weight_decay
    matrices = [vector[:end] for vector in vectors]
    rest = [vector[end:] for vector in vectors]
    return [(*matrices, decay, *numbers), (*rest, 1.0, *numbers)]


@finite_kernel
def quotient(a: Number, b: Number, limit: Number) -> Number:
    """Return a / b; 0 where b is infinite, which is above any limit.

    Neither is NaN: a step begins only with a finite gradient.
    """
    q = a / b
    return q if b < limit else a - a
