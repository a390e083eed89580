"""One experiment from configuration to result. The only place that knows all the parts."""

import json
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from nnexp.config import Settings, build
from nnexp.config.build import plain
from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.data.split import stratified, thinned
from nnexp.identity import config_hash, params, run_name, short_id
from nnexp.nn.network import Network
from nnexp.streams import Streams
from nnexp.terminal import Display, Summary, Terminal
from nnexp.tracking.client import Outcome, Shipper
from nnexp.tracking.journal import Journal, Status
from nnexp.tracking.provenance import environment, git, user
from nnexp.tracking.store import address
from nnexp.training.checkpoint import Best, save
from nnexp.training.metrics import Confusion
from nnexp.training.threads import blas_threads
from nnexp.training.trainer import Record, Trainer, evaluate

EVALUATION_BATCH = 500


class Diverged(Exception):  # noqa: N818, what happened, as in KeyboardInterrupt
    """Training left the numbers that floats can hold."""


@dataclass
class Parts:
    """What takes part in an experiment."""

    dataset: Dataset
    network: Network
    train: Batches
    validation: Batches
    test: Batches
    trainer: Trainer
    best: Best


@dataclass
class Result:
    """What an experiment found.

    Attributes:
        folder: everything the run left, under outputs/.
        network: with the weights of the best epoch.
        history: a record per epoch.
        metrics: those that are told once: best/..., test/..., time/total.
        confusion: of the validation examples, by the best weights.
        test_confusion: of the test examples.
        run_id: of the MLflow run; empty where there is none.
    """

    folder: Path
    network: Network
    history: list[Record] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    confusion: Confusion | None = None
    test_confusion: Confusion | None = None
    run_id: str = ""


def run(
    config: DictConfig | dict[str, Any],
    folder: Path | None = None,
    display: Display | None = None,
    home: Path | None = None,
    sweep_id: str = "none",
) -> Result:
    """Run one experiment.

    Args:
        config: from `compose`; may have been changed since.
        folder: where to leave everything; None makes a new one under outputs/runs/ in `home`.
        home: the project's folder, which holds outputs/ and mlruns/; None is the working directory.
        display: how to show it; None shows progress on the terminal.
        sweep_id: of the sweep that the run is a part of.

    Raises:
        ConfigError: all mistakes of the configuration; nothing was done.
        DataError: the data cannot be had or trusted; nothing was recorded.
        StoreError: there is no such store; nothing was done.
        FileExistsError: the folder holds a run already.
        Diverged: the loss left the numbers; the record up to there is kept.
        KeyboardInterrupt: likewise; the run is marked KILLED.
    """
    started = perf_counter()
    settings, values = build(config), plain(config)
    home = (home or Path.cwd()).resolve()
    if settings.tracking.enabled:
        address(settings.tracking.uri, home)
    shipper = Shipper.start(mlflow=settings.tracking.enabled)
    display = display or Terminal()
    with np.errstate(all="ignore"), blas_threads(settings.trainer.threads) as threads:
        parts = assemble(settings)
        result = Result((folder or new_folder(home)).resolve(), parts.network)
        display.header(header(settings, values, parts, threads))
        with Journal(result.folder) as journal:
            status: Status = "FINISHED"
            try:
                introduce(journal, settings, values, parts, threads, home, sweep_id)
                shipper.take(result.folder)
                learn(parts, result, journal, display)
                judge(parts, result, tested=True)
                result.metrics["time/total"] = perf_counter() - started
            except BaseException as error:
                status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
                if status == "FAILED":
                    (result.folder / "error.txt").write_text(traceback.format_exc())
                judge(parts, result, tested=False)
                raise
            finally:
                conclude(journal, result, status)
                display.shipping()
                try:
                    outcome = shipper.wait(result.folder)
                except KeyboardInterrupt:  # once more: whoever is so impatient need not wait for pictures
                    outcome = Outcome(error="interrupted; the record is being finished in the background")
                result.run_id = outcome.run_id
                name = settings.tracking.run_name or run_name(values)
                epochs = len(result.history), settings.trainer.epochs
                display.conclusion(Summary(name, status, result.metrics, *epochs, result.folder, outcome, settings.tracking.enabled))
    return result


def assemble(settings: Settings) -> Parts:
    """Load the data, split it, build the network and the trainer; each from its own random stream."""
    streams, trainer = Streams(settings.seed), settings.trainer
    dataset = settings.data.load()
    rows, held_out = stratified(dataset.y, settings.data.validation, streams("split"))
    rows = thinned(rows, dataset.y, settings.data.limit, streams("limit"))
    every_test_row = np.arange(len(dataset.y_test))
    scaling = dataset.scale, trainer.dtype
    train = Batches(dataset.x, dataset.y, rows, trainer.batch_size, *scaling, shuffle=streams("shuffle"))
    validation = Batches(dataset.x, dataset.y, held_out, EVALUATION_BATCH, *scaling)
    test = Batches(dataset.x_test, dataset.y_test, every_test_row, EVALUATION_BATCH, *scaling)

    capacity, outputs = max(train.size, validation.size, test.size), len(dataset.classes)
    network = Network(settings.model.layers(outputs), dataset.x.shape[1:], capacity, trainer.dtype)
    network.initialize(settings.init, streams("init"))
    settings.loss.allocate(capacity, outputs, trainer.dtype)
    loop = Trainer(network, settings.loss, settings.optimizer, settings.schedule, train, validation, trainer.epochs)
    return Parts(dataset, network, train, validation, test, loop, Best(network))


