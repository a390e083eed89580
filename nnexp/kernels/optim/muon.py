"""Compiled Muon: its momentum and its update. M momentum, dW gradients, W weights of matrices, all (M,)."""

from nnexp.kernels.jit import kernel
from nnexp.kernels.optim.vectors import Number
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.muon import Muon


@kernel
def update_momentum(
    M: Array, dW: Array, G: Array, share: Number, M_factor: Number, dW_factor: Number
) -> None:
    """Update M <- share M + dW, G <- M_factor M + dW_factor dW."""
    number = M.dtype.type
    share, M_factor, dW_factor = number(share), number(M_factor), number(dW_factor)
    for i in range(len(M)):
        M_i = share * M[i] + dW[i]
        G[i] = M_factor * M_i + dW_factor * dW[i]
        M[i] = M_i


@twin_of(Muon)
class CompiledMuon(Muon):
    """Muon whose momentum takes one pass."""

    def update_momentum(self) -> None:
        share = self.start_step()
        mu = self.momentum
        g_factor = (1 - mu) / (1 - mu**self.t)
        M_factor = g_factor
        if self.nesterov:
            M_factor = mu * (1 - mu) / (1 - mu ** (self.t + 1))
        values = (share, M_factor, g_factor if self.nesterov else 0.0)
        update_momentum(self.M, self.dW, self.G, *values)
