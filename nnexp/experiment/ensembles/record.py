"""The record of an ensemble: the files of its run, and its journal."""

import json
from pathlib import Path

from nnexp.atomic_write import write_atomically
from nnexp.data.dataset import Dataset
from nnexp.experiment.artifacts import write_arrays, write_results
from nnexp.experiment.ensembles.result import EnsembleResult
from nnexp.experiment.ensembles.settings import EnsembleSettings
from nnexp.experiment.metadata import begin_record, metric_tags
from nnexp.run_folder import DATASET, ENSEMBLE, ENSEMBLE_KIND, KIND_TAG, NETWORK, SWEEP_ID_TAG, weights_path
from nnexp.runs.ensembles import reference_to
from nnexp.serving.ensemble import Ensemble
from nnexp.tracking.journal import Journal
from nnexp.tracking.provenance import describe_environment
from nnexp.training.threads.limits import thread_limit

MEMBERS_TAG = "nnexp.members"  # references to the members, separated by commas
MAX_TAG = 5000  # characters, which MLflow accepts


def record(
    journal: Journal,
    result: EnsembleResult,
    ensemble: Ensemble,
    dataset: Dataset,
    settings: EnsembleSettings,
    home: Path,
    start_time: float,
) -> None:
    """Write all that is known of an ensemble into its folder, with the networks of its members.

    So it can be used where the members are no longer.
    """
    folder = result.folder
    members = result.members
    first = members[0].dataset
    same = {
        name: split
        for name, split in first["splits"].items()
        if len({member.digest(name) for member in members}) == 1
    }
    write_atomically(folder / DATASET, json.dumps(first | {"splits": same}, indent=1))
    write_atomically(folder / NETWORK, ensemble.spec.to_json())
    write_atomically(folder / ENSEMBLE, json.dumps({"members": result.describe_members()}, indent=1))
    write_arrays(folder / weights_path("best"), ensemble.weights())
    references = ",".join(reference_to(member.run) for member in members)
    tags = {KIND_TAG: ENSEMBLE_KIND, MEMBERS_TAG: references[:MAX_TAG], SWEEP_ID_TAG: "none"}
    tags["nnexp.data_sha256"] = dataset.sha256
    tags |= metric_tags(settings.first.metrics)
    environment = describe_environment(thread_limit(None))
    begin_record(
        journal,
        result.name,
        settings.values,
        tags,
        environment,
        settings.first.tracking,
        home,
        start_time=start_time,
    )
    journal.log_artifacts(ENSEMBLE)
    write_results(journal, dataset, result.metrics, result.splits)
    journal.end("FINISHED")
