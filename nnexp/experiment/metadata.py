"""What a run writes down of itself before it learns: what it is, where it comes from, where it is to be shipped."""

import json
import os
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnexp.config import Settings
from nnexp.config.naming import config_hash, params, run_name
from nnexp.config.schema import TrackingSettings
from nnexp.experiment.artifacts import DATASET, NETWORK, write_dataset, write_network
from nnexp.experiment.components import Components
from nnexp.redaction import redacted
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import SQLITE
from nnexp.tracking.provenance import environment, git, user


def write_run_metadata(
    journal: Journal,
    settings: Settings,
    values: dict[str, Any],
    parts: Components,
    threads: int,
    home: Path,
    sweep_id: str,
    began: float,
) -> None:
    """Write down what the run is and where it comes from."""
    folder, tracking, code = journal.folder, settings.tracking, git()
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(values))
    diff = code.pop("diff")
    (folder / "environment.json").write_text(
        json.dumps(environment(threads) | {"git": code, "randomness": parts.streams.told()}, indent=2)
    )
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
    write_dataset(folder, settings, parts)
    write_network(folder, settings, values, parts)
    journal.run(
        tracking.run_name or run_name(values), params(values), tags, destination(tracking, home), began
    )
    journal.artifacts("config.yaml", "environment.json", DATASET, NETWORK)
    if diff:
        (folder / "git.diff").write_text(diff)
        journal.artifacts("git.diff")


def destination(tracking: TrackingSettings, home: Path) -> dict[str, Any] | None:
    """Where the run is to be shipped, for whoever does so, now or later; without a password."""
    if not tracking.enabled:
        return None
    uri = tracking.uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    if uri and uri.startswith(SQLITE):
        uri = f"{SQLITE}{(home / uri.removeprefix(SQLITE)).resolve()}"  # for whoever ships it later, from elsewhere
    told = {key: getattr(tracking, key) for key in ("experiment", "register", "baseline", "system")}
    return told | {"uri": redacted(uri) if uri else None, "folder": str(home)}
