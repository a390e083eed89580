"""From gradients to new weights: everything that happens between two batches."""

from dataclasses import KW_ONLY, dataclass, field
from math import inf, sqrt

import numpy as np

from nnexp.nn.layers.containers import Observers
from nnexp.nn.network import Network
from nnexp.optim.averaging import Averaging, NoAveraging
from nnexp.optim.blocks import SMALLEST, Blocks, is_elementwise, run_in_order
from nnexp.optim.optimizers import Optimizer
from nnexp.optim.regularization import Regularization, Regularizer
from nnexp.optim.schedules import Constant, Schedule
from nnexp.training.diagnostics.diagnostics import Diagnostics
from nnexp.training.diagnostics.layer_diagnostics import norm
from nnexp.training.non_finite import NonFiniteError


@dataclass(eq=False)
class OptimizerStep:
    """Accumulates gradients; every so many batches: penalties, clipping, an update, max-norm, the average."""

    network: Network  # its parameters are trained
    optimizer: Optimizer  # is bound to them here
    schedule: Schedule = field(default_factory=Constant)  # progress -> multiplier of the learning rate
    averaging: Averaging = field(default_factory=NoAveraging)  # is bound to the weights here
    regularization: Regularization = field(default_factory=Regularization)  # penalties and bounds
    _: KW_ONLY
    accumulate: int = 1  # the batches whose gradients make one step
    steps_planned: int = 1  # of the whole run; progress is a share of them
    diagnostics: Diagnostics | None = None  # measure some of the steps; they change nothing

    run_tasks = staticmethod(run_in_order)  # of a large update; threads may share them in a run

    def __post_init__(self) -> None:
        network = self.network
        self.optimizer.bind(network.parameters)
        is_large = len(network.theta) >= SMALLEST and is_elementwise(self.optimizer)
        self.blocks = Blocks(self.optimizer) if is_large else None
        self.averaging.bind(network.theta, network.state)
        self.regularizer = Regularizer(self.regularization, network.parameters)
        self.grad_sum = np.zeros_like(network.grad if self.accumulate > 1 else network.grad[:0])
        self.batches = 0  # accumulated
        self.examples = 0  # accumulated
        self.steps_taken = 0
        self.elapsed = 0.0  # the share of the time budget that is used up
        self.lr = 0.0  # of the last step
        self.lr_factor = 1.0  # of the schedule; halved by each rewind

    def __call__(self, examples: int) -> float | None:
        """Take the gradient of a batch of so many examples; return its norm if a step was made."""
        if self.accumulate == 1:
            return self.step()
        grad = self.network.grad
        grad *= examples
        self.grad_sum += grad
        self.batches += 1
        self.examples += examples
        return self.flush() if self.batches == self.accumulate else None

    def flush(self) -> float | None:
        """Make a step with the accumulated gradient; return its norm, None if there is no gradient."""
        if not self.batches:
            return None
        np.divide(self.grad_sum, self.examples, out=self.network.grad)
        self.grad_sum.fill(0)
        self.batches = 0
        self.examples = 0
        return self.step()

    def step(self) -> float:
        """Make one step; return the gradient's norm, before penalties and clipping.

        Raises:
            NonFiniteError: the gradient is NaN or infinite; the weights are those before the step.
        """
        grad_norm = self.gradient_norm()
        if not grad_norm < inf:
            raise NonFiniteError("gradient", grad_norm)
        if self.diagnostics is not None and not self.steps_taken:
            self.diagnostics.before_first_step()
        is_measured = self.diagnostics is not None and self.steps_taken in self.diagnostics.due
        diagnostics = self.diagnostics if is_measured else None
        if diagnostics:
            diagnostics.before_step()
        self.regularizer.penalize()
        self.regularizer.clip()
        momentum = self.schedule.momentum(self.progress)
        scale = self.schedule(self.progress) * self.lr_factor
        if momentum is not None and self.optimizer.momentum:
            self.optimizer.momentum = momentum
        self.update(scale)
        self.lr = self.optimizer.lr * scale
        self.regularizer.constrain()
        self.steps_taken += 1
        self.averaging.after_step(self.progress)
        if diagnostics:
            diagnostics.after_step()
        return grad_norm

    def update(self, scale: float) -> None:
        """Move the weights by the optimizer, with its learning rate times a scale."""
        if self.blocks is None:
            self.optimizer.step(scale)
        else:
            self.blocks.step(scale, self.run_tasks)

    def gradient_norm(self) -> float:
        """Return the gradient's Euclidean norm, also where its square overflows."""
        grad = self.network.grad
        grad_norm = sqrt(np.dot(grad, grad))
        return grad_norm if grad_norm < inf else norm(grad, np.empty_like(grad))

    @property
    def observers(self) -> Observers | None:
        """Observers of activations in the next batch; None after the first step."""
        return self.diagnostics.initial_observers if self.diagnostics and not self.steps_taken else None

    @property
    def progress(self) -> float:
        """The share of the run that is completed, by steps or by time, in [0, 1]."""
        return max(self.steps_taken / self.steps_planned, min(self.elapsed, 1.0))

    def set_elapsed(self, share: float) -> None:
        """Set the share of the time budget that is used up."""
        self.elapsed = share

    def set_lr(self, lr: float) -> None:
        """Set the optimizer's learning rate, for a search over learning rates."""
        self.optimizer.lr = lr
