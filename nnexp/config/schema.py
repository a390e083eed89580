"""The schema of a configuration: the sections of `conf/config.yaml` and what each may hold.

A section with a `_target_` is validated against the signature of that class and its annotations.
"""

from copy import copy
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen

from nnexp.config.naming import run_name
from nnexp.data.augmentation.augment import Augment
from nnexp.data.canonical import Canonical, expand_home
from nnexp.data.dataset import Source
from nnexp.metrics.metric import Metric
from nnexp.metrics.metric_info import EACH
from nnexp.metrics.objectives import objectives_of
from nnexp.nn.initializers import Initializer
from nnexp.nn.losses.loss import Loss
from nnexp.nn.models.model import Model
from nnexp.optim.averaging import Averaging
from nnexp.optim.optimizers import Optimizer
from nnexp.optim.regularization import Regularization
from nnexp.optim.schedules import Schedule

StoreUri = Annotated[str, Canonical(expand_home)]
Monitor = Annotated[str | None, Canonical(lambda name: (name or "score").removeprefix(EACH))]
DType = Literal["float32", "float64"]
KernelChoice = Literal["auto", "numpy", "compiled"]
StudyDirection = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class TrainerSettings:
    """The section `trainer`."""

    epochs: Annotated[int, Ge(1)]  # maximum number of passes over the training examples
    batch_size: Annotated[int, Ge(1)]  # examples per batch
    dtype: DType = "float32"  # of weights and activations; float64 to compare exactly with other tools
    threads: Annotated[int, Ge(1)] | None = None  # of products; null: as many as are fastest at the time
    kernels: KernelChoice = "auto"  # compiled ones need Numba; auto uses them in runs long enough to pay
    accumulate: Annotated[int, Ge(1)] = 1  # batches whose gradients are accumulated for one optimizer step
    evaluate_every: Annotated[int, Ge(1)] | None = None  # steps; null evaluates after each epoch
    monitor: Monitor = "score"  # the metric that selects weights and that `patience` watches
    patience: Annotated[int, Ge(1)] | None = None  # evaluations without improvement; null never stops early
    min_delta: Annotated[float, Ge(0)] = 0.0  # smallest change that counts as an improvement
    min_epochs: Annotated[int, Ge(0)] = 0  # epochs before which `patience` stops nothing
    time_budget: Annotated[float, Gt(0)] | None = None  # seconds of training; null is no limit
    on_nan: Literal["stop", "rewind"] = "stop"  # where a loss or a gradient is NaN or infinite


@dataclass(frozen=True)
class TrackingSettings:
    """The section `tracking`."""

    enabled: bool = True  # false leaves the run's folder under `outputs/` and nothing else
    uri: StoreUri | None = None  # null is MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory
    experiment: Annotated[str, MinLen(1)] = "nnexp"  # the MLflow experiment's name
    run_name: Annotated[str, MinLen(1)] | None = None  # null makes one from the configuration
    register: Annotated[str, MinLen(1)] | None = None  # the registered model that gets a new version
    baseline: Annotated[str, MinLen(1)] | None = None  # a run whose confusion matrix is compared with
    system: Annotated[float, Ge(0.1)] | None = 1.0  # seconds between samples of processor and memory use
    plots: bool = True  # false draws none, also no images of confusion matrices
    images: Annotated[int, Ge(1)] | None = None  # epochs between confusion matrices; null is 1, 2, 4, 8, ...

    def __post_init__(self) -> None:
        """Refuse before training what MLflow would refuse after it."""
        for key, limit in (("experiment", 500), ("run_name", 250), ("register", 256)):
            if len(getattr(self, key) or "") > limit:
                raise ValueError(f"tracking.{key} is too long: MLflow accepts {limit} characters")
        if self.register is not None and (set("/:") & set(self.register) or not self.register.strip(". ")):
            problem = "the name of a registered model must not hold / or :"
            raise ValueError(f"tracking.register={self.register}: {problem}")


