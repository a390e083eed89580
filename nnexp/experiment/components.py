"""From settings to everything that takes part in an experiment: data, network, trainer; each from its own random stream."""

from dataclasses import dataclass

import numpy as np

from nnexp.config import ConfigError, Problem, Settings
from nnexp.data.augmentation.augment import NoAugment
from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.data.splitting import Rows, stratified_subsample
from nnexp.experiment.random_streams import Streams
from nnexp.metrics.running import R2, Accuracy, LabelAccuracy, RunningMetric
from nnexp.nn.layers.layer import ShapeError
from nnexp.nn.network import Network
from nnexp.preprocessing.scaling import TargetScale
from nnexp.training.best_weights import BestWeights
from nnexp.training.diagnostics import Diagnostics
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Trainer, steps_per_epoch


@dataclass
class Components:
    """What takes part in an experiment."""

    dataset: Dataset
    network: Network
    train: Batches
    validation: Batches
    test: Batches
    trainer: Trainer
    best: BestWeights
    targets: TargetScale | None
    streams: Streams
    diagnostics: Diagnostics | None = None


def build_components(settings: Settings) -> Components:
    """Load the data, split it, build the network and the trainer; each from its own random stream.

    Raises:
        ConfigError: parts that do not go together.
        DataError: the data cannot be had, trusted or split so.
    """
    streams, trainer = Streams(settings.seed), settings.trainer
    dataset = settings.data.load()
    rows, held_out = settings.data.split(dataset, streams("split"))
    rows = stratified_subsample(
        rows, dataset.y, settings.data.limit, streams("limit"), settings.data.stratify
    )
    targets = dataset.fit_target_scale(rows)
    train, validation, test = batches(settings, dataset, rows, held_out, targets, streams)

    capacity = max(train.size, validation.size, test.size)
    try:
        layers = settings.model.layers(dataset.shape, dataset.outputs)
        network = Network(layers, dataset.x.shape[1:], capacity, trainer.dtype, streams("dropout"))
    except ShapeError as error:
        raise ConfigError([Problem("model", str(error))]) from error
    seen = streams("adapt").permutation(rows)[: train.size]
    network.initialize(settings.init, streams("init"), train.examples_of(seen))
    prepare_loss(settings, dataset, rows, capacity)

    scores: dict[str, RunningMetric] = {
        "classification": Accuracy(capacity),
        "multilabel": LabelAccuracy(capacity, dataset.outputs),
        "regression": R2(capacity, dataset.outputs, trainer.dtype),
    }
    score = scores[dataset.task]
    look, diagnostics = settings.diagnostics, None
    if look.layers or look.histograms:
        diagnostics = Diagnostics(
            network, validation, look.layers, look.histograms, look.examples, look.steps
        )
    optimizer_step = OptimizerStep(
        network,
        settings.optimizer,
        settings.schedule,
        settings.averaging,
        settings.regularization,
        accumulate=trainer.accumulate,
        steps_planned=trainer.epochs * steps_per_epoch(train, trainer.accumulate),
        diagnostics=diagnostics,
    )
    loop = Trainer(
        network,
        settings.loss,
        score,
        optimizer_step,
        train,
        validation,
        epochs=trainer.epochs,
        evaluate_every=trainer.evaluate_every,
        time_budget=trainer.time_budget,
    )
    best = BestWeights(network, trainer.monitor, trainer.min_delta)
    return Components(dataset, network, train, validation, test, loop, best, targets, streams, diagnostics)


def batches(
    settings: Settings,
    dataset: Dataset,
    rows: Rows,
    held_out: Rows,
    targets: TargetScale | None,
    streams: Streams,
) -> tuple[Batches, Batches, Batches]:
    """The batches of training, validation and test; scaled alike, by what the training rows say."""
    dtype, size, together = (
        settings.trainer.dtype,
        settings.trainer.batch_size,
        settings.model.evaluation_batch,
    )
    scale = dataset.fit_scaling(rows)
    settings.augment.bind(dataset.shape, min(size, len(rows)), dtype, streams("augment"))
    augment = None if isinstance(settings.augment, NoAugment) else settings.augment
    balanced, every_test_row = settings.data.balanced, np.arange(len(dataset.y_test))
    learning = {"shuffle": streams("shuffle"), "augment": augment, "balanced": balanced}
    train = Batches(dataset.x, dataset.y, rows, size, scale, dtype, targets=targets, **learning)  # type: ignore[arg-type]
    validation = Batches(dataset.x, dataset.y, held_out, together, scale, dtype, targets=targets)
    test = Batches(dataset.x_test, dataset.y_test, every_test_row, together, scale, dtype, targets=targets)
    return train, validation, test


def prepare_loss(settings: Settings, dataset: Dataset, rows: Rows, capacity: int) -> None:
    """Fit the loss to the data: does it suit the task, and its weights the classes?"""
    loss, name = settings.loss, f"loss={settings.choices.get('loss', type(settings.loss).__name__)}"
    if dataset.task not in loss.tasks:
        remedies = {
            "classification": "softmax_cross_entropy",
            "multilabel": "binary_cross_entropy",
            "regression": "mean_squared_error",
        }
        remedy = f"add loss={remedies[dataset.task]}"
        what = f"is for a {loss.tasks[0]}; what is to be learnt from {dataset.name} makes a {dataset.task}: {remedy}"
        raise ConfigError([Problem(name, what)])
    if dataset.task == "classification":
        try:
            loss.count(np.bincount(dataset.y[rows], minlength=dataset.outputs))
        except ValueError as error:
            raise ConfigError([Problem("loss", str(error))]) from error
    loss.allocate(capacity, dataset.outputs, settings.trainer.dtype)
