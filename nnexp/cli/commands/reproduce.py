"""`nnexp reproduce RUN`: train a recorded run again from what it recorded, and compare both bit by bit."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from rich.console import Console

from nnexp.cli.arguments import Arguments
from nnexp.cli.display import PipeSafeConsole, TerminalDisplay
from nnexp.cli.environment_match import remembered, same_code, same_data, same_machine
from nnexp.config import ConfigError, build
from nnexp.config.recorded import Told, Values, prepared
from nnexp.data.errors import DataError
from nnexp.experiment.run import DivergedError, new_folder, run
from nnexp.runs.query import RunError, Runs
from nnexp.runs.reproduction import Comparison, Difference, Trace, compare
from nnexp.runs.run import Run, in_folder
from nnexp.tracking.mlflow.store import StoreError
from nnexp.training.best_weights import BestWeights
from nnexp.training.trainer import Record

USER_ERROR, FAILURE = 2, 1
CONFIG = "config.yaml"
BEST, FINAL = "weights/best.npz", "weights/final.npz"


class Enough(KeyboardInterrupt):
    """All that was recorded of an unfinished run has been done again."""


class UpTo(TerminalDisplay):
    """Shows a run, and ends it after the last step that there is a record of."""

    def __init__(self, console: Console, last: int) -> None:
        super().__init__(console)
        self.last = last

    def epoch(self, record: Record, best: BestWeights) -> None:
        super().epoch(record, best)
        if record.at >= self.last:
            raise Enough


@dataclass
class Reproduction:
    """A run that was done again.

    Attributes:
        run: the recorded one.
        folder: of the new one.
        values: its configuration.
        comparison: of both.
        reasons: what may explain a difference.
    """

    run: Run
    folder: Path
    values: Values
    comparison: Comparison
    reasons: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Train again, compare and say so; returns the exit code: 0 for the same, 1 for something else."""
    parser = Arguments(
        "reproduce",
        "Train a run again from what it recorded, and compare metrics and weights bit by bit.",
        epilog="Exit code 0: identical, or the same to 1e-6; 1: different; 2: a mistake.",
    )
    parser.add_run()
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="what to do otherwise than recorded: trainer.threads=1",
    )
    parser.add_argument(
        "--anyway", action="store_true", help="go on if the data are not those that were recorded"
    )
    parser.add_store()
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")
    parser.add_json("print the comparison as JSON; what happens meanwhile goes to stderr")
    options = parser.parse_intermixed_args(arguments)
    console = Console(stderr=True, highlight=False, soft_wrap=True) if options.json else PipeSafeConsole()
    try:
        recorded = Runs(options.uri, options.experiment).find(options.run)
        done = reproduce(recorded, options.overrides, console, options.anyway, options.config_dir)
    except (ConfigError, DataError, StoreError, OSError) as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    except MemoryError as error:
        print(f"nnexp: out of memory: {error}; this machine is too small for that run", file=sys.stderr)
        return USER_ERROR
    if options.json:
        print(json.dumps(report(done), indent=2, allow_nan=False))
    else:
        TerminalDisplay(console).lines(conclusion(done))
    return FAILURE if done.comparison.verdict == "different" else 0


def reproduce(
    recorded: Run,
    overrides: Sequence[str],
    console: Console,
    anyway: bool = False,
    config_dir: str | None = None,
) -> Reproduction:
    """Do a run again, in a new folder and without tracking, and compare.

    Args:
        recorded: the run.
        overrides: what to do otherwise.
        console: where to tell it.
        anyway: go on with other data.
        config_dir: a folder of a person's own config groups.

    Raises:
        ConfigError, DataError: as of a run; or the data are others.
        RunError: the record lacks what is needed.
    """
    display = TerminalDisplay(console)
    history = recorded.history()
    if not history:
        raise RunError(f"run {recorded.name} ({recorded.status}) has no epoch that could be compared")
    values, notes = prepared(recorded.file(CONFIG), overrides, config_dir)
    there = remembered(recorded)
    if "threads" in there and not any(text.lstrip("+").startswith("trainer.threads=") for text in overrides):
        values["trainer"]["threads"] = there["threads"]
    settings = build(values)
    last, finished = history[-1][0], recorded.status == "FINISHED"
    unit = "epoch" if settings.trainer.evaluate_every is None else "step"
    display.lines(
        [("run", f"{recorded.name}, {f'id {recorded.id}, ' if recorded.id else ''}{recorded.status}"), *notes]
    )
    reasons = [text for label, text in notes if label == "changed"]
    if not finished:
        display.lines(
            [("note", f"the run did not finish: it is done again and compared up to {unit} {last}")]
        )
    if settings.trainer.time_budget:
        reasons.append(
            f"trainer.time_budget={settings.trainer.time_budget:g} ends training by the clock: no two such runs are equal to the bit"
        )
        display.lines([("note", reasons[-1])])
    for label, text, same in (
        same_data(recorded, values, anyway),
        same_code(recorded),
        same_machine(there, values["trainer"].get("threads")),
    ):
        display.lines([(label, text)])
        reasons += [] if same else [text]

    folder = new_folder(Path.cwd())
    with suppress(
        Enough, DivergedError
    ):  # as far as the record goes, or as it went when it was recorded: the comparison tells
        run(values, folder, display if finished else UpTo(console, last), Path.cwd())
    comparison = compare(trace(recorded, finished), trace(in_folder(folder), finished))
    return Reproduction(recorded, folder, values, comparison, reasons)


