"""Notes that the MLflow UI shows of runs and experiments, in Markdown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnexp.messages import plural
from nnexp.metrics.metric_info import format_metric
from nnexp.run_folder import ENSEMBLE, SWEPT, RunFolder, is_ensemble, is_parent
from nnexp.tasks import task_of, task_of_metrics

if TYPE_CHECKING:
    from nnexp.tracking.mlflow.upload_state import UploadState

CHOICES = ("model", "init", "optimizer", "schedule", "loss", "augment", "averaging")
SERVE = "mlflow models serve -m {} --env-manager local"
HELD_OUT = {"best/val_": "validation", "test/": "test"}  # splits by the prefix of their metrics
PARTIAL = "the results up to then are saved."
ENDED = {"FAILED": f"It **failed**; {PARTIAL}", "KILLED": f"It was **stopped**; {PARTIAL}"}
EXPERIMENT_NOTE = """\
Runs of **nnexp**: networks written from scratch in NumPy.

Sort by `best/val_accuracy` (of regressions `best/val_r2`); `test/*` was measured once, with the weights that
validation chose. `params.init` and the like are config groups; `tags.nnexp.sweep_id` holds a sweep together;
runs with the same `tags.nnexp.config_hash` have the same configuration.

At a terminal: `nnexp runs`, `nnexp show best`, `nnexp compare best last`, `nnexp reproduce best`."""


def run_note(
    run: RunFolder,
    head: Mapping[str, Any],
    status: str = "",
    metrics: Mapping[str, float] | None = None,
    state: "UploadState | None" = None,
    pruned: str = "",
) -> str:
    """Write the note of a run; at its end also its status, results and how to use it."""
    if is_parent(head):
        return sweep_note(head, status, metrics or {})
    if is_ensemble(head):
        return ensemble_note(run, metrics or {}, state)
    command = run.environment.get("command", "")
    usage = [f"Started by `{command}`."] if command else []
    if state is not None:
        usage.append(f"Train it again and compare it bit by bit: `nnexp reproduce {state.run_id[:8]}`.")
        if state.model_uri:
            usage.append(f"Serve it: `{SERVE.format(state.model_uri)}`.")
    scores = result(metrics or {})  # first: the UI folds long notes
    ended = f"It was **pruned** in {pruned} by its search; {PARTIAL}" if pruned else ENDED.get(status, "")
    paragraphs = [scores, ended, description(head["params"], run.dataset), " ".join(usage)]
    return "\n\n".join(text for text in paragraphs if text)


def sweep_note(head: Mapping[str, Any], status: str, metrics: Mapping[str, float]) -> str:
    """Write the note of a sweep's parent run: what was swept, how it ended, how to see it and go on."""
    folder = head["destination"].get("run", "")
    swept = {key: text for key, text in head["params"].items() if key.startswith(SWEPT)}
    values = [f"`{key.removeprefix(SWEPT)}` ({text})" for key, text in swept.items()]
    count = plural(int(metrics.get("sweep/jobs", 0)), "job") if metrics else "Jobs"
    ended = f"; {metrics.get('sweep/finished', 0):.0f} finished" if metrics else ""
    pruned = f" ({metrics['sweep/pruned']:.0f} pruned)" if metrics.get("sweep/pruned") else ""
    failed = f", {metrics['sweep/failed']:.0f} failed" if metrics.get("sweep/failed") else ""
    best = f"; best score **{metrics['sweep/best']:.4g}**" if "sweep/best" in metrics else ""
    usage = f"Its report: `nnexp report {folder}`."
    if status != "FINISHED":
        usage += f" Go on with it: `nnexp -m sweep.resume={folder}`."
    return f"{count} over {', '.join(values) or 'a search space'}{ended}{pruned}{failed}{best}.\n\n{usage}"


def ensemble_note(run: RunFolder, metrics: Mapping[str, float], state: "UploadState | None") -> str:
    """Write the note of an ensemble: its scores, its members with theirs, and how to use it."""
    heading = ""
    if (task := task_of_metrics(metrics)) is not None:
        scores = {word: metrics.get(f"{prefix}{task.score}") for prefix, word in HELD_OUT.items()}
        known = {word: score for word, score in scores.items() if score is not None}
        results = (f"**{task.format_score(score)}** on {word}" for word, score in known.items())
        heading = f"{task.score_label} {', '.join(results)}."
    members = run.json(ENSEMBLE).get("members", [])
    lines = [f"The mean of the predictions of {plural(len(members), 'run')}:"]
    for member in members:
        tested = [format_metric(name, value) for name, value in member.items() if name.startswith("test_")]
        lines.append("- " + ", ".join([member["name"], f"`{member['run']}`", *tested]))
    model = "" if state is None else state.model_uri
    usage = f"Serve it: `{SERVE.format(model)}`." if model else ""
    return "\n\n".join(text for text in (heading, "\n".join(lines), usage) if text)


def description(params: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """Describe data, task, choices and training in a sentence."""
    text = f"**{data.get('name') or params.get('data', 'custom data')}**"
    if data:
        task = task_of(data["task"])
        sizes = ", ".join(f"{split['examples']:,} {name}" for name, split in data["splits"].items())
        text += f", {task.describe_outputs(task.names(data))} ({sizes} examples)"
    choices = [f"{group} `{params[group]}`" for group in CHOICES if params.get(group, "none") != "none"]
    keys = ("optimizer.lr", "trainer.epochs", "trainer.batch_size", "seed")
    lr, epochs, batch_size, seed = (params.get(key, "?") for key in keys)
    training = f"lr {lr}, {epochs} epochs of batches of {batch_size}, seed {seed}"
    return f"{text}: {', '.join(choices)}; {training}."


def result(metrics: Mapping[str, float]) -> str:
    """Format the scores in a sentence; empty where there are none."""
    if "best/epoch" not in metrics:
        return ""
    epoch = f"epoch {metrics['best/epoch']:.0f}"
    seconds = metrics.get("time/total")
    took = "" if seconds is None else f", in {format_metric('time/total', seconds)}"
    if (task := task_of_metrics(metrics)) is None:
        return f"Nothing was held out: no score; the weights are those of {epoch}{took}."
    tested = "; no test score"
    if (test := metrics.get(f"test/{task.score}")) is not None:
        tested = f", **{task.format_score(test)}** on test"
    if (validation := metrics.get(f"best/val_{task.score}")) is None:
        return f"{task.score_label}: no validation ({epoch}){tested}{took}."
    return f"{task.score_label} **{task.format_score(validation)}** on validation ({epoch}){tested}{took}."


def short_result(metrics: Mapping[str, float]) -> str:
    """Format the scores for a cell of a table."""
    return result(metrics).replace("*", "").partition(", in ")[0].rstrip(".")
