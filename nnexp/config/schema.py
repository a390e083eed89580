"""What an experiment's configuration is: the sections of `conf/config.yaml` and what each may hold.

A section with a `_target_` is bound to that class's signature; what a value may be is told there, by annotations.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, MinLen

from nnexp.data.augmentation.augment import Augment
from nnexp.data.dataset import Source
from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.losses.loss import Loss
from nnexp.nn.models.model import Model
from nnexp.optim.averaging import Averaging
from nnexp.optim.optimizers import Optimizer
from nnexp.optim.regularization import Regularization
from nnexp.optim.schedules import Schedule

DType = Literal["float32", "float64"]
MetricName = Literal[
    "best/val_accuracy", "best/val_r2", "best/val_loss", "test/accuracy", "test/r2", "test/loss", "time/total"
]


@dataclass(frozen=True)
class TrainerSettings:
    """The section `trainer`.

    Attributes:
        epochs: passes over the training examples, at most.
        batch_size: examples whose gradients are worked out together.
        dtype: of weights and activations; float32 to train, float64 to compare bit by bit with other tools.
        threads: of the linear algebra library; null leaves it its own choice, usually all cores.
        accumulate: batches whose gradients make one step.
        evaluate_every: steps between two evaluations; null is an evaluation after each epoch. Metrics are logged by step then.
        monitor: what the best weights are best in, and what `patience` waits for: the score (accuracy or R2) or the loss of validation.
        patience: evaluations without an improvement after which training ends; null never ends it early.
        min_delta: the improvement that is none.
        min_epochs: before which `patience` ends nothing.
        time_budget: seconds of training after which it ends; null is as long as it takes.
    """

    epochs: Annotated[int, Ge(1)]
    batch_size: Annotated[int, Ge(1)]
    dtype: DType = "float32"
    threads: Annotated[int, Ge(1)] | None = None
    accumulate: Annotated[int, Ge(1)] = 1
    evaluate_every: Annotated[int, Ge(1)] | None = None
    monitor: Literal["score", "loss"] = "score"
    patience: Annotated[int, Ge(1)] | None = None
    min_delta: Annotated[float, Ge(0)] = 0.0
    min_epochs: Annotated[int, Ge(0)] = 0
    time_budget: Annotated[float, Gt(0)] | None = None


@dataclass(frozen=True)
class TrackingSettings:
    """The section `tracking`.

    Attributes:
        enabled: without it, a run leaves its folder under `outputs/` and nothing else.
        uri: of the MLflow store; null is MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory.
        experiment: the MLflow experiment's name.
        run_name: of the MLflow run; null makes one from the parts of the configuration.
        register: the registered model that the run's network becomes a version of; null registers nothing.
        baseline: a run (id, prefix of one, name, best, last or folder) whose confusion matrix this one's is compared with.
        system: seconds between two looks at processor and memory, where psutil is installed; null for none.
        images: epochs between two confusion matrices of the validation set; null is the epochs 1, 2, 4, 8, ... and the last.
    """

    enabled: bool = True
    uri: str | None = None
    experiment: Annotated[str, MinLen(1)] = "nnexp"
    run_name: Annotated[str, MinLen(1)] | None = None
    register: Annotated[str, MinLen(1)] | None = None
    baseline: Annotated[str, MinLen(1)] | None = None
    system: Annotated[float, Ge(0.1)] | None = 1.0
    images: Annotated[int, Ge(1)] | None = None

    def __post_init__(self) -> None:
        """Refuse what MLflow would, when all is trained."""
        for key, limit in (("experiment", 500), ("run_name", 250), ("register", 256)):
            if len(getattr(self, key) or "") > limit:
                raise ValueError(f"tracking.{key} is longer than the {limit} characters that MLflow takes")
        if self.register is not None and (set("/:") & set(self.register) or not self.register.strip(". ")):
            raise ValueError(
                f"tracking.register={self.register}: MLflow takes no / and : in a registered model's name"
            )


@dataclass(frozen=True)
class DiagnosticsSettings:
    """The section `diagnostics`: what is measured of each layer beside the loss. It changes nothing of what is learnt.

    Attributes:
        layers: norms of gradients and weights, update-to-weight ratios, dead units, means and deviations of activations.
        histograms: of weights and gradients.
        examples: validation examples on which activations are looked at.
        steps: of an epoch, on which gradients and updates are looked at.
    """

    layers: bool = True
    histograms: bool = True
    examples: Annotated[int, Ge(1)] = 256
    steps: Annotated[int, Ge(1)] = 8


@dataclass(frozen=True)
class Settings:
    """A whole configuration, built.

    Attributes:
        optimized_metric: the value that a run returns to a sweep; None is best/val_accuracy, of a regression best/val_r2.
        plugins: packages besides nnexp that a `_target_` may come from.
        choices: which option each config group was composed from; filled in by `compose`.
    """

    data: Source
    augment: Augment
    model: Model
    init: Initializer
    optimizer: Optimizer
    schedule: Schedule
    averaging: Averaging
    loss: Loss
    regularization: Regularization
    trainer: TrainerSettings
    tracking: TrackingSettings
    seed: Annotated[int, Ge(0)]
    optimized_metric: MetricName | None
    plugins: list[str]
    choices: dict[str, str]
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
