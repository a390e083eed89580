"""The compiled norm of the gradient g (P,), in one pass."""

from math import inf, sqrt
from typing import Any

from nnexp.kernels.jit import kernel
from nnexp.kernels.optim.adam import CompiledAdam, CompiledAdamW
from nnexp.kernels.optim.optimizers import CompiledMomentum, CompiledNesterov, CompiledSGD
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.training.optimizer_step import OptimizerStep

# whose steps threads of compiled code share, without blocks
SHARED = (CompiledSGD, CompiledMomentum, CompiledNesterov, CompiledAdam, CompiledAdamW)
CHUNK = 8192  # the values whose squares are added in their own type, before its rounding errors grow


@kernel
def sum_of_squares(g: Array) -> float:
    """Sum the squares, chunks of them in float64."""
    total = 0.0
    for start in range(0, len(g), CHUNK):
        total += sum_of_squares_of_chunk(g[start : start + CHUNK])
    return total


@kernel
def sum_of_squares_of_chunk(g: Array) -> Any:
    """Sum the squares in the type of the values."""
    total = g.dtype.type(0)
    for i in range(len(g)):
        total += g[i] * g[i]
    return total


@twin_of(OptimizerStep)
class CompiledOptimizerStep(OptimizerStep):
    """The optimizer step with a compiled norm of the gradient, and updates that take one pass."""

    sum_of_squares = staticmethod(sum_of_squares)  # threads may share it in a run

    def gradient_norm(self) -> float:
        squares = self.sum_of_squares(self.network.grad)
        return sqrt(squares) if squares < inf else super().gradient_norm()

    def update(self, scale: float) -> None:
        if type(self.optimizer) in SHARED:
            self.optimizer.step(scale)
        else:
            super().update(scale)
