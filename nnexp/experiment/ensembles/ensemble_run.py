"""An ensemble from its members to its record: the table of contents."""

import time
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from time import perf_counter

import numpy as np

from nnexp.data.dataset import Dataset
from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.experiment.artifacts import describe_split
from nnexp.experiment.ensembles.display import EnsembleDisplay
from nnexp.experiment.ensembles.evaluation import evaluate_ensemble, recorded_differently
from nnexp.experiment.ensembles.members import Member
from nnexp.experiment.ensembles.record import record
from nnexp.experiment.ensembles.result import PREFIXES, EnsembleResult
from nnexp.experiment.ensembles.settings import EnsembleSettings
from nnexp.experiment.evaluation import SplitResult
from nnexp.experiment.failures.storage_errors import explained_storage_errors
from nnexp.experiment.interruption import Interruption
from nnexp.experiment.random_streams import RandomStreams
from nnexp.experiment.run import await_upload, new_folder
from nnexp.messages import joined
from nnexp.run_folder import SPLITS
from nnexp.serving.ensemble import Ensemble
from nnexp.tracking.active_runs import active
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.upload.client import Uploader


def run_ensemble(
    members: Sequence[Member],
    settings: EnsembleSettings,
    folder: str | Path | None = None,
    display: EnsembleDisplay | None = None,
    home: Path | None = None,
) -> EnsembleResult:
    """Average the predictions of members on the test split, and record that as a run.

    Nothing is recorded before the evaluation is complete. Validation is evaluated where all members have the
    same validation examples: else those of one member trained another one.

    Args:
        members: of one task, data set and test split, from `read_members`.
        settings: from `ensemble_settings`.
        folder: where the run's files go; None makes a new one under outputs/runs/ in `home`.
        display: how progress is shown; None shows nothing.
        home: the project's folder, which holds outputs/ and mlruns/; None is the working directory.

    Raises:
        DataError: the data are missing, or are not those that the members were trained on.
        EnsembleError: the outputs of a member are not finite.
        StoreError: there is no such MLflow store; nothing was done.
        Interrupted: a signal has ended it before it was recorded.
    """
    start_time = time.time()
    start = perf_counter()
    home = (home or Path.cwd()).resolve()
    display = display or EnsembleDisplay()
    tracking = settings.first.tracking
    if tracking.enabled:
        tracking_uri(tracking.uri, home)
    uploader = Uploader.start(mlflow=tracking.enabled)
    with Interruption() as interruption, np.errstate(all="ignore"):
        with chdir(home):
            dataset = load_data(members, settings)
        display.header(members, dataset)
        ensemble = Ensemble([member.predictor for member in members])
        splits: dict[str, SplitResult] = {}
        scores: dict[str, list[float]] = {}
        for split, rows in shared_rows(members, settings, dataset, display).items():
            splits[split], scores[split] = evaluate_ensemble(
                ensemble,
                dataset,
                rows,
                test=split == "test",
                metrics=settings.first.metrics,
                check=interruption.check,
            )
        for text in changed_scores(members, scores):
            display.message("note", text)
        with interruption.deferred():
            folder = new_folder(home, folder)
            seconds = perf_counter() - start
            result = EnsembleResult(folder, settings.name, ensemble.task, members, splits, scores, seconds)
            with explained_storage_errors(folder), Journal(folder) as journal, active(folder, home):
                record(journal, result, ensemble, dataset, settings, home, start_time)
                uploader.submit(folder)
                outcome = await_upload(folder, uploader, display.uploading, display.waiting, interruption)
            result.run_id = outcome.run_id
            display.conclusion(result, tracking, outcome)
        interruption.check()
    return result


def load_data(members: Sequence[Member], settings: EnsembleSettings) -> Dataset:
    """Load the data that the members were trained on; a DataError for any other."""
    dataset = settings.first.data.load()
    expected = str(members[0].dataset.get("sha256", ""))
    if dataset.sha256 != expected:
        digests = f"expected SHA-256 {expected[:12]}..., got {dataset.sha256[:12]}..."
        problem = f"the data {dataset.name} are not those that the members were trained on: {digests}"
        raise DataError(f"{problem}; fix: restore them, or train the members again")
    return dataset


def shared_rows(
    members: Sequence[Member], settings: EnsembleSettings, dataset: Dataset, display: EnsembleDisplay
) -> dict[str, Rows]:
    """Return the rows of the splits that are evaluated, by name: test, before it validation where shared."""
    rows: dict[str, Rows] = {}
    if len({member.digest("validation") for member in members}) > 1:
        reason = "examples that validate one member have trained another; the test examples are shared"
        display.message("note", f"no validation: {reason}")
    elif expected := members[0].digest("validation"):
        rng = RandomStreams(settings.first.seed)("split")
        _, validation = settings.first.data.train_validation_split(dataset, rng)
        if describe_split("validation", validation, dataset)["digest"] == expected:
            rows["val"] = validation
        else:
            display.message("note", "no validation: this version of nnexp splits the data in another way")
    return rows | {"test": np.arange(len(dataset.y_test))}


def changed_scores(members: Sequence[Member], scores: dict[str, list[float]]) -> list[str]:
    """Describe members whose recorded scores are others than those that were computed here."""
    texts = []
    for split, word in SPLITS:
        name = f"{PREFIXES[split]}{members[0].predictor.task.score}"
        recorded = [member.run.metrics.get(name) for member in members]
        numbers = recorded_differently(recorded, scores[split]) if split in scores else ()
        if which := joined([str(number) for number in numbers]):
            texts.append(f"another {word} score than recorded, computed here: member {which}")
    return texts
