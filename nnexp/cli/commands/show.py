"""`nnexp show RUN`: one run on a screen: origin, configuration, results, files, commands that apply to it."""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from nnexp.cli.arguments import Arguments
from nnexp.cli.console import PipeSafeConsole
from nnexp.cli.run_report import report, select_epochs
from nnexp.messages import duration, listed, one_line, plural
from nnexp.metrics.metric_info import SPLIT_METRICS, format_metric
from nnexp.runs.ensembles import short_reference
from nnexp.runs.housekeeping.tags import RESERVED
from nnexp.runs.query import Runs

LABEL = 12  # characters
MAX_EPOCHS = 12
MAX_NAMES = 6  # of files in a folder
METRICS = (*(f"{split}/{name}" for split in ("train", "val") for name in SPLIT_METRICS), "lr", "time/epoch")
EXTRA = ("train/loss", "train/accuracy", "train/r2", "lr", "time/epoch")  # left out first, from the end
PLAIN_WIDTH = 160  # where there is no terminal
GAP = 2  # spaces between columns
HEADINGS = {"train": "training\n", "val": "validation\n", "time": "\n", "": "\n"}
Line = tuple[str, str]
Report = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Print the run; returns the exit code."""
    parser = Arguments("show", "One run: origin, configuration, results, files.")
    parser.add_run()
    parser.add_store()
    parser.add_json("print all as JSON, with every epoch, param and tag")
    options = parser.parse_args(arguments)
    run = report(Runs(options.uri, options.experiment).find(options.run), options.run)
    if options.json:
        print(json.dumps(_finite(run), indent=2, allow_nan=False))
        return 0
    console = PipeSafeConsole(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for item in (*origin(run), *results(run), *epochs(run, console.width), *files(run)):
        line = isinstance(item, tuple) and Text.assemble((item[0].ljust(LABEL), "bold"), item[1])
        console.print(line or item)
    return 0


def origin(run: Report) -> Iterator[Line]:
    """Yield identity, command, code, machine and configuration."""
    yield "run", f"{run['name']}, {run['status']}"
    if run["id"]:
        yield "id", f"{run['id']}, experiment {run['experiment']}"
    open_end = {"RUNNING": ", still running", "UNFINISHED": ", its journal has no end"}.get(run["status"], "")
    end = open_end if run["seconds"] is None else f", took {duration(run['seconds'])}"
    yield "started", f"{run['started'][:19].replace('T', ' ')}{end}"
    for label in ("error", "command"):
        if run[label]:
            yield label, run[label]
    git = run["git"]
    changes = ", with uncommitted changes" if git["dirty"] == "true" else ""
    commit = f"commit {git['commit'][:10]} on {git['branch']}{changes}"
    yield "code", "no git checkout" if git["commit"] == "none" else commit
    if run["machine"]:
        yield "machine", ", ".join(_machine(run["machine"]))
    for label in ("choices", "changed"):
        if run[label]:
            yield label, " ".join(f"{key}={value.replace(', ', ',')}" for key, value in run[label].items())
    own = [f"{key}={value}" for key, value in sorted(run["tags"].items()) if not key.startswith(RESERVED)]
    if own:
        yield "tags", one_line(", ".join(own))


def results(run: Report) -> Iterator[Line]:
    """Yield the final metrics; of an ensemble, before them those of its members."""
    for i, member in enumerate(run["members"]):
        scores = [f"test {format_metric(key, member[key])}" for key in member if key.startswith("test_")]
        identity = f"{member['name']} ({short_reference(member['run'])})"
        yield "members" if i == 0 else "", one_line(", ".join([identity, *scores]))
    for label in ("best", "test"):
        metrics = {name.partition("/")[2]: name for name in run["metrics"] if name.startswith(f"{label}/")}
        if metrics:
            texts = {short: format_metric(name, run["metrics"][name]) for short, name in metrics.items()}
            yield label, ", ".join(f"{short} {text}" for short, text in texts.items())
    if worst := run["worst_classes"]:
        rows = (f"{row['class']} {row['recall']:.2%} of {row['support']}" for row in worst["classes"])
        yield "low recall", one_line(f"{', '.join(rows)} ({worst['split']} examples)")


def epochs(run: Report, width: int = PLAIN_WIDTH) -> Iterator[Table | Line]:
    """Yield a table of some epochs, of which the best is marked, and where all of them are.

    Columns for which `width` characters have no room are left out.
    """
    if not run["epochs"]:
        return
    names = [name for name in METRICS if any(name in row for row in run["epochs"])]
    history = [(row["step"], row) for row in run["epochs"] if any(name in row for name in names)]
    selected = select_epochs(history, run["best_step"], MAX_EPOCHS)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    steps = [f"{step}{'*' if step == run['best_step'] else ' '}" for step, _ in selected]
    columns = {"step": [f"\n{run['unit'] + 's':>{LABEL - 2}}", *steps]}
    for name in names:
        split, _, metric = name.rpartition("/")
        cells = (format_metric(name, row[name]) if name in row else "" for _, row in selected)
        columns[name] = [f"{HEADINGS[split]}{metric}", *cells]
    widths = {name: max(map(len, "\n".join(texts).split("\n"))) for name, texts in columns.items()}
    for name in (*reversed(EXTRA), *reversed(names)):
        if sum(widths.values()) + GAP * (len(widths) - 1) > width and name in names and len(names) > 1:
            names.remove(name)
            del columns[name], widths[name]
    for heading, *_ in columns.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for row_cells in list(zip(*columns.values(), strict=True))[1:]:
        table.add_row(*row_cells)
    yield table
    others = len({name for row in run["epochs"] for name in row} - {"step", *names})
    shown = f"{len(selected)} of {plural(len(history), run['unit'])}, {plural(others, 'more metric')}"
    if others or len(history) > len(selected):
        yield "", f"{shown}: {run['commands'][0]}"


def files(run: Report) -> Iterator[Line]:
    """Yield folders, files, and commands that apply to the run."""
    by_folder: dict[str, list[str]] = {}
    for path in run["files"]:
        folder, slash, name = path.rpartition("/")
        by_folder.setdefault(f"{folder}{slash}", []).append(name)
    folders = [folder for folder in (run["folder"], run["outputs"]) if folder]
    names = [f"{folder}  {listed(by_folder[folder], MAX_NAMES)}".strip() for folder in sorted(by_folder)]
    lines = {"folder": folders, "files": names, "next": run["commands"]}
    for label, texts in lines.items():
        yield from ((label if i == 0 else "", text) for i, text in enumerate(texts))


def _machine(machine: Mapping[str, Any]) -> Iterator[str]:
    facts = {"": "cpu", "cores ": "cores", "threads ": "threads", "Python ": "python"}
    yield from (f"{label}{machine[key]}" for label, key in facts.items() if key in machine)
    if version := machine.get("packages", {}).get("numpy"):
        yield f"NumPy {version}"
    yield from (f"{blas.get('internal_api')} {blas.get('version')}" for blas in machine.get("blas", []))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
