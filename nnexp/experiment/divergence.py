"""Divergence of training: a loss or weights that are NaN or infinite."""

import numpy as np

from nnexp.errors import UserError
from nnexp.nn.parameters import Array
from nnexp.training.record import Record


class DivergedError(UserError):
    """The loss became NaN or infinite."""

    exit_code = 1


def check_divergence(record: Record, theta: Array, step: int, lr: float) -> None:
    """Raise a DivergedError if the loss is NaN or infinite; without validation, also if a weight is."""
    loss = record.train_loss + (float(theta.sum()) if record.val_loss is None else record.val_loss)
    if not np.isfinite(loss):
        value = "NaN" if np.isnan(loss) else "infinite"
        problem = f"training diverged: the loss is {value} at step {step} (epoch {record.epoch})"
        raise DivergedError(f"{problem}; fix: a smaller optimizer.lr (it is {lr:g}), or another init")
