"""Metadata that a run records before it trains: configuration, environment, data, code, destination."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnexp.atomic_write import write_atomically
from nnexp.config import Settings
from nnexp.config.naming import config_hash, params
from nnexp.config.schema import TrackingSettings
from nnexp.experiment.artifacts import write_dataset, write_network
from nnexp.experiment.components import Components
from nnexp.metrics.metric import Metric
from nnexp.redaction import redacted
from nnexp.run_folder import (
    CHANGED_TAG,
    CODE_TAG,
    CONFIG,
    CONFIG_HASH_TAG,
    DATASET,
    ENVIRONMENT,
    GIT_DIFF,
    JOB_TAG,
    METRICS_TAG,
    NETWORK,
    RESUMED_TAG,
    SESSIONS,
    SWEEP_ID_TAG,
    Entry,
    RunFolder,
    head_of,
)
from nnexp.tracking.code_version import code_sha256
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.destination import path_from_home
from nnexp.tracking.mlflow.store import SQLITE
from nnexp.tracking.provenance import describe_environment, git_state, provenance_tags
from nnexp.training.checkpoint.checkpoint_file import Checkpoint


def write_run_metadata(
    journal: Journal,
    settings: Settings,
    components: Components,
    threads: int,
    home: Path,
    sweep_id: str,
    start_time: float,
    job_number: int | None = None,
) -> None:
    """Write the run's metadata into its folder and the first line of its journal."""
    folder = journal.folder
    facts: dict[str, Any] = {
        "kernels": components.kernels.path,
        "kernels_numpy": list(components.kernels.plain),
    }
    facts |= {"randomness": components.streams.describe()}
    write_dataset(folder, settings, components)
    write_network(folder, settings, components)
    tags = {"nnexp.data_sha256": components.dataset.sha256, SWEEP_ID_TAG: sweep_id}
    if job_number is not None:
        tags[JOB_TAG] = str(job_number)
    tags |= metric_tags(components.metrics)
    begin_record(
        journal,
        settings.run_name,
        settings.values,
        tags,
        describe_environment(threads) | facts,
        settings.tracking,
        home,
        start_time=start_time,
        unit=components.trainer.unit,
    )


def metric_tags(metrics: Mapping[str, Metric]) -> dict[str, str]:
    """Return the tag that holds the directions of metrics of one's own; none where there are none."""
    directions = {name: metric.direction for name, metric in metrics.items()}
    return {METRICS_TAG: json.dumps(directions)} if directions else {}


def begin_record(
    journal: Journal,
    name: str,
    values: dict[str, Any],
    tags: Mapping[str, str],
    environment: Mapping[str, Any],
    tracking: TrackingSettings,
    home: Path,
    *,
    start_time: float,
    unit: str = "epoch",
) -> None:
    """Write configuration, environment and code of a run, and the first line of its journal.

    Args:
        journal: in a folder that holds dataset.json and network.json already.
        name: of the run.
        values: the resolved configuration.
        tags: beside those of the code and the configuration.
        environment: the facts of environment.json beside those of the code.
        tracking: where the run is uploaded.
        home: the project's folder.
        start_time: when the run began, in seconds since 1970.
        unit: what the steps of its metrics count.
    """
    folder = journal.folder
    code = git_state()
    diff = code.pop("diff")
    facts = {**environment, "folder": str(home), "git": code}
    write_atomically(folder / CONFIG, OmegaConf.to_yaml(values))
    write_atomically(folder / ENVIRONMENT, json.dumps(facts, indent=2))
    made_of = {CONFIG_HASH_TAG: config_hash(values), CODE_TAG: code_sha256(values.get("plugins") or ())}
    all_tags = made_of | provenance_tags(code) | dict(tags)
    destination = upload_destination(tracking, home, folder)
    journal.log_run(name, params(values), all_tags, destination, start_time, unit)
    journal.log_artifacts(CONFIG, ENVIRONMENT, DATASET, NETWORK)
    if diff:
        write_atomically(folder / GIT_DIFF, diff)
        journal.log_artifacts(GIT_DIFF)


def write_resume_metadata(
    journal: Journal, settings: Settings, threads: int, home: Path, checkpoint: Checkpoint | None
) -> None:
    """Write the changed configuration, and the first line of the session into the journal."""
    folder = RunFolder(journal.folder)
    head = head_of(folder.entries())
    step = checkpoint.step if checkpoint is not None else 0
    before = head["params"]
    now = params(settings.values)
    changed = {key: value for key, value in now.items() if before.get(key) != value}
    changed |= dict.fromkeys(before.keys() - now.keys(), "null")
    sessions = folder.json(SESSIONS).get("sessions", [])
    facts = describe_environment(threads)
    sessions.append(
        {
            "time": time.strftime("%Y-%m-%d %H:%M:%S"),
            "step": step,
            "recorded": {key: before.get(key) for key in changed},
            "changed": changed,
            **{key: facts[key] for key in ("command", "cpu", "threads", "python", "packages")},
        }
    )
    write_atomically(folder / CONFIG, OmegaConf.to_yaml(settings.values))
    write_atomically(folder / SESSIONS, json.dumps({"sessions": sessions}, indent=1))
    tags = {RESUMED_TAG: str(len(sessions)), CONFIG_HASH_TAG: config_hash(settings.values)}
    tags |= {f"{CHANGED_TAG}{key}": value for key, value in changed.items()}
    destination = session_destination(settings.tracking, home, folder.path, head)
    name = settings.tracking.run_name or head["name"]
    journal.log_resume(name, step, changed, tags, destination)
    missing = {ENVIRONMENT, DATASET, NETWORK, GIT_DIFF} - journal.artifacts  # killed before it wrote so
    journal.log_artifacts(CONFIG, SESSIONS, *(path for path in sorted(missing) if (folder / path).is_file()))


def session_destination(
    tracking: TrackingSettings, home: Path, folder: Path, head: Entry
) -> dict[str, Any] | None:
    """Return where a resumed run is uploaded: to its own store, unless tracking.uri names another one."""
    destination = upload_destination(tracking, home, folder)
    recorded = head["destination"]
    if destination is None or recorded is None or tracking.uri is not None:
        return destination
    return destination | {key: recorded[key] for key in ("uri", "folder", "run") if key in recorded}


def upload_destination(tracking: TrackingSettings, home: Path, folder: Path) -> dict[str, Any] | None:
    """Return where the run is uploaded, now or by a later `nnexp sync`; without a password. None: nowhere."""
    if not tracking.enabled:
        return None
    uri = tracking.uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    if uri and uri.startswith(SQLITE):
        uri = f"{SQLITE}{(home / uri.removeprefix(SQLITE)).resolve()}"  # a later upload may start elsewhere
    settings = {key: getattr(tracking, key) for key in ("experiment", "register", "baseline", "system")}
    place = {"folder": str(home), "run": path_from_home(folder, home)}
    return settings | place | {"uri": redacted(uri) if uri else None}
