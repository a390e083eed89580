"""All that is told of one run: where it comes from, what was asked for, what came out, what lies where."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnexp.cli.run_table.columns import NOT_LEARNT, SHORT_ID, exact_moment
from nnexp.redaction import redacted
from nnexp.run_folder import UPLOAD_STATE
from nnexp.runs.backends import History
from nnexp.runs.query import Run, RunError
from nnexp.tracking.mlflow.upload_state import UploadState

WORST_CLASSES = 3
MACHINE = ("cpu", "cores", "threads", "platform", "python", "packages", "blas")
REPORTS = (
    "confusion/test.json",
    "labels/test.json",
    "confusion/val.json",
    "labels/val.json",
)  # the first that there is
PRESETS = ("experiment", "debug", "hparams_search")  # what they choose is told as choices and changes


def report(run: Run, asked: str) -> dict[str, Any]:
    """Everything, as JSON has it.

    Args:
        run: which.
        asked: how it was called on the command line.

    Raises:
        RunError: the store does not answer.
    """
    files = run.files()
    environment, best = (
        _json(run, files, "environment.json"),
        run.metrics.get("best/step", run.metrics.get("best/epoch")),
    )
    return {
        "id": run.id,
        "name": run.name,
        "experiment": run.experiment,
        "status": run.status,
        "started": exact_moment(run.started),
        "seconds": run.seconds,
        "error": error(run, files),
        "command": redacted(environment.get("command", "")),
        "git": {key: run.tags.get(f"nnexp.git_{key}", "none") for key in ("commit", "branch", "dirty")},
        "machine": {key: environment[key] for key in MACHINE if key in environment},
        "choices": choices(run.params),
        "changed": changed(run.params),
        "metrics": run.metrics,
        "params": {key: redacted(value) for key, value in run.params.items()},
        "tags": {key: redacted(value) for key, value in run.tags.items()},
        "best_step": None if best is None else int(best),
        "epochs": [{"step": step, **values} for step, values in run.history()],
        "worst_classes": worst_classes(run, files),
        "folder": None if run.folder is None else str(run.folder.absolute()),
        "outputs": None if (left := own_folder(run)) is None else str(left),
        "files": files,
        "commands": commands(run.id[:SHORT_ID] or shlex.quote(asked), files, stored=bool(run.id)),
    }


def commands(name: str, files: Sequence[str], stored: bool) -> list[str]:
    """What may be done with the run."""
    again = [f"nnexp reproduce {name}"] if "config.yaml" in files else []
    ask = [f"nnexp predict {name} FILE"] if "network.json" in files else []
    out = [f"nnexp export {name} --onnx"] if {"network.json", "weights/best.npz"} <= {*files} else []
    return [*again, *ask, *out, f"nnexp compare {name} OTHER", *(["nnexp ui"] if stored else [])]


def own_folder(run: Run, outputs: Path = Path("outputs")) -> Path | None:
    """The folder that the training left, if it was here and still is; None for a run that was read from there."""
    if not run.id:
        return None
    for path in outputs.rglob(UPLOAD_STATE):
        if UploadState.load(path.parent).run_id == run.id:
            found = path.parent.absolute()
            return None if run.folder is not None and run.folder.absolute() == found else found
    return None


def error(run: Run, files: Sequence[str]) -> str:
    """What ended a run that failed; empty where nothing did."""
    try:
        lines = run.file("error.txt").read_text(encoding="utf-8").split("\n") if "error.txt" in files else []
    except (OSError, ValueError, RunError):
        return ""
    return redacted(
        next((line for line in reversed(lines) if line.strip()), "").removeprefix("nnexp.experiment.run.")
    )


def choices(params: dict[str, str]) -> dict[str, str]:
    """Which option of each config group the run was made from."""
    from nnexp.config.compose import CONF

    return {
        path.name: params[path.name]
        for path in sorted(CONF.iterdir())
        if path.is_dir() and path.name in params
    }


def changed(params: dict[str, str]) -> dict[str, str] | None:
    """The values that are not those of the chosen options; None where these options are not ours, or no longer."""
    from nnexp.config import ConfigError
    from nnexp.config.build import resolved as plain
    from nnexp.config.compose import examine_overrides
    from nnexp.config.naming import params as flat

    chosen = {
        f"{group}={option}"
        for group, option in choices(params).items()
        if group not in PRESETS and option != "custom"
    }
    try:
        examination = examine_overrides(sorted(chosen))
        config = examination.config
        problems = examination.problems
        usual = flat(plain(config)) if config is not None else {}
    except (ConfigError, KeyError):
        return None
    if not usual or not params.keys() & usual.keys() or any(problem.where in chosen for problem in problems):
        return None
    groups = choices(params).keys() | set(PRESETS)
    return {
        key: redacted(value)
        for key, value in params.items()
        if key not in groups
        and usual.get(key) != value
        and not key.endswith("_target_")
        and (not key.startswith(NOT_LEARNT) or key.startswith("diagnostics"))
    }


def worst_classes(run: Run, files: Sequence[str]) -> dict[str, Any] | None:
    """The classes of which least was found, in the test examples if they were judged, else in the validation's."""
    path = next((path for path in REPORTS if path in files), None)
    rows = (
        _json(run, files, path).get("per_class" if path.startswith("confusion") else "per_label", [])
        if path
        else []
    )
    worst = sorted((row for row in rows if row.get("support")), key=lambda row: row["recall"])[:WORST_CLASSES]
    if not path or not worst:
        return None
    found = [
        {"class": row.get("class", row.get("label")), "recall": row["recall"], "support": row["support"]}
        for row in worst
    ]
    return {"part": "test" if "test" in path else "validation", "classes": found}


def chosen_epochs(history: History, best: int | None, most: int) -> History:
    """At most so many, evenly: the first, the last and the best are among them."""
    if len(history) <= most:
        return history
    rows = [round(i * (len(history) - 1) / (most - 1)) for i in range(most)]
    at = next((row for row, (step, _) in enumerate(history) if step == best), None)
    if at is not None and at not in rows:
        nearest = min(rows[1:-1], key=lambda row: abs(row - at))
        rows[rows.index(nearest)] = at
    return [history[row] for row in rows]


def _json(run: Run, files: Sequence[str], path: str) -> dict[str, Any]:
    """A file that says what it says in JSON; nothing where it is not there or is something else."""
    try:
        found = json.loads(run.file(path).read_text(encoding="utf-8")) if path in files else {}
    except (OSError, ValueError, RunError):
        return {}
    return found if isinstance(found, dict) else {}
