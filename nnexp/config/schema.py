"""The schema of a configuration: the sections of `conf/config.yaml` and what each may hold.

A section with a `_target_` is validated against the signature of that class and its annotations.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen, Predicate

from nnexp.config.naming import run_name
from nnexp.data.augmentation.augment import Augment
from nnexp.data.dataset import Source
from nnexp.metrics.metric_info import RUN_METRICS
from nnexp.nn.initializers import Initializer
from nnexp.nn.losses.loss import Loss
from nnexp.nn.models.model import Model
from nnexp.optim.averaging import Averaging
from nnexp.optim.optimizers import Optimizer
from nnexp.optim.regularization import Regularization
from nnexp.optim.schedules import Schedule

DType = Literal["float32", "float64"]
MetricName = Annotated[str, Predicate(RUN_METRICS.__contains__)]


@dataclass(frozen=True)
class TrainerSettings:
    """The section `trainer`.

    Attributes:
        epochs: maximum number of passes over the training examples.
        batch_size: examples per batch.
        dtype: of weights and activations; float32 to train, float64 to compare bit by bit with other tools.
        threads: of the linear algebra library (BLAS); null is its default, usually all cores.
        accumulate: batches whose gradients are accumulated for one optimizer step.
        evaluate_every: steps between two evaluations, by which metrics are logged then; null evaluates after
            each epoch.
        monitor: the validation metric that selects the best weights and that `patience` watches: the score
            (accuracy or R2)
            or the loss.
        patience: evaluations without improvement after which training stops (early stopping); null never
            stops early.
        min_delta: smallest change that counts as an improvement.
        min_epochs: epochs before which `patience` stops nothing.
        time_budget: seconds of training after which it stops; null is no limit.
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
        enabled: false leaves the run's folder under `outputs/` and nothing else.
        uri: of the MLflow store; null is MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory.
        experiment: the MLflow experiment's name.
        run_name: of the MLflow run; null makes one from the configuration.
        register: the registered model that the run's network becomes a version of; null registers nothing.
        baseline: a run (id, prefix of an id, name, best, last or folder) whose confusion matrix this one's is
            compared with.
        system: seconds between two samples of processor and memory use, where psutil is installed; null for
            none.
        images: epochs between two confusion matrices of the validation split; null is 1, 2, 4, 8, ... and the
            last.
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
        """Refuse before training what MLflow would refuse after it."""
        for key, limit in (("experiment", 500), ("run_name", 250), ("register", 256)):
            if len(getattr(self, key) or "") > limit:
                raise ValueError(f"tracking.{key} is too long: MLflow accepts {limit} characters")
        if self.register is not None and (set("/:") & set(self.register) or not self.register.strip(". ")):
            raise ValueError(
                f"tracking.register={self.register}: the name of a registered model must not hold / or :"
            )


@dataclass(frozen=True)
class DiagnosticsSettings:
    """The section `diagnostics`: measurements of each layer; they do not change what is learnt.

    Attributes:
        layers: gradient and weight norms, update-to-weight ratios, dead units, mean and deviation of
            activations.
        histograms: of weights and gradients.
        examples: validation examples on which activations are measured.
        steps: steps of each epoch in which gradients and updates are measured.
    """

    layers: bool = True
    histograms: bool = True
    examples: Annotated[int, Ge(1)] = 256
    steps: Annotated[int, Ge(1)] = 8


@dataclass(frozen=True)
class Settings:
    """A whole configuration, built.

    Attributes:
        optimized_metric: the value that a run returns to a sweep; None is best/val_accuracy, in a regression
            best/val_r2.
        plugins: packages besides nnexp that a `_target_` may come from.
        choices: the option that each config group was composed from; set by `compose`.
        values: the resolved configuration as plain dictionaries and lists; set by `build`.
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
    values: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def run_name(self) -> str:
        """The name of the run: `tracking.run_name`, else one made from the configuration."""
        return self.tracking.run_name or run_name(self.values)