@dataclass(frozen=True)
class DiagnosticsSettings:
    """The section `diagnostics`: measurements of each layer; they do not change what is learnt."""

    layers: bool = True  # norms, update-to-weight ratios, dead units, mean and deviation of activations
    histograms: bool = True  # of weights and gradients
    examples: Annotated[int, Ge(1)] = 256  # validation examples on which activations are measured
    steps: Annotated[int, Ge(1)] = 8  # steps of each epoch in which gradients and updates are measured


@dataclass(frozen=True)
class CheckpointSettings:
    """The section `checkpoint`: how often the state is written that an interrupted run is resumed from.

    It is also written when a signal interrupts the run, and at the end of training.
    """

    epochs: Annotated[int, Ge(1)] | None = None  # between two checkpoints; null: by time only
    seconds: Annotated[float, Gt(0)] | None = 30.0  # the same, also within an epoch; null: by epochs only


@dataclass(frozen=True)
class SweepSettings:
    """The section `sweep`: how the jobs of a sweep are run; of the whole sweep, in no run's record."""

    jobs: Literal[-1] | Annotated[int, Ge(1)] | None = None  # worker processes; null: 1, or the launcher's
    dry_run: bool = False  # show what would run, and run nothing
    fail_fast: bool = False  # the first job that fails ends the sweep
    retries: Annotated[int, Ge(0)] = 0  # how often a job that fails is run again
    skip_finished: bool = True  # go on with the same sweep, where it is recorded, in place of a new one
    resume: Annotated[str, MinLen(1)] | None = None  # the sweep that goes on: its folder, id, name or `last`
    report: bool = True  # leaderboard, plots and report.html at the end
    question: Annotated[str, MinLen(1)] | None = None  # that it is to answer: a title in its report


@dataclass(frozen=True)
class SearchSettings:
    """The section `search`: how the trials of a search are chosen; of the whole sweep, in no run's record."""

    trials: Annotated[int, Ge(1)] = 60  # in all, those of the search that goes on included
    sampler: Literal["tpe", "random", "cmaes", "nsga2", "grid", "qmc"] = "tpe"  # which chooses them
    pruner: Literal["median", "asha", "hyperband"] | None = None  # which ends them early; null: none
    seeds: Annotated[int, Ge(1)] = 1  # runs of each trial, whose mean counts
    timeout: Annotated[float, Gt(0)] | None = None  # seconds after which no trial begins; null: no limit
    direction: StudyDirection | list[StudyDirection] | None = None  # of each objective; null: by the metric
    storage: Annotated[str, MinLen(1)] | None = None  # URL of a database; null: a file in the sweep's folder
    study_name: Annotated[str, MinLen(1)] | None = None  # in the storage; null: the sweep's id
    max_failure_rate: Annotated[float, Ge(0), Le(1)] | None = None  # more failures end it; null: none do
    custom_search_space: Annotated[str, MinLen(1)] | None = None  # module.function, which draws more


@dataclass(frozen=True)
class Settings:
    """A whole configuration, built."""

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
    optimized_metric: str | list[str] | None  # returned to a sweep; None: best/val_accuracy or best/val_r2
    plugins: list[str]  # packages besides nnexp that a `_target_` may come from
    choices: dict[str, str]  # the option that each config group was composed from; set by `compose`
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    metrics: dict[str, Metric] = field(default_factory=dict)  # of one's own, by name
    sweep: SweepSettings = SweepSettings()
    search: SearchSettings = SearchSettings()
    # the resolved configuration as plain dictionaries and lists, without `sweep` and `search`; set by `build`
    values: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    # of a job of a sweep: what is swept; set by `named`
    job_name: str = field(init=False, repr=False, compare=False, default="")

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metrics in `optimized_metric`; empty: the score of the task."""
        return objectives_of(self.optimized_metric)

    @property
    def run_name(self) -> str:
        """The name of the run: `tracking.run_name`, else what a sweep varies, else the main choices."""
        return self.tracking.run_name or self.job_name or run_name(self.values)

    def named(self, job_name: str) -> "Settings":
        """Return the settings of the job of a sweep that has this name."""
        settings = copy(self)
        object.__setattr__(settings, "job_name", job_name)
        return settings