def introduce(journal: Journal, settings: Settings, values: dict[str, Any], parts: Parts, threads: int, home: Path, sweep_id: str) -> None:
    """Write down what the run is and where it comes from."""
    folder, tracking, code = journal.folder, settings.tracking, git()
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(values))
    diff = code.pop("diff")
    (folder / "environment.json").write_text(json.dumps(environment(threads) | {"git": code}, indent=2))
    tags = {
        "nnexp.config_hash": config_hash(values),
        "nnexp.data_sha256": parts.dataset.sha256,
        "nnexp.git_commit": code["commit"],
        "nnexp.git_branch": code["branch"],
        "nnexp.git_dirty": code["dirty"],
        "nnexp.sweep_id": sweep_id,
        "mlflow.source.name": "nnexp",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": user(),
    } | ({"mlflow.source.git.commit": code["commit"]} if code["commit"] != "none" else {})
    destination = {"experiment": tracking.experiment, "uri": tracking.uri, "folder": str(home)} if tracking.enabled else None
    journal.run(tracking.run_name or run_name(values), params(values), tags, destination)
    journal.artifacts("config.yaml", "environment.json")
    if diff:
        (folder / "git.diff").write_text(diff)
        journal.artifacts("git.diff")


def learn(parts: Parts, result: Result, journal: Journal, display: Display) -> None:
    """Train, and after every epoch: log, keep the best weights, show."""
    with display.training(parts.trainer):
        for record in parts.trainer.epochs():
            journal.metrics(record.epoch, record.metrics())
            if not np.isfinite(record.train_loss + record.val_loss):
                raise Diverged(
                    f"the loss is no longer a number in epoch {record.epoch}: training diverged; take a smaller optimizer.lr "
                    f"(it is {parts.trainer.optimizer.lr:g}), or another init"
                )
            result.history.append(record)
            parts.best.offer(record)
            display.epoch(record, parts.best)


def judge(parts: Parts, result: Result, tested: bool) -> None:
    """Save the final weights, go back to the best ones and see what they do; on the test set only at a run's true end."""
    final = result.folder / "weights" / "final.npz"
    if not final.exists():  # interrupted in here, we come a second time, with the best weights in the network
        save(parts.network, final)
    best = parts.best.record
    if best is None:
        return
    parts.best.restore()
    save(parts.network, result.folder / "weights" / "best.npz")
    found = {"best/val_accuracy": best.val_accuracy, "best/val_loss": best.val_loss, "best/epoch": best.epoch}
    result.metrics |= found
    loss, classes = parts.trainer.loss, parts.dataset.classes
    seen = evaluate(parts.network, loss, parts.validation)
    result.confusion = Confusion.of(parts.validation.labels, seen.predicted, classes)
    if tested:
        seen = evaluate(parts.network, loss, parts.test)
        result.test_confusion = Confusion.of(parts.test.labels, seen.predicted, classes)
        result.metrics |= {"test/loss": seen.loss, "test/accuracy": seen.accuracy}


def conclude(journal: Journal, result: Result, status: Status) -> None:
    """Write down what was found; the pictures are drawn from it."""
    for part, confusion in (("val", result.confusion), ("test", result.test_confusion)):
        if confusion is not None:
            path = result.folder / "confusion" / f"{part}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(confusion.report()))
    files = ("weights/final.npz", "weights/best.npz", "confusion/val.json", "confusion/test.json", "error.txt")
    journal.artifacts(*(file for file in files if (result.folder / file).exists()))
    journal.metrics(0, result.metrics)  # the MLflow UI compares what has only a step 0 as bars
    journal.end(status)


def header(settings: Settings, values: dict[str, Any], parts: Parts, threads: int) -> list[tuple[str, str]]:
    """What is about to run, in a few lines: (label, text)."""
    data, network, choices = parts.dataset, parts.network, values["choices"]
    sizes = f"{parts.train.examples:,} to learn from, {parts.validation.examples:,} to validate, {parts.test.examples:,} to test"
    widths = [data.x.shape[1], *(layer.outputs for layer in network.layers if hasattr(layer, "outputs"))]
    activation = f" {settings.model.activation}" if hasattr(settings.model, "activation") else ""
    architecture = f"{'-'.join(map(str, widths))}{activation}, {len(network.parameters):,} parameters, {network.dtype}"
    trainer = settings.trainer
    return [
        ("data", f"{data.name}, {len(data.classes)} classes: {sizes}"),
        ("network", f"{architecture}, init {choices.get('init', 'custom')}"),
        ("optimizer", f"{choices.get('optimizer', 'custom')}, lr {settings.optimizer.lr:g}, schedule {choices.get('schedule', 'custom')}"),
        ("training", f"{trainer.epochs} epochs, batch {parts.train.size}, seed {settings.seed}, threads {threads}"),
    ]


def new_folder(home: Path) -> Path:
    """A folder that no other run has."""
    folder = home / "outputs" / "runs" / time.strftime("%Y-%m-%d") / f"{time.strftime('%H-%M-%S')}-{short_id()}"
    folder.mkdir(parents=True)
    return folder
