"""What the MLflow UI says of a run and of an experiment in words: short Markdown, what it was, what came out, how to repeat it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnexp.tracking.upload.state import UploadState

CHOICES = ("model", "init", "optimizer", "schedule", "loss", "augment", "averaging")
PLAIN = ("none",)
KEPT = "what was learnt until then is kept."
ENDED = {"FAILED": f"It **failed**; {KEPT}", "KILLED": f"It was **stopped**; {KEPT}"}


def experiment_note() -> str:
    """Of an experiment."""
    return (
        "Runs of **nnexp**: networks written from scratch in NumPy.\n\n"
        "Sort by `best/val_accuracy` (of regressions `best/val_r2`); `test/*` was measured once, with the weights that validation chose. "
        "`params.init` and its like are config groups; `tags.nnexp.sweep_id` holds a sweep together; runs with the same "
        "`tags.nnexp.config_hash` asked for the same experiment.\n\n"
        "At a terminal: `nnexp runs`, `nnexp show best`, `nnexp compare best last`, `nnexp reproduce best`."
    )


def run_note(
    folder: Path,
    head: Mapping[str, Any],
    status: str = "",
    metrics: Mapping[str, float] | None = None,
    ledger: "UploadState | None" = None,
) -> str:
    """Of a run: at its beginning what it is, at its end what came out too.

    Args:
        folder: of the run.
        head: the first line of its journal.
        status: how it ended; empty while it runs.
        metrics: those that are told once.
        ledger: what the store has of it.
    """
    parts = [
        text for text in (result(metrics or {}), ENDED.get(status, "")) if text
    ]  # first: the UI folds what is long
    parts.append(what(head["params"], _json(folder / "dataset.json")))
    command = _json(folder / "environment.json").get("command", "")
    repeat = [f"Started by `{command}`."] if command else []
    if ledger is not None:
        repeat.append(f"Train it again and compare it bit by bit: `nnexp reproduce {ledger.run_id[:8]}`.")
        if ledger.model_id:
            repeat.append(
                f"Serve it: `mlflow models serve -m models:/{ledger.model_id} --env-manager local`."
            )
    return "\n\n".join([*parts, " ".join(repeat)]).strip()


def what(params: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """What is learnt from what, by what."""
    chosen = [f"{group} `{params[group]}`" for group in CHOICES if params.get(group, "none") not in PLAIN]
    sizes = ", ".join(f"{part['examples']:,} {name}" for name, part in data.get("splits", {}).items())
    name = data.get("name") or params.get("data", "custom data")
    kinds = {
        "classification": f"{len(data.get('classes', ()))} classes",
        "multilabel": f"{len(data.get('targets', ()))} labels",
    }
    kind = kinds.get(
        data.get("task", ""),
        f"regression of {', '.join(data.get('targets', ()))}" if data.get("targets") else "",
    )
    told = f"**{name}**" + (f", {kind}" if kind else "") + (f" ({sizes} examples)" if sizes else "")
    epochs = (
        f"{params.get('trainer.epochs', '?')} epochs of batches of {params.get('trainer.batch_size', '?')}"
    )
    return f"{told}: {', '.join(chosen)}; lr {params.get('optimizer.lr', '?')}, {epochs}, seed {params.get('seed', '?')}."


def result(metrics: Mapping[str, float]) -> str:
    """What came out, in a sentence; empty where nothing did."""
    score = next((name for name in ("accuracy", "r2") if f"best/val_{name}" in metrics), None)
    if score is None:
        return ""
    label, form = ("accuracy", "{:.2%}") if score == "accuracy" else ("R2", "{:.4f}")
    tested = (
        f", **{form.format(metrics[f'test/{score}'])}** on test"
        if f"test/{score}" in metrics
        else "; test was not looked at"
    )
    took = f", in {metrics['time/total']:.1f} s" if "time/total" in metrics else ""
    return f"{label} **{form.format(metrics[f'best/val_{score}'])}** on validation (epoch {metrics['best/epoch']:.0f}){tested}{took}."


def short_result(metrics: Mapping[str, float]) -> str:
    """The same for a line of a table."""
    return result(metrics).replace("*", "").partition(", in ")[0].rstrip(".")


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found
