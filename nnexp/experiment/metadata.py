"""Metadata that a run records before it trains: configuration, environment, data, code, destination."""

import json
import os
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnexp.atomic_write import write_atomically
from nnexp.config import Settings
from nnexp.config.naming import config_hash, params
from nnexp.config.schema import TrackingSettings
from nnexp.experiment.artifacts import write_dataset, write_network
from nnexp.experiment.components import Components
from nnexp.redaction import redacted
from nnexp.run_folder import CONFIG, DATASET, ENVIRONMENT, GIT_DIFF, METRICS_TAG, NETWORK
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.destination import path_from_home
from nnexp.tracking.mlflow.store import SQLITE
from nnexp.tracking.provenance import describe_environment, git_state, user_name


def write_run_metadata(
    journal: Journal,
    settings: Settings,
    components: Components,
    threads: int,
    home: Path,
    sweep_id: str,
    start_time: float,
) -> None:
    """Write the run's metadata into its folder and the first line of its journal."""
    folder = journal.folder
    values = settings.values
    code = git_state()
    diff = code.pop("diff")
    facts = describe_environment(threads) | {"folder": str(home), "git": code}
    facts |= {"randomness": components.streams.describe()}
    write_atomically(folder / CONFIG, OmegaConf.to_yaml(values))
    write_atomically(folder / ENVIRONMENT, json.dumps(facts, indent=2))
    write_dataset(folder, settings, components)
    write_network(folder, settings, components)
    tags = {
        "nnexp.config_hash": config_hash(values),
        "nnexp.data_sha256": components.dataset.sha256,
        "nnexp.git_commit": code["commit"],
        "nnexp.git_branch": code["branch"],
        "nnexp.git_dirty": code["dirty"],
        "nnexp.sweep_id": sweep_id,
        "mlflow.source.name": "nnexp",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": user_name(),
    }
    if components.metrics:
        directions = {name: metric.direction for name, metric in components.metrics.items()}
        tags[METRICS_TAG] = json.dumps(directions)
    if code["commit"] != "none":
        tags["mlflow.source.git.commit"] = code["commit"]
    destination = upload_destination(settings.tracking, home, folder)
    unit = components.trainer.unit
    journal.log_run(settings.run_name, params(values), tags, destination, start_time, unit)
    journal.log_artifacts(CONFIG, ENVIRONMENT, DATASET, NETWORK)
    if diff:
        write_atomically(folder / GIT_DIFF, diff)
        journal.log_artifacts(GIT_DIFF)


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
