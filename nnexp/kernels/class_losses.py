"""The compiled focal and hinge losses: the loss and its gradient together. B batch, O outputs (classes)."""

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.losses import subtract_largest
from nnexp.kernels.twins import twin_of
from nnexp.nn.losses.classification import Focal, Hinge
from nnexp.nn.losses.loss import Targets
from nnexp.nn.parameters import Array


@kernel
def focal(p: Array, at_y: Array, y: Targets, gamma: float) -> float:
    """Compute the mean of -m^gamma log p[y], m = 1 - p[y]; p holds exp(z - max), and gets the gradient.

    That is (p - onehot(y)) m^(gamma - 1) (m - gamma p[y] log p[y]) / B.
    """
    n, outputs = p.shape
    one, g = p.dtype.type(1), p.dtype.type(gamma)
    tiny = np.finfo(p.dtype).tiny
    loss = 0.0
    for i in range(n):
        total = p.dtype.type(0)
        for j in range(outputs):
            total += p[i, j]
        log = at_y[i] - np.log(total)
        miss = -np.expm1(log)
        miss = tiny if miss <= tiny else miss  # NaN stays
        power = miss ** (g - one)
        loss -= power * miss * log
        slope = power * (miss - g * (one - miss) * log) / p.dtype.type(n)
        factor = slope / total
        for j in range(outputs):
            p[i, j] *= factor
        p[i, y[i]] -= slope
    return float(loss / n)


@twin_of(Focal)
class CompiledFocal(Focal):
    """The focal loss in two loops, the exponential between them."""

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        p, log = self.p[:n], self.log[:n]
        subtract_largest(z, p, log, y)
        np.exp(p, out=p)
        return float(focal(p, log, y, self.gamma))

    def backward(self) -> Array:
        return self.p[: self.n]


@kernel
def hinge(z: Array, y: Targets, margin: float, power: int, dz: Array) -> float:
    """Compute the mean of sum over j != y of max(0, margin - z[y] + z[j])^power / C, and its gradient."""
    n, outputs = z.shape
    zero, share = z.dtype.type(0), z.dtype.type(1 / (n * outputs))
    two = z.dtype.type(2)
    loss = 0.0
    for i in range(n):
        bound = z[i, y[i]] - z.dtype.type(margin)
        row = zero
        for j in range(outputs):
            excess = z[i, j] - bound
            if j == y[i] or excess <= zero:
                dz[i, j] = zero
                continue
            loss += excess if power == 1 else excess * excess
            dz[i, j] = share if power == 1 else two * excess * share
            row += dz[i, j]
        dz[i, y[i]] = -row
    return float(loss / (n * outputs))


@twin_of(Hinge)
class CompiledHinge(Hinge):
    """The hinge loss in one loop."""

    def forward(self, z: Array, y: Targets) -> float:
        self.n = len(z)
        return float(hinge(z, y, self.margin, self.power, self.dz[: self.n]))

    def backward(self) -> Array:
        return self.dz[: self.n]
