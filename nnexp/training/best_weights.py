"""The best weights so far, for the end of a run and for early stopping; weights as .npz files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnexp.atomic_write import write_atomically
from nnexp.nn.network import Network
from nnexp.training.record import Record


@dataclass(eq=False)
class BestWeights:
    """The best record so far, with the weights and the state of its network; without validation the last one.

    Args:
        network: whose weights are kept.
        monitor: "score" takes the best validation score, of equals the lowest loss; "loss" the reverse; the
            name of another metric its best value, of equals the lowest loss.
        min_delta: the smallest change of the monitored value that counts for early stopping.
        is_higher_better: of another metric than score and loss.
    """

    network: Network
    monitor: str = "score"
    min_delta: float = 0.0
    is_higher_better: bool = True

    def __post_init__(self) -> None:
        self.theta = self.network.theta.copy()  # (P,)
        self.state = self.network.state.copy()  # (S,)
        self.record: Record | None = None
        self.best_value = -np.inf  # of what is monitored
        self.evaluations_since_improvement = 0  # of more than min_delta
        self.is_restored = False  # whether the network holds them for good

    def offer(self, record: Record) -> bool:
        """Keep the network's weights if this record is the best so far; return whether it is."""
        if record.val_loss is None:
            return self.keep(record)
        value = self.monitored(record)[0]
        self.evaluations_since_improvement += 1
        if value > self.best_value + self.min_delta:
            self.best_value = value
            self.evaluations_since_improvement = 0
        return self.is_improvement(record) and self.keep(record)

    def keep(self, record: Record) -> bool:
        """Keep the network's weights with their record; return True."""
        self.record = record
        np.copyto(self.theta, self.network.theta)
        np.copyto(self.state, self.network.state)
        return True

    def is_improvement(self, record: Record) -> bool:
        """Compare with the best record so far, ties included."""
        return self.record is None or not self.monitored(record) <= self.monitored(self.record)

    def is_patience_exhausted(self, patience: int | None) -> bool:
        """Return whether early stopping ends training: `patience` evaluations without improvement."""
        return patience is not None and self.evaluations_since_improvement >= patience

    def monitored(self, record: Record) -> tuple[float, float]:
        """Return the monitored value and the one that breaks ties; higher is better, -inf is not defined."""
        assert record.val_score is not None
        assert record.val_loss is not None
        if self.monitor == "loss":
            return -record.val_loss, record.val_score
        if self.monitor in ("score", record.score_name):
            return record.val_score, -record.val_loss
        sign = 1.0 if self.is_higher_better else -1.0
        value = record.val_metrics.get(self.monitor)
        return -np.inf if value is None else sign * value, -record.val_loss

    def restore(self) -> None:
        """Copy the best weights back into the network."""
        self.is_restored = True
        np.copyto(self.network.theta, self.theta)
        np.copyto(self.network.state, self.state)


def save_weights(network: Network, path: Path) -> None:
    """Write weights and state as .npz, each array as "<layer>.<name>", loadable with allow_pickle=False."""
    arrays = network.parameters.values | network.parameters.states
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
