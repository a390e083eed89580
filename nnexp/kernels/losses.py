"""The compiled softmax cross-entropy: the loss and its gradient in two passes over the outputs.

B batch, O outputs (classes).
"""

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.losses.loss import Targets
from nnexp.nn.parameters import Array


@kernel
def subtract_largest(z: Array, p: Array, at_y: Array, y: Targets) -> None:
    """Write z less its largest output of each example into p, and that of the class into at_y (B,)."""
    for i in range(z.shape[0]):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            largest = max(largest, z[i, j])
        for j in range(z.shape[1]):
            p[i, j] = z[i, j] - largest
        at_y[i] = p[i, y[i]]


@kernel
def cross_entropy(p: Array, at_y: Array, y: Targets) -> float:
    """Compute the mean of -log p[y]; p holds exp(z - max), and gets the gradient (p - onehot(y)) / B."""
    loss = 0.0
    n = p.shape[0]
    share = p.dtype.type(1 / n)
    for i in range(n):
        total = p.dtype.type(0)
        for j in range(p.shape[1]):
            total += p[i, j]
        loss += np.log(total) - at_y[i]
        factor = share / total
        for j in range(p.shape[1]):
            p[i, j] *= factor
        p[i, y[i]] -= share
    return float(loss / n)


@kernel
def weighted_cross_entropy(p: Array, z: Array, y: Targets, w: Array, smoothing: float) -> tuple[float, float]:
    """Compute the weighted, smoothed loss and the sum of weights; p becomes the gradient.

    With q = -log p, e the smoothing, C classes: ((1 - e) sum w[y] q[y] + e / C sum w[k] q[k]) / sum w[y].
    """
    n, classes = p.shape
    weight_sum = 0.0  # of the classes
    for k in range(classes):
        weight_sum += w[k]
    total_weight = 0.0  # of the examples
    for i in range(n):
        total_weight += w[y[i]]
    loss = 0.0
    each = smoothing / classes
    for i in range(n):
        total = p.dtype.type(0)
        for k in range(classes):
            total += p[i, k]
        largest = z[i, 0]
        for k in range(1, classes):
            largest = max(largest, z[i, k])
        log_total = np.log(total)
        hard = (1 - smoothing) * w[y[i]]
        soft = 0.0
        for k in range(classes):
            soft += w[k] * (log_total - (z[i, k] - largest))
        loss += hard * (log_total - (z[i, y[i]] - largest)) + each * soft
        factor = (hard + each * weight_sum) / (total_weight * total)
        for k in range(classes):
            p[i, k] = p[i, k] * factor - each * w[k] / total_weight
        p[i, y[i]] -= hard / total_weight
    return loss / total_weight, total_weight


@twin_of(SoftmaxCrossEntropy)
class CompiledSoftmaxCrossEntropy(SoftmaxCrossEntropy):
    """Softmax cross-entropy whose forward pass computes the gradient too."""

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        p, at_y = self.p[:n], self.at_y[:n]
        subtract_largest(z, p, at_y, y)
        np.exp(p, out=p)  # NumPy's is vectorized
        if self.plain or self.w is None:
            return float(cross_entropy(p, at_y, y))
        loss, self.total = weighted_cross_entropy(p, z, y, self.w, self.label_smoothing)
        return float(loss)

    def backward(self) -> Array:
        return self.p[: self.n]
