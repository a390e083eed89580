"""The compiled optimizer step: the norm of the gradient in one pass, updates that are not cut into blocks."""

from math import inf, sqrt

from nnexp.kernels.optim.adam import CompiledAdam, CompiledAdamW
from nnexp.kernels.optim.gradient_norm import sum_of_squares
from nnexp.kernels.optim.optimizers import CompiledMomentum, CompiledNesterov, CompiledSGD
from nnexp.kernels.twins import twin_of
from nnexp.training.optimizer_step import OptimizerStep

# whose steps threads of compiled code share, without blocks
SHARED = (CompiledSGD, CompiledMomentum, CompiledNesterov, CompiledAdam, CompiledAdamW)


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
