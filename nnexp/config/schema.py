"""What an experiment's configuration is: the sections of `conf/config.yaml` and what each may hold.

A section with a `_target_` is bound to that class's signature; what a value may be is told there, by annotations.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, MinLen

from nnexp.data.dataset import Source
from nnexp.nn.initializers import Initializer
from nnexp.nn.losses import Loss
from nnexp.nn.models import Model
from nnexp.optim.optimizers import Optimizer
from nnexp.optim.schedules import Schedule

DType = Literal["float32", "float64"]
MetricName = Literal["best/val_accuracy", "best/val_loss", "test/accuracy", "test/loss", "time/total"]


@dataclass(frozen=True)
class TrainerSettings:
    """The section `trainer`.

    Attributes:
        epochs: passes over the training examples.
        batch_size: examples per step.
        dtype: of weights and activations; float32 to train, float64 to compare bit by bit with other tools.
        threads: of the linear algebra library; null leaves it its own choice, usually all cores.
    """

    epochs: Annotated[int, Ge(1)]
    batch_size: Annotated[int, Ge(1)]
    dtype: DType = "float32"
    threads: Annotated[int, Ge(1)] | None = None


@dataclass(frozen=True)
class TrackingSettings:
    """The section `tracking`.

    Attributes:
        enabled: without it, a run leaves its folder under `outputs/` and nothing else.
        uri: of the MLflow store; null is MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory.
        experiment: the MLflow experiment's name.
        run_name: of the MLflow run; null makes one from the parts of the configuration.
    """

    enabled: bool = True
    uri: str | None = None
    experiment: Annotated[str, MinLen(1)] = "nnexp"
    run_name: Annotated[str, MinLen(1)] | None = None


@dataclass(frozen=True)
class Settings:
    """A whole configuration, built.

    Attributes:
        optimized_metric: the value that a run returns to a sweep.
        plugins: packages besides nnexp that a `_target_` may come from.
        choices: which option each config group was composed from; filled in by `compose`.
    """

    data: Source
    model: Model
    init: Initializer
    optimizer: Optimizer
    schedule: Schedule
    loss: Loss
    trainer: TrainerSettings
    tracking: TrackingSettings
    seed: Annotated[int, Ge(0)]
    optimized_metric: MetricName
    plugins: list[str]
    choices: dict[str, str]
