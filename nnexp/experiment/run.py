"""One experiment from configuration to result: the table of contents."""

import json
import time
import traceback
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from omegaconf import DictConfig

from nnexp.config import ConfigError, Problem, Settings, build
from nnexp.config.build import plain
from nnexp.config.naming import run_name, short_id
from nnexp.errors import UserError
from nnexp.experiment.artifacts import LAYERS, write_mistakes, write_predictions
from nnexp.experiment.components import Components, build_components
from nnexp.experiment.confusion_log import ConfusionLogger
from nnexp.experiment.display import Display, RunSummary
from nnexp.experiment.evaluation import evaluate_split
from nnexp.experiment.metadata import write_run_metadata
from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.reports import EvaluationReport
from nnexp.nn.network import Network
from nnexp.tasks import task_of
from nnexp.tracking.journal import Journal, Status
from nnexp.tracking.mlflow.store import address
from nnexp.tracking.upload.client import Outcome, Uploader
from nnexp.training.best_weights import save_weights
from nnexp.training.numerics import blas_threads
from nnexp.training.trainer import Record


class DivergedError(UserError):
    """Training diverged: the loss is NaN or infinite."""

    exit_code = 1


@dataclass
class Result:
    """What an experiment found.

    Attributes:
        folder: everything the run left, under outputs/.
        network: with the weights of the best epoch.
        history: a record per epoch.
        metrics: those that are told once: best/..., test/..., time/total.
        judged: what the best weights make of the validation ("val") and the test examples ("test"): a `Confusion`, of a regression
            a `Fit`, of several labels `Labelled`.
        predictions: what they make of each example, by the same names.
        run_id: of the MLflow run; empty where there is none.
        optimized: the name of the metric that the run returns to a sweep.
        stopped: why training ended before its last epoch; empty where it did not.
    """

    folder: Path
    network: Network
    history: list[Record] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    judged: dict[str, EvaluationReport] = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict)
    run_id: str = ""
    optimized: str = "best/val_accuracy"
    stopped: str = ""

    @property
    def value(self) -> float:
        """What the run returns to a sweep."""
        return self.metrics[self.optimized]


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
        display: how progress is shown; None shows nothing.
        sweep_id: of the sweep that the run is a part of.

    Raises:
        ConfigError: all mistakes of the configuration; nothing was done.
        DataError: the data cannot be had or trusted; nothing was recorded.
        StoreError: there is no such store; nothing was done.
        UserError: the folder holds a run already.
        Diverged: the loss left the numbers; the record up to there is kept.
        KeyboardInterrupt: likewise; the run is marked KILLED.
    """
    began, started = time.time(), perf_counter()
    settings, values = build(config), plain(config)
    home = (home or Path.cwd()).resolve()
    if settings.tracking.enabled:
        address(settings.tracking.uri, home)
    shipper = Uploader.start(mlflow=settings.tracking.enabled)
    display = display or Display()
    with np.errstate(all="ignore"), blas_threads(settings.trainer.threads) as threads:
        parts = build_components(settings)
        wanted = optimized(settings, parts)
        result = Result((folder or new_folder(home)).resolve(), parts.network, optimized=wanted)
        display.header(settings, parts, threads)
        with Journal(result.folder) as journal:
            status: Status = "FINISHED"
            write_run_metadata(journal, settings, values, parts, threads, home, sweep_id, began)
            shipper.take(result.folder)
            try:
                learn(settings, parts, result, journal, display)
                judge(parts, result, tested=True)
                result.metrics["time/total"] = perf_counter() - started
            except BaseException as error:
                status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
                if status == "FAILED":
                    (result.folder / "error.txt").write_text(traceback.format_exc())
                judge(parts, result, tested=False)
                raise
            finally:
                try:
                    conclude(journal, result, parts)
                except BaseException as error:
                    status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
                    raise
                finally:
                    journal.end(status)
                part(shipper, result, status, settings, values, display)
    return result


def part(
    shipper: Uploader,
    result: Result,
    status: Status,
    settings: Settings,
    values: dict[str, Any],
    display: Display,
) -> None:
    """Wait until the record is where it belongs, and say how the run went."""
    display.uploading()
    interrupt: KeyboardInterrupt | None = None
    try:
        outcome = shipper.wait(result.folder)
    except KeyboardInterrupt as error:  # whoever is so impatient need not wait for pictures
        interrupt, outcome = (
            error,
            Outcome(error="interrupted; the record is being finished in the background"),
        )
    result.run_id = outcome.run_id
    name = settings.tracking.run_name or run_name(values)
    epochs = result.history[-1].epoch if result.history else 0, settings.trainer.epochs
    tracked = settings.tracking.enabled
    display.conclusion(
        RunSummary(name, status, result.metrics, *epochs, result.folder, outcome, tracked, result.stopped)
    )
    if interrupt is not None and status == "FINISHED":
        raise interrupt  # a sweep must not go on as if nobody had asked it to stop


def learn(settings: Settings, parts: Components, result: Result, journal: Journal, display: Display) -> None:
    """Train, and after every evaluation: log, keep the best weights, show, see whether to go on."""
    trainer, best = settings.trainer, parts.best
    watch = ConfusionLogger(settings, parts, journal)
    with display.training(parts.trainer), closing(parts.trainer.epochs()) as records, closing(watch):
        for record, predicted in records:
            journal.metrics(record.at, record.metrics() | watch.look(record, predicted))
            if not np.isfinite(record.train_loss + record.val_loss):
                raise DivergedError(
                    f"the loss is no longer a number in epoch {record.epoch}: training diverged; take a smaller optimizer.lr "
                    f"(it is {settings.optimizer.lr:g}), or another init"
                )
            result.history.append(record)
            best.offer(record)
            display.epoch(record, best)
            if (
                trainer.patience
                and best.evaluations_since_improvement >= trainer.patience
                and parts.trainer.epochs_completed >= trainer.min_epochs
            ):
                result.stopped = f"no improvement in {best.evaluations_since_improvement} evaluations"
                return
    if parts.trainer.is_out_of_time:
        result.stopped = f"{trainer.time_budget:g} s of training are used up"


def judge(parts: Components, result: Result, tested: bool) -> None:
    """Save the final weights, go back to the best ones and see what they do; on the test set only at a run's true end."""
    final = result.folder / "weights" / "final.npz"
    if not final.exists():  # interrupted in here, we come a second time, with the best weights in the network
        with parts.trainer.optimizer_step.averaging.applied():
            save_weights(parts.network, final)
    best = parts.best.record
    if best is None:
        return
    parts.best.restore()
    save_weights(parts.network, result.folder / "weights" / "best.npz")
    result.metrics |= {
        f"best/val_{best.score_name}": best.val_score,
        "best/val_loss": best.val_loss,
        "best/epoch": best.epoch,
    }
    if best.at != best.epoch:
        result.metrics["best/step"] = best.at
    validated = evaluate_split(parts, parts.validation)
    result.judged["val"], result.predictions["val"] = validated.report, validated.predictions
    if tested:
        test = evaluate_split(parts, parts.test)
        loss, result.judged["test"], found = test.loss, test.report, test.predictions
        result.predictions["test"] = found
        result.metrics |= {"test/loss": loss} | {
            f"test/{name}": value for name, value in result.judged["test"].metrics().items()
        }
        if found.confidence is not None and found.true.ndim == 1:
            result.metrics["test/ece"] = ReliabilityBins.of(
                found.confidence, found.true == found.predicted
            ).expected_calibration_error


