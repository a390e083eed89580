"""The weights that a run keeps: those of the best evaluation, in one vector; and when to give up hoping for better."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.network import Network
from nnexp.training.trainer import Record

Monitor = Literal["score", "loss"]


class Best:
    """Remembers the best evaluation so far, and the weights and the state of its network.

    Args:
        network: whose weights are kept.
        monitor: the highest validation score is the best, and of equals the lowest loss; or the lowest loss, and of equals the
            highest score.
        min_delta: an improvement of the monitored number by no more than this does not put the end off, see `since`.
    """

    def __init__(self, network: Network, monitor: Monitor = "score", min_delta: float = 0.0) -> None:
        self.network, self.monitor, self.min_delta = network, monitor, min_delta
        self.theta: NDArray[np.floating] = network.theta.copy()  # (P,)
        self.state: NDArray[np.floating] = network.state.copy()  # (S,)
        self.record: Record | None = None
        self.since = 0
        """The evaluations since the last improvement that counts."""
        self.to_beat = -np.inf

    def offer(self, record: Record) -> bool:
        """Keep the network's weights if this evaluation is the best so far."""
        merit = self.merit(record)
        self.since += 1
        if merit[0] > self.to_beat + self.min_delta:
            self.to_beat, self.since = merit[0], 0
        if self.record is not None and merit <= self.merit(self.record):
            return False
        self.record = record
        np.copyto(self.theta, self.network.theta)
        np.copyto(self.state, self.network.state)
        return True

    def restore(self) -> None:
        """Give the network the weights of the best evaluation."""
        np.copyto(self.network.theta, self.theta)
        np.copyto(self.network.state, self.state)

    def merit(self, record: Record) -> tuple[float, float]:
        """What is compared."""
        both = record.val_score, -record.val_loss
        return both if self.monitor == "score" else both[::-1]


def save(network: Network, path: Path) -> None:
    """Write weights and state as .npz, an array each named "<layer>.<name>", loadable with allow_pickle=False."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, allow_pickle=False, **network.parameters.values, **network.parameters.states)


def load(network: Network, path: Path) -> None:
    """Read weights that `save` wrote into a network of the same shape.

    Raises:
        ValueError: the file is of another network.
    """
    values = network.parameters.values | network.parameters.states
    with np.load(path, allow_pickle=False) as saved:
        found = {name: saved[name].shape for name in saved.files}
        if found != (wanted := {name: value.shape for name, value in values.items()}):
            raise ValueError(f"{path}: weights of another network: {found}, wanted {wanted}")
        for name, value in values.items():
            value[...] = saved[name]
