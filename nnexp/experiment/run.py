"""One experiment from configuration to result: the table of contents."""

import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from omegaconf import DictConfig

from nnexp.atomic_write import write_atomically
from nnexp.config import Settings, build
from nnexp.config.naming import short_id
from nnexp.data.dataset import Dataset
from nnexp.errors import Interrupted
from nnexp.experiment.artifacts import write_results
from nnexp.experiment.components import Components, build_components
from nnexp.experiment.display import Display
from nnexp.experiment.evaluation import evaluate_split
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.experiment.failures.storage_errors import explained_storage_errors
from nnexp.experiment.interruption import Interruption
from nnexp.experiment.resources import check_disk
from nnexp.experiment.result import Result
from nnexp.experiment.selected_metrics import optimized_metrics
from nnexp.experiment.sessions.resumption import Resumption
from nnexp.experiment.sessions.session import new_session, resumed_session
from nnexp.experiment.training_loop import ShouldPrune, train
from nnexp.messages import quoted_path
from nnexp.metrics.metric_info import BEST, PARAMETERS, TEST
from nnexp.redaction import redacted
from nnexp.run_folder import ERROR, weights_path
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.client import Outcome, Uploader
from nnexp.training.best_weights import save_weights
from nnexp.training.non_finite import is_finite
from nnexp.training.threads.limits import shared_products


def run(
    config: DictConfig | dict[str, Any] | Settings,
    folder: str | Path | None = None,
    display: Display | None = None,
    home: Path | None = None,
    sweep_id: str = "none",
    job_number: int | None = None,
    dataset: Dataset | None = None,
    resumption: Resumption | None = None,
    wait_for_upload: bool = True,
    should_prune: ShouldPrune | None = None,
) -> Result:
    """Run one experiment.

    Args:
        config: from `compose`, maybe changed since; or what `build` made of it.
        folder: where the run's files go; None makes a new one under outputs/runs/ in `home`.
        display: how progress is shown; None shows nothing.
        home: the project's folder, which holds outputs/ and mlruns/; None is the working directory.
        sweep_id: of the sweep that the run belongs to.
        job_number: of the run in that sweep.
        dataset: the configuration's data, where they are loaded already.
        resumption: a recorded run that goes on, from `prepare`; folder, home and configuration are its own.
        wait_for_upload: whether to return only when the run is uploaded and its plots are drawn.
        should_prune: is asked after each epoch, with its number and its metrics, whether training ends there;
            None: it does not.

    Raises:
        ConfigError: all errors of the configuration; nothing was done.
        DataError: the data are missing or invalid; nothing was recorded.
        StoreError: there is no such MLflow store; nothing was done.
        DivergedError: training diverged; the record up to there is kept.
        Interrupted: a signal has ended the run, which is marked KILLED; the record up to there is kept.
    """
    start_time = time.time()
    start = perf_counter()
    home = (home or Path.cwd()).resolve()
    with chdir(home):  # relative paths start there, also where hydra.job.chdir has changed the folder
        settings = config if isinstance(config, Settings) else build(config)
    if settings.tracking.enabled:
        tracking_uri(settings.tracking.uri, home)
    uploader = Uploader.start(mlflow=settings.tracking.enabled)
    display = display or Display()
    shared = shared_products(settings.trainer.threads)
    with Interruption() as interruption, np.errstate(all="ignore"), shared as products:
        with chdir(home):
            components = build_components(settings, dataset, display.message)
        components.share_products(products)
        optimized = optimized_metrics(settings, components.dataset, components.validation)
        result = Result(new_folder(home, folder), components.network, optimized, name=settings.run_name)
        display.header(settings, components, products.limit)
        check_disk(settings, components.network, result.folder, display.message)
        interruption.check()
        if resumption is None or not resumption.has_begun:
            first = result.folder, settings, components, products.limit, home, sweep_id, start_time
            opened = new_session(*first, job_number=job_number, until_uploaded=not wait_for_upload)
        else:
            again = resumption, components, products.limit, display, interruption
            opened = resumed_session(*again, until_uploaded=not wait_for_upload)
        storage = explained_storage_errors(result.folder)
        with interruption.deferred(components.trainer.pause), storage, opened as session:
            journal = session.journal
            began = start - session.seconds
            awaited = uploader if wait_for_upload else None
            uploader.submit(result.folder, in_background=not wait_for_upload)
            with recorded(journal, settings, components, result, awaited, display, interruption):
                train(
                    settings,
                    components,
                    result,
                    journal,
                    display,
                    interruption,
                    began=began,
                    checkpoint=session.checkpoint,
                    kept=session.kept,
                    should_prune=should_prune,
                )
                with interruption.undeferred():
                    evaluate(components, result, test=not result.pruned)
                result.metrics["time/total"] = perf_counter() - began
                if PARAMETERS in optimized:
                    result.metrics[PARAMETERS] = float(len(components.network.parameters))
                write_all_results(journal, components, result)
    return result


