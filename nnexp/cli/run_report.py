"""All that is recorded of one run as a JSON-like report: origin, configuration, results, files."""

import re
import shlex
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from nnexp.cli.arguments import store_option
from nnexp.cli.run_table import SHORT_ID
from nnexp.config.naming import changes_learning
from nnexp.redaction import redacted
from nnexp.run_folder import (
    CONFIG,
    ENSEMBLE,
    ENVIRONMENT,
    ERROR,
    NETWORK,
    SPLITS,
    UPLOAD_STATE,
    History,
    weights_path,
)
from nnexp.runs.backends import MlflowBackend
from nnexp.runs.columns import iso_time
from nnexp.runs.ensembles import MEMBERS
from nnexp.runs.query import Run
from nnexp.tasks import TASKS
from nnexp.tracking.mlflow.upload_state import run_ids

WORST_CLASSES = 3
MACHINE = ("cpu", "cores", "threads", "platform", "python", "packages", "blas")
PRESETS = ("experiment", "debug", "hparams_search")  # their choices appear as those of other groups


def report(run: Run, name: str) -> dict[str, Any]:
    """Collect everything of a run, which the command line calls `name`."""
    files = run.files()
    environment = run.json(ENVIRONMENT)
    best = run.metrics.get("best/step", run.metrics.get("best/epoch"))
    folder = run.folder.absolute() if run.folder is not None else None
    outputs = _output_folder(run)
    return {
        "id": run.id,
        "name": run.name,
        "experiment": run.experiment,
        "status": run.status,
        "started": iso_time(run.started),
        "seconds": run.seconds,
        "error": _error(run),
        "command": redacted(environment.get("command", "")),
        "git": {key: run.tags.get(f"nnexp.git_{key}", "none") for key in ("commit", "branch", "dirty")},
        "machine": {key: environment[key] for key in MACHINE if key in environment},
        "choices": choices(run.params),
        "changed": changed(run.params),
        "metrics": run.metrics,
        "params": {key: redacted(value) for key, value in run.params.items()},
        "tags": {key: redacted(value) for key, value in run.tags.items()},
        "unit": run.unit,
        "best_step": None if best is None else int(best),
        "epochs": [{"step": step, **values} for step, values in run.history()],
        "worst_classes": _worst_classes(run),
        "members": run.json(ENSEMBLE).get("members", []),
        "folder": folder and str(folder),
        "outputs": None if outputs in (None, folder) else str(outputs),
        "files": files,
        "commands": [f"{command}{_store(run)}" for command in _commands(run, name, files)],
    }


def choices(params: dict[str, str]) -> dict[str, str]:
    """Return the chosen option of each config group."""
    from nnexp.config.compose import CONF

    groups = sorted(path.name for path in CONF.iterdir() if path.is_dir())
    return {group: params[group] for group in groups if group in params}


def changed(params: dict[str, str]) -> dict[str, str] | None:
    """Return the params that differ from those of the chosen options; None where these are unknown."""
    from nnexp.config import ConfigError
    from nnexp.config.build import resolved, validate
    from nnexp.config.compose import examine_overrides
    from nnexp.config.naming import params as flat

    options = {group: option for group, option in choices(params).items() if group not in PRESETS}
    overrides = sorted(f"{group}={option}" for group, option in options.items() if option != "custom")
    try:
        examination = examine_overrides(overrides)
        defaults = flat(validate(resolved(examination.config))[0]) if examination.config is not None else {}
    except (ConfigError, KeyError):
        return None
    unknown = any(problem.where in overrides for problem in examination.problems)
    if unknown or not params.keys() & defaults.keys():
        return None
    return {
        key: redacted(value)
        for key, value in params.items()
        if key not in (*options, *PRESETS)
        and defaults.get(key) != value
        and not key.endswith("_target_")
        and key != MEMBERS
        and (changes_learning(key) or key.startswith("diagnostics."))
    }


def select_epochs(history: History, best: int | None, limit: int) -> History:
    """Select at most `limit` epochs, evenly spaced: the first, the last and the best are among them."""
    if len(history) <= limit:
        return history
    rows = [round(i * (len(history) - 1) / (limit - 1)) for i in range(limit)]
    best_row = next((row for row, (step, _) in enumerate(history) if step == best), rows[0])
    if best_row not in rows:
        nearest = min(rows[1:-1], key=lambda row: abs(row - best_row))
        rows[rows.index(nearest)] = best_row
    return [history[row] for row in rows]


def _commands(run: Run, name: str, files: Sequence[str]) -> list[str]:
    """Return the commands that apply to a run, which the command line calls `name`."""
    name = run.id[:SHORT_ID] or shlex.quote(name)
    is_ensemble = ENSEMBLE in files
    applies = {
        f"nnexp show {name} --json": True,
        f"nnexp reproduce {name}": CONFIG in files and not is_ensemble,
        f"nnexp predict {name} FILE": NETWORK in files,
        f"nnexp export {name} --onnx": not is_ensemble and NETWORK in files and weights_path("best") in files,
        f"nnexp compare {name} OTHER": True,
        "nnexp ui": bool(run.id),
    }
    return [command for command in applies if applies[command]]


def _store(run: Run) -> str:
    """Return the option that names the store of a run, where that is not the default one."""
    return store_option(run.backend.uri) if isinstance(run.backend, MlflowBackend) else ""


def _output_folder(run: Run) -> Path | None:
    """Return the folder that the training wrote, if it is in the working directory's outputs."""
    states = Path("outputs").rglob(UPLOAD_STATE) if run.id else ()
    folders = (path.parent.absolute() for path in states)
    return next((folder for folder in folders if run.id in run_ids(folder)), None)


def _error(run: Run) -> str:
    """Return the last line of the traceback of a failed run."""
    path = run.backend.file(ERROR)
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path is not None else ""
    return redacted(re.sub(r"^nnexp\.[\w.]+\.(?=\w+:)", "", text.rpartition("\n")[2]))


def _worst_classes(run: Run) -> dict[str, Any] | None:
    """Return the classes or labels of lowest recall on the test split, else on the validation split."""
    tasks = [task for task in TASKS.values() if task.row_metric == "recall"]
    for (split, label), task in product(reversed(SPLITS), tasks):
        rows = run.json(f"{task.report_folder}/{split}.json").get(task.per_output, [])
        worst = sorted((row for row in rows if row.get("support")), key=lambda row: row["recall"])
        if worst:
            name = task.per_output.removeprefix("per_")
            keys = {"class": name, "recall": "recall", "support": "support"}
            classes = [{key: row[source] for key, source in keys.items()} for row in worst[:WORST_CLASSES]]
            return {"split": label, "classes": classes}
    return None
