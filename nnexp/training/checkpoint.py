"""The weights that a run keeps: those of the best epoch, in one vector."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.network import Network
from nnexp.training.trainer import Record


class Best:
    """Remembers the epoch with the highest validation accuracy (of equals, the lowest loss) and its weights."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.theta: NDArray[np.floating] = network.theta.copy()  # (P,)
        self.record: Record | None = None

    def offer(self, record: Record) -> bool:
        """Keep the network's weights if this epoch is the best so far."""
        if self.record is not None and _merit(record) <= _merit(self.record):
            return False
        self.record = record
        np.copyto(self.theta, self.network.theta)
        return True

    def restore(self) -> None:
        """Give the network the weights of the best epoch."""
        np.copyto(self.network.theta, self.theta)


def save(network: Network, path: Path) -> None:
    """Write the weights as .npz, an array per parameter named "<layer>.<name>", loadable with allow_pickle=False."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **network.parameters.values)


def load(network: Network, path: Path) -> None:
    """Read weights that `save` wrote into a network of the same shape.

    Raises:
        ValueError: the file is of another network.
    """
    values = network.parameters.values
    with np.load(path, allow_pickle=False) as saved:
        found = {name: saved[name].shape for name in saved.files}
        if found != (wanted := {name: value.shape for name, value in values.items()}):
            raise ValueError(f"{path}: weights of another network: {found}, wanted {wanted}")
        for name, value in values.items():
            value[...] = saved[name]


def _merit(record: Record) -> tuple[float, float]:
    return record.val_accuracy, -record.val_loss
