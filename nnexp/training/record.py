"""The metrics of an epoch, and the sums that they are computed from."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Record:
    """The metrics of one epoch, or of the steps between two evaluations.

    Training metrics are means over the examples since the last record, each measured before its step.
    """

    at: int  # the step that it is logged under: the epoch, or the step where evaluation goes by steps
    epoch: int  # from 1; the one that the evaluation falls into
    train_loss: float
    train_score: float
    val_loss: float | None  # None, as the score, without validation examples
    val_score: float | None
    lr: float  # the learning rate of the last step
    grad_norm: float  # the mean over the steps of the gradient's Euclidean norm
    seconds: float  # of training, without evaluation
    examples_per_second: float  # of training
    score_name: str = "accuracy"  # accuracy or r2
    layers: dict[str, float] = field(default_factory=dict, hash=False, repr=False)  # diagnostics by name
    val_metrics: dict[str, float] = field(default_factory=dict, hash=False)  # further ones, by name

    def metrics(self) -> dict[str, float]:
        """Return the values by the names that they are logged under."""
        validation = {"val/loss": self.val_loss, f"val/{self.score_name}": self.val_score}
        return {
            "train/loss": self.train_loss,
            f"train/{self.score_name}": self.train_score,
            **{name: value for name, value in validation.items() if value is not None},
            **{f"val/{name}": value for name, value in self.val_metrics.items()},
            "lr": self.lr,
            "grad/norm": self.grad_norm,
            "time/epoch": self.seconds,
            "examples_per_second": self.examples_per_second,
        } | self.layers


@dataclass
class Totals:
    """Sums over batches and steps."""

    loss_sum: float = 0.0
    loss_weight: float = 0.0
    examples: int = 0
    norm_sum: float = 0.0
    steps: int = 0
    seconds: float = 0.0

    def add_batch(self, loss: float, weight: float, examples: int) -> None:
        """Add the mean loss of a batch."""
        self.loss_sum += loss * weight
        self.loss_weight += weight
        self.examples += examples

    def add_step(self, grad_norm: float | None) -> None:
        """Add the gradient's norm; None means that no step was made."""
        if grad_norm is not None:
            self.norm_sum += grad_norm
            self.steps += 1

    @property
    def mean_loss(self) -> float:
        """The mean loss of the examples."""
        return self.loss_sum / self.loss_weight

    @property
    def mean_norm(self) -> float:
        """The mean norm of the steps' gradients."""
        return self.norm_sum / max(self.steps, 1)