def conclude(journal: Journal, result: Result, parts: Components) -> None:
    """Write down what was found; the pictures are drawn from it."""
    found = ["weights/final.npz", "weights/best.npz", "error.txt"]
    report_folder = task_of(parts.dataset.task).report_folder
    for part, judgement in result.judged.items():
        path = result.folder / report_folder / f"{part}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(judgement.to_json()))
        found.append(f"{report_folder}/{part}.json")
        if part in result.predictions:
            write_predictions(result.folder, part, result.predictions[part])
    if "test" in result.predictions:
        write_mistakes(result.folder, parts, result.predictions["test"])
    if parts.diagnostics is not None and (histograms := parts.diagnostics.histograms()):
        np.savez(result.folder / LAYERS, allow_pickle=False, **histograms)
        found.append(LAYERS)
    journal.artifacts(*(file for file in found if (result.folder / file).exists()))
    journal.metrics(0, result.metrics)  # the MLflow UI compares what has only a step 0 as bars


def optimized(settings: Settings, parts: Components) -> str:
    """The name of the metric that a run returns to a sweep."""
    score = parts.trainer.score.name
    wanted = settings.optimized_metric or f"best/val_{score}"
    if wanted.endswith(("accuracy", "r2")) and not wanted.endswith(score):
        raise ConfigError(
            [
                Problem(
                    f"optimized_metric={wanted}",
                    f"there is none in a {parts.dataset.task}: take best/val_{score}",
                )
            ]
        )
    return wanted


def new_folder(home: Path) -> Path:
    """A folder that no other run has."""
    folder = (
        home / "outputs" / "runs" / time.strftime("%Y-%m-%d") / f"{time.strftime('%H-%M-%S')}-{short_id()}"
    )
    folder.mkdir(parents=True)
    return folder
