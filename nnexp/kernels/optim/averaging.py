"""Compiled averages of the weights. theta weights, average or slow weights, all (P,)."""

from nnexp.kernels.jit import kernel
from nnexp.kernels.optim.vectors import Number, call
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.averaging import EMA, SWA, Lookahead, RunningAverage


@kernel
def move_towards(average: Array, vector: Array, share: Number) -> None:
    """Update a <- a + share (theta - a)."""
    share = average.dtype.type(share)
    for i in range(len(average)):
        average[i] += share * (vector[i] - average[i])


def add(averaging: RunningAverage, share: float) -> None:
    """Move the averages by that share towards the weights."""
    run = vars(averaging).get("run_kernel", call)
    for vector, average, _ in averaging.buffers:
        if averaging.count:
            run(move_towards, (average, vector), (share,))
        else:
            average[...] = vector
    averaging.count += 1


@twin_of(EMA)
class CompiledEMA(EMA):
    """EMA in one pass."""

    def add(self, share: float) -> None:
        add(self, share)


@twin_of(SWA)
class CompiledSWA(SWA):
    """SWA in one pass."""

    def add(self, share: float) -> None:
        add(self, share)


@kernel
def look_ahead(theta: Array, slow: Array, alpha: Number) -> None:
    """Update slow <- slow + alpha (theta - slow), theta <- slow."""
    for i in range(len(theta)):
        slow_i = slow[i] + alpha * (theta[i] - slow[i])
        theta[i] = slow_i
        slow[i] = slow_i


@twin_of(Lookahead)
class CompiledLookahead(Lookahead):
    """Lookahead in one pass."""

    def after_step(self, progress: float) -> None:
        self.t += 1
        if self.t % self.k == 0:
            look_ahead(self.theta, self.slow, self.theta.dtype.type(self.alpha))
