"""`nnexp show RUN`: one run on a screen: what it was, what came out, where it lies, what to do with it."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from nnexp.cli.arguments import Arguments
from nnexp.cli.errors import USER_ERROR
from nnexp.cli.run_report import chosen_epochs, report
from nnexp.messages import duration
from nnexp.metrics.metric_info import format_metric
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.store import StoreError

LABEL = 12  # characters
MOST_EPOCHS = 12
ROOM = 90  # characters for the names of files
COLUMNS = (
    "train/loss",
    "train/accuracy",
    "train/r2",
    "val/loss",
    "val/accuracy",
    "val/r2",
    "lr",
    "time/epoch",
)
PARTS = {"train": "training", "val": "validation"}
Line = tuple[str, str]


def main(arguments: list[str]) -> int:
    """Print it; returns the exit code."""
    parser = Arguments("show", "One run: what it was, what came out, where it lies.")
    parser.add_run()
    parser.add_store()
    parser.add_json("print all as JSON, with every epoch, param and tag")
    options = parser.parse_args(arguments)
    try:
        told = report(Runs(options.uri, options.experiment).find(options.run), options.run)
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    if options.json:
        print(json.dumps(_finite(told), indent=2, allow_nan=False))
    else:
        _print(told)
    return 0


def _print(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for lines in (origin(told), results(told), epochs(told), whereabouts(told)):
        for label, text in lines:
            console.print(Text.assemble((label.ljust(LABEL), "bold"), text))


def origin(told: dict[str, Any]) -> Iterator[Line]:
    """What the run was."""
    yield "run", f"{told['name']}, {told['status']}"
    if told["id"]:
        yield "id", f"{told['id']}, experiment {told['experiment']}"
    took = {"RUNNING": ", runs still", "UNFINISHED": ", its journal has no end"}.get(told["status"], "")
    yield (
        "started",
        told["started"][:19].replace("T", " ")
        + (took if told["seconds"] is None else f", took {duration(told['seconds'])}"),
    )
    if told["error"]:
        yield "error", told["error"]
    if told["command"]:
        yield "command", told["command"]
    git = told["git"]
    changes = ", with changes that were not committed" if git["dirty"] == "true" else ""
    yield (
        "code",
        "no git checkout"
        if git["commit"] == "none"
        else f"commit {git['commit'][:10]} on {git['branch']}{changes}",
    )
    if machine := told["machine"]:
        yield "machine", ", ".join(_machine(machine))
    if told["choices"]:
        yield "choices", _overrides(told["choices"])
    if told["changed"]:
        yield "changed", _overrides(told["changed"])


def results(told: dict[str, Any]) -> Iterator[Line]:
    """What came out."""
    for kind in ("best", "test"):
        found = {
            key.partition("/")[2]: value
            for key, value in told["metrics"].items()
            if key.startswith(f"{kind}/")
        }
        if found:
            yield kind, ", ".join(f"{name} {format_metric(name, value)}" for name, value in found.items())
    if worst := told["worst_classes"]:
        rows = (
            f"{row['class']} {format_metric('recall', row['recall'])} of {row['support']}"
            for row in worst["classes"]
        )
        yield "least found", f"{', '.join(rows)} ({worst['part']} examples)"


def epochs(told: dict[str, Any]) -> Iterator[Line]:
    """A table of the first epoch, the last, the best and some between; the best is marked."""
    history = [(row["step"], row) for row in told["epochs"] if any(name in row for name in COLUMNS)]
    chosen = chosen_epochs(history, told["best_step"], MOST_EPOCHS)
    names = [name for name in COLUMNS if any(name in row for _, row in history)]
    steps = (f"{step}{'*' if step == told['best_step'] else ' '}".rjust(LABEL - 2) for step, _ in chosen)
    unit = "steps" if "best/step" in told["metrics"] else "epochs"
    lines = zip(*(_column(name, [row.get(name) for _, row in chosen]) for name in names), strict=True)
    for label, cells in zip(["", unit, *steps], lines, strict=False):  # no names, no lines
        yield label, "  ".join(cells).rstrip()


def whereabouts(told: dict[str, Any]) -> Iterator[Line]:
    """Its files, and what may be done with it."""
    by_folder: dict[str, list[str]] = {}
    for path in told["files"]:
        folder, _, name = path.rpartition("/")
        by_folder.setdefault(f"{folder}/" if folder else "", []).append(name)
    for i, folder in enumerate(folder for folder in (told["folder"], told["outputs"]) if folder):
        yield "" if i else "folder", folder
    for i, folder in enumerate(sorted(by_folder)):
        yield "" if i else "files", f"{folder}{'  ' if folder else ''}{_some(by_folder[folder])}"
    for i, command in enumerate(told["commands"]):
        yield "" if i else "next", command


def _column(name: str, values: Sequence[float | None]) -> list[str]:
    part, _, what = name.rpartition("/")
    head = [PARTS[part], what] if part in PARTS else ["", name.removeprefix("time/")]
    cells = [*head, *("" if value is None else format_metric(name, value) for value in values)]
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]


def _machine(machine: Mapping[str, Any]) -> Iterator[str]:
    if "cpu" in machine:
        yield str(machine["cpu"])
    if "cores" in machine:
        yield f"{machine['cores']} cores"
    if "threads" in machine:
        yield f"{machine['threads']} thread{'s' * (machine['threads'] != 1)} used"
    if "python" in machine:
        yield f"Python {machine['python']}"
    if "numpy" in machine.get("packages", {}):
        yield f"NumPy {machine['packages']['numpy']}"
    yield from (f"{blas.get('internal_api')} {blas.get('version')}" for blas in machine.get("blas", []))


def _some(names: Sequence[str]) -> str:
    """Names that fit into a line, and how many do not."""
    fitting = [
        name
        for name, end in zip(names, accumulate(len(name) + 1 for name in names), strict=True)
        if end <= ROOM
    ]
    if not fitting:
        return f"{len(names)} file{'s' * (len(names) > 1)}"
    return " ".join(fitting) + (f" and {len(names) - len(fitting)} more" if len(fitting) < len(names) else "")


def _overrides(values: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value.replace(', ', ',')}" for key, value in values.items())


def _finite(told: Any) -> Any:
    """The same with null where JSON has no number."""
    if isinstance(told, dict):
        return {key: _finite(value) for key, value in told.items()}
    if isinstance(told, Sequence) and not isinstance(told, str):
        return [_finite(value) for value in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told