def trace(of: Run, finished: bool) -> Trace:
    """What can be compared of a run; of an unfinished one, only what does not depend on where it ended."""
    once = ("best/", "test/") if finished else ("best/",)
    results = {name: value for name, value in of.metrics.items() if name.startswith(once)}
    files = (BEST, FINAL) if finished else (BEST,)
    return Trace(
        dict(of.history()), results, {name: array for file in files for name, array in arrays(of, file)}
    )


def arrays(of: Run, file: str) -> Iterator[tuple[str, Any]]:
    """The arrays of a file of weights, by file and name; none where the run has no such file."""
    try:
        path = of.file(file)
    except RunError:
        return
    try:
        with np.load(path, allow_pickle=False) as saved:
            yield from [(f"{file} {name}", saved[name]) for name in saved.files]
    except (ValueError, EOFError, BadZipFile) as error:
        raise RunError(f"{path}: cannot be read as weights: {error}") from error


def conclusion(done: Reproduction) -> Iterator[Told]:
    """The verdict, and what there is to say about a difference."""
    found, unit = done.comparison, _unit(done)
    counts = (
        (found.evaluations, unit),
        (found.metrics, "metric"),
        (found.results, "result"),
        (found.arrays, "array"),
    )
    compared = ", ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in counts if count)
    if found.largest is None:
        yield "verdict", f"identical: {compared}, every bit the same"
    elif found.telling is not None:
        yield (
            "verdict",
            f"different: {_told(found.telling, unit)}; {found.count} difference{'s' * (found.count != 1)} in {compared}",
        )
    else:
        yield (
            "verdict",
            f"same to 1e-6: {_told(found.largest, unit)}; that is the largest of {found.count} differences in {compared}",
        )
    if found.largest is not None:
        first = found.first
        if first is None or first != found.telling:
            yield (
                "first",
                _told(first, unit)
                if first is not None
                else f"no {unit} differs, only what came out at the end",
            )
        if found.telling is not None and found.largest not in (found.telling, first):
            yield "largest", _told(found.largest, unit)
        yield from (("reasons" if not i else "", reason) for i, reason in enumerate(done.reasons))


def _told(difference: Difference, unit: str) -> str:
    place = f" in {unit} {difference.step}" if difference.step is not None else ""
    much = f", a relative difference of {difference.size:.2g}" if isfinite(difference.size) else ""
    return f"{difference.name}{place}: {difference.recorded} recorded, {difference.found} here{much}"


def report(done: Reproduction) -> dict[str, Any]:
    """The same for programs."""

    def told(difference: Difference | None) -> dict[str, Any] | None:
        if difference is None:
            return None
        return {
            key: str(value) if isinstance(value, float) and not isfinite(value) else value
            for key, value in asdict(difference).items()
        }

    found = done.comparison
    counts = {key: getattr(found, key) for key in ("evaluations", "metrics", "results", "arrays")}
    return {
        "run": {"id": done.run.id, "name": done.run.name, "status": done.run.status},
        "verdict": found.verdict,
        "compared": counts,
        "differences": found.count,
        "first": told(found.first),
        "largest": told(found.largest),
        "telling": told(found.telling),
        "reasons": done.reasons,
        "unit": _unit(done),
        "folder": str(done.folder),
    }


def _unit(done: Reproduction) -> str:
    return "step" if done.values["trainer"].get("evaluate_every") else "epoch"
