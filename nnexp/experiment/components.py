"""From settings to the components of an experiment: data, network, trainer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from nnexp.config import ConfigError, Problem, Settings
from nnexp.data.augmentation.augment import NoAugment
from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.data.splitting import Rows, stratified_subsample
from nnexp.experiment.random_streams import RandomStreams
from nnexp.experiment.resources import Warn, check_memory
from nnexp.experiment.selected_metrics import check_metrics, monitored_metric
from nnexp.kernels.choice import Kernels, KernelsMissingError, use_kernels
from nnexp.metrics.metric import Metric
from nnexp.metrics.running import InOwnUnits, RunningMetric
from nnexp.nn.layer import ShapeError
from nnexp.nn.network import Network
from nnexp.optim.plateau import Plateau
from nnexp.preprocessing.scaling import TargetScale
from nnexp.tasks import task_of
from nnexp.training.best_weights import BestWeights
from nnexp.training.diagnostics.diagnostics import Diagnostics
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.products import Products
from nnexp.training.trainer import Trainer, steps_per_epoch

Split = tuple[Rows, Rows]  # of training and validation


@dataclass
class Components:
    """The components of an experiment."""

    dataset: Dataset
    network: Network
    train: Batches
    validation: Batches | None  # None: all of the training examples train
    test: Batches | None  # None: the data set has no test examples
    trainer: Trainer
    best: BestWeights
    targets: TargetScale | None
    streams: RandomStreams
    diagnostics: Diagnostics | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)  # of one's own
    kernels: Kernels = field(default_factory=Kernels)  # the path that training and evaluation compute on

    def share_products(self, products: Products) -> None:
        """Let threads share the products of the network's layers while it trains."""
        self.kernels.take_over(products)
        products.use_in(self.network, self.trainer.optimizer_step, self.trainer.train)
        self.trainer.products = products


def build_components(
    settings: Settings, dataset: Dataset | None = None, warn: Warn = lambda label, text: None
) -> Components:
    """Load the data unless they are given, split them, build the network and the trainer.

    Where less memory is free than training needs, `warn` is called before any is taken.

    Raises:
        ConfigError: components that do not go together.
        DataError: the data are missing or invalid, or cannot be split so.
    """
    check_validation(settings)
    streams = RandomStreams(settings.seed)
    dataset = dataset or settings.data.load()
    rows, validation_rows = settings.data.train_validation_split(dataset, streams("split"))
    data = settings.data
    rows = stratified_subsample(rows, dataset.y, data.limit, streams("limit"), data.stratify)
    targets = dataset.fit_target_scale(rows)
    train, validation, test = make_batches(settings, dataset, (rows, validation_rows), targets, streams)

    check_metrics(settings, dataset, validation, test)
    capacity = max(batches.size for batches in (train, validation, test) if batches is not None)
    network = build_network(settings, dataset, capacity, streams, warn)
    adapt_rows = streams("adapt").permutation(rows)[: train.size]
    network.initialize(settings.init, streams("init"), train.examples_of(adapt_rows))
    prepare_loss(settings, dataset, rows, capacity)

    diagnostics = build_diagnostics(settings, network, train if validation is None else validation)
    score = build_score(dataset, targets, network)
    trainer = build_trainer(settings, network, score, train, validation, diagnostics)
    monitor, direction = monitored_metric(settings)
    best = BestWeights(network, monitor, settings.trainer.min_delta, is_higher_better=direction == "higher")
    return Components(
        dataset,
        network,
        train,
        validation,
        test,
        trainer,
        best,
        targets,
        streams,
        diagnostics=diagnostics,
        metrics=settings.metrics,
        kernels=compile_kernels(settings, trainer, test),
    )


def make_batches(
    settings: Settings, dataset: Dataset, split: Split, targets: TargetScale | None, streams: RandomStreams
) -> tuple[Batches, Batches | None, Batches | None]:
    """Make the batches of training, validation and test, all scaled by statistics of the training rows.

    Those without rows are None.
    """
    train_rows, validation_rows = split
    x = dataset.x
    y = dataset.y
    size = settings.trainer.batch_size
    dtype = settings.trainer.dtype
    batches = partial(Batches, scale=dataset.fit_scaling(train_rows), dtype=dtype, targets=targets)
    settings.augment.bind(dataset.shape, min(size, len(train_rows)), dtype, streams("augment"))
    augment = None if isinstance(settings.augment, NoAugment) else settings.augment
    shuffle = streams("shuffle")
    balanced = settings.data.balanced
    train = batches(x, y, train_rows, size, shuffle=shuffle, augment=augment, balanced=balanced)
    size = settings.model.evaluation_batch
    test_rows = np.arange(len(dataset.y_test))
    validation = batches(x, y, validation_rows, size) if len(validation_rows) else None
    test = batches(dataset.x_test, dataset.y_test, test_rows, size) if len(test_rows) else None
    return train, validation, test


