"""The update of an optimizer's vectors by a kernel: those of matrices apart if they decay."""

from collections.abc import Callable
from typing import Any

from nnexp.kernels.jit import finite_kernel
from nnexp.nn.parameters import Array
from nnexp.optim.optimizers import Optimizer

Kernel = Callable[..., None]
Number = Any  # a float, which a kernel converts to the type of its vectors


def update(
    optimizer: Optimizer, kernel: Kernel, scale: float, state: tuple[Array, ...], *numbers: float
) -> None:
    """Call a kernel with theta, g, the state's vectors, the factor of decay and the numbers.

    Without decay that is one call; with it one for the matrices, one for the rest.
    """
    run: Callable[..., None] = vars(optimizer).get("run_kernel", call)  # threads may share it in a run
    vectors = (optimizer.theta, optimizer.g, *state)
    if not optimizer.weight_decay:
        run(kernel, vectors, (1.0, *numbers))
        return
    end = len(optimizer.matrices)
    decay = 1 - optimizer.lr * scale * optimizer.weight_decay
    run(kernel, tuple(vector[:end] for vector in vectors), (decay, *numbers))
    run(kernel, tuple(vector[end:] for vector in vectors), (1.0, *numbers))


def call(kernel: Kernel, vectors: tuple[Array, ...], numbers: tuple[float, ...]) -> None:
    """Update all of the vectors by this thread alone."""
    kernel(*vectors, *numbers)


@finite_kernel
def quotient(a: Number, b: Number, limit: Number) -> Number:
    """Return a / b; 0 where b is infinite, which is above any limit.

    Neither is NaN: a step begins only with a finite gradient.
    """
    q = a / b
    return q if b < limit else a - a