@contextmanager
def recorded(
    journal: Journal,
    settings: Settings,
    components: Components,
    result: Result,
    uploader: Uploader | None,
    display: Display,
    interruption: Interruption,
) -> Iterator[None]:
    """Record how the run ends: the status, the traceback of a failure, and partial results.

    Its upload is waited for, unless `uploader` is None.
    """
    try:
        yield
    except BaseException as error:
        result.status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        with suppress(OSError):  # on a full disk: what is there stays
            if result.status == "FAILED":
                write_atomically(result.folder / ERROR, redacted(traceback.format_exc()))
            evaluate(components, result, test=False)
            write_all_results(journal, components, result)
        error.add_note(f"resume with: nnexp resume {quoted_path(result.folder)}")
        if isinstance(error, DivergedError):
            error.name_checkpoint(result.folder)
        raise
    finally:
        with suppress(OSError):  # without this entry, the next command sees that the process has ended
            journal.end(result.status, result.pruned)
        finish(settings, result, uploader, display, interruption)


def evaluate(components: Components, result: Result, test: bool = True) -> None:
    """Save the final weights, restore and evaluate the best ones; on the test split only at the true end."""
    if not components.best.is_restored:  # else interrupted here
        with components.trainer.optimizer_step.averaging.applied():
            if is_finite(components.network):
                save_weights(components.network, result.folder / weights_path("final"))
    best = components.best.record
    if best is None:
        return
    components.best.restore()
    save_weights(components.network, result.folder / weights_path("best"))
    if best.val_score is not None and best.val_loss is not None:
        result.metrics |= {f"best/val_{best.score_name}": best.val_score, "best/val_loss": best.val_loss}
    result.metrics["best/epoch"] = best.epoch
    if components.trainer.unit == "step":
        result.metrics["best/step"] = best.at
    if components.validation is not None:
        result.splits["val"] = evaluate_split(components, components.validation)
        metrics = result.splits["val"].metrics()
        result.metrics = {f"{BEST}{name}": value for name, value in metrics.items()} | result.metrics
    if test and components.test is not None:
        result.splits["test"] = evaluate_split(components, components.test)
        metrics = result.splits["test"].metrics()
        result.metrics |= {f"{TEST}{name}": value for name, value in metrics.items()}


def write_all_results(journal: Journal, components: Components, result: Result) -> None:
    """Write reports, predictions, histograms and final metrics, as far as there are any."""
    diagnostics = components.diagnostics
    write_results(journal, components.dataset, result.metrics, result.splits, result.last, diagnostics)


def finish(
    settings: Settings,
    result: Result,
    uploader: Uploader | None,
    display: Display,
    interruption: Interruption,
) -> None:
    """Wait for the upload, unless a signal ends the run, then show the summary."""
    outcome = await_upload(result.folder, uploader, display.uploading, display.waiting, interruption)
    result.run_id = outcome.run_id
    display.conclusion(settings, result, outcome)
    if result.status != "KILLED":
        interruption.check()  # the run has ended, and so does the sweep that it belongs to


def await_upload(
    folder: Path,
    uploader: Uploader | None,
    uploading: Callable[[], object],
    waiting: Callable[[str], object],
    interruption: Interruption,
) -> Outcome:
    """Wait until a run whose journal has ended is uploaded; after a signal that goes on in the background.

    `uploading` is called before, and `waiting` with the reason of a longer wait. Without an uploader, nothing
    is waited for.
    """
    outcome = Outcome(UploadState.load(folder).run_id, in_background=True)
    if uploader is not None:
        with suppress(Interrupted), interruption.undeferred():
            uploading()
            outcome = uploader.wait(folder, waiting)
    return outcome


def new_folder(home: Path, folder: str | Path | None = None) -> Path:
    """Make the folder of a run; without a given one, one under outputs/runs/ that no other run has."""
    name = f"{time.strftime('%H-%M-%S')}-{short_id()}"
    wanted = folder or home / "outputs" / "runs" / time.strftime("%Y-%m-%d") / name
    path = Path(os.path.expanduser(wanted)).resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path