def check_validation(settings: Settings) -> None:
    """Raise a ConfigError if a setting needs validation examples, and the configuration holds out none."""
    if settings.data.has_validation:
        return
    fixes = {}
    if settings.trainer.patience:
        fixes[f"trainer.patience={settings.trainer.patience}"] = "trainer.patience=null"
    if isinstance(settings.schedule, Plateau):
        fixes["schedule=plateau"] = "schedule=constant"
    for name in settings.objectives:
        if name.startswith("best/"):
            fixes[f"optimized_metric={name}"] = "optimized_metric=null"
    problem = "needs validation examples, and data.validation=0 holds out none; fix:"
    problems = [Problem(key, f"{problem} {fix}, or data.validation=0.2") for key, fix in fixes.items()]
    if problems:
        raise ConfigError(problems)


def compile_kernels(settings: Settings, trainer: Trainer, test: Batches | None) -> Kernels:
    """Compile the trainer where the settings say so; a ConfigError if that cannot be had."""
    try:
        return use_kernels(settings.trainer.kernels, trainer, [test])
    except KernelsMissingError as error:
        problem = f"{error}, or trainer.kernels=auto"
        raise ConfigError([Problem("trainer.kernels=compiled", problem)]) from error


def build_network(
    settings: Settings, dataset: Dataset, capacity: int, streams: RandomStreams, warn: Warn
) -> Network:
    """Build the network for batches of `capacity` examples; a ConfigError if layers do not fit the data."""
    try:
        layers = settings.model.layers(dataset.shape, dataset.outputs)
        check_memory(settings, layers, dataset.x.shape[1:], capacity, warn)
        return Network(layers, dataset.x.shape[1:], capacity, settings.trainer.dtype, streams("dropout"))
    except ShapeError as error:
        raise ConfigError([Problem("model", str(error))]) from error


def build_diagnostics(settings: Settings, network: Network, batches: Batches) -> Diagnostics | None:
    """Build the diagnostics of the layers, if any are asked for."""
    wanted = settings.diagnostics
    if not wanted.layers and not wanted.histograms:
        return None
    return Diagnostics(network, batches, wanted.layers, wanted.histograms, wanted.examples, wanted.steps)


def build_trainer(
    settings: Settings,
    network: Network,
    score: RunningMetric,
    train: Batches,
    validation: Batches | None,
    diagnostics: Diagnostics | None,
) -> Trainer:
    """Build the trainer with its optimizer step and its score."""
    limits = settings.trainer
    optimizer_step = OptimizerStep(
        network,
        settings.optimizer,
        settings.schedule,
        settings.averaging,
        settings.regularization,
        accumulate=limits.accumulate,
        steps_planned=limits.epochs * steps_per_epoch(train, limits.accumulate),
        diagnostics=diagnostics,
    )
    return Trainer(
        network,
        settings.loss,
        score,
        optimizer_step,
        train,
        validation,
        n_epochs=limits.epochs,
        evaluate_every=limits.evaluate_every,
        time_budget=limits.time_budget,
    )


def build_score(dataset: Dataset, targets: TargetScale | None, network: Network) -> RunningMetric:
    """Build the running metric of the task; of transformed targets, in their own units."""
    task = task_of(dataset.task)
    if targets is None or targets.transform is None:
        return task.new_score(network.capacity, dataset.outputs, network.dtype)
    return InOwnUnits(task.new_score(network.capacity, dataset.outputs, np.float64), targets.restore)


def prepare_loss(settings: Settings, dataset: Dataset, rows: Rows, capacity: int) -> None:
    """Set the class counts of the loss and allocate it; a ConfigError if it does not suit task or classes."""
    loss = settings.loss
    task = task_of(dataset.task)
    if task.name not in loss.tasks:
        name = settings.choices.get("loss", type(loss).__name__)
        suited = " or ".join(task_of(suited).noun for suited in loss.tasks)
        reason = f": {dataset.task_reason}" if dataset.task_reason else ""
        fixes = [f"loss={task.default_loss}"]
        for other in dataset.other_tasks:
            other_loss = "" if other in loss.tasks else f" loss={task_of(other).default_loss}"
            fixes.append(f"data.task={other}{other_loss}")
        problem = f"is for {suited}, and {dataset.name} is {task.noun}{reason}; fix: {' or '.join(fixes)}"
        raise ConfigError([Problem(f"loss={name}", problem)])
    if dataset.classes:
        try:
            loss.set_class_counts(np.bincount(dataset.y[rows], minlength=dataset.outputs))
        except ValueError as error:
            raise ConfigError([Problem("loss", str(error))]) from error
    loss.allocate(capacity, dataset.outputs, settings.trainer.dtype)
