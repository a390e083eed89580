"""`nnexp reproduce RUN`: train a recorded run again, and compare both bit by bit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from nnexp.cli.arguments import Arguments
from nnexp.cli.console import PipeSafeConsole
from nnexp.cli.display import TerminalDisplay
from nnexp.cli.errors import FAILURE
from nnexp.config import build
from nnexp.config.naming import changes_learning
from nnexp.config.recorded import load_recorded
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.experiment.run import new_folder, run
from nnexp.kernels.choice import usable_path
from nnexp.messages import plural
from nnexp.run_folder import CONFIG, ENVIRONMENT, SESSIONS
from nnexp.runs.ensembles import check_no_ensemble
from nnexp.runs.environment import match_code, match_data, match_machine
from nnexp.runs.query import RunError, Runs
from nnexp.runs.reproduction import Comparison, Difference, Trace, compare
from nnexp.runs.run import Run, in_folder
from nnexp.training.best_weights import BestWeights
from nnexp.training.record import Record
from nnexp.training.threads.limits import thread_limit


class RecordEnded(KeyboardInterrupt):
    """The repetition has reached the last recorded step of an unfinished run."""


class DisplayUpTo(TerminalDisplay):
    """A display that ends the run after the last recorded step."""

    def __init__(self, console: PipeSafeConsole, last: int) -> None:
        super().__init__(console)
        self.last = last

    def epoch(self, record: Record, best: BestWeights) -> None:
        super().epoch(record, best)
        if record.at >= self.last:
            raise RecordEnded


@dataclass
class PruneAfter:
    """Prunes a run after so many evaluations."""

    evaluations: int

    def __call__(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        self.evaluations -= 1
        return self.evaluations == 0


@dataclass(frozen=True)
class Reproduction:
    """A recorded run, the folder of its repetition, the comparison, and reasons of a difference."""

    run: Run
    folder: Path
    comparison: Comparison
    reasons: list[str]


def main(arguments: list[str]) -> int:
    """Train again, compare, print the result; returns the exit code: 1 where they differ."""
    description = "Train a recorded run again, and compare metrics and weights bit by bit."
    exit_codes = "Exit code 0: identical, or the same to 1e-6; 1: different; 2: an error."
    parser = Arguments("reproduce", description, epilog=exit_codes)
    parser.add_run()
    change = "change the recorded configuration: trainer.threads=1"
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=change)
    parser.add_argument("--anyway", action="store_true", help="go on if the data are not the recorded ones")
    parser.add_store()
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")
    parser.add_json("print the comparison as JSON; progress goes to stderr")
    options = parser.parse_intermixed_args(arguments)
    console = PipeSafeConsole(stderr=options.json)
    recorded = Runs(options.uri, options.experiment).find(options.run)
    reproduction = reproduce(recorded, options.overrides, console, options.anyway, options.config_dir)
    if options.json:
        print(json.dumps(to_json(reproduction), indent=2, allow_nan=False))
    else:
        TerminalDisplay(console).lines(conclusion(reproduction))
    return FAILURE if reproduction.comparison.outcome == "different" else 0


def reproduce(
    recorded: Run, overrides: Sequence[str], console: PipeSafeConsole, anyway: bool, config_dir: str | None
) -> Reproduction:
    """Repeat a run in a new folder, without tracking, and compare; with other data only `anyway`."""
    display = TerminalDisplay(console)
    check_no_ensemble(recorded.description, None, "to repeat")
    history = recorded.history()
    if not history:
        raise RunError(f"run {recorded.name} ({recorded.status}) has no epoch to compare")
    last = history[-1][0]
    finished = recorded.status == "FINISHED"
    environment = recorded.json(ENVIRONMENT)
    project = Path(environment["folder"]) if "folder" in environment else None
    values, notes = load_recorded(recorded.file(CONFIG), overrides, config_dir, project)
    recorded_threads = environment.get("threads", thread_limit(None))
    is_given = any("trainer.threads=" in text for text in overrides)
    if not is_given and recorded_threads != thread_limit(values["trainer"]["threads"]):
        values["trainer"]["threads"] = recorded_threads
    if not any("trainer.kernels=" in text for text in overrides):
        values["trainer"]["kernels"] = usable_path(environment.get("kernels", "numpy"))
    settings = build(values)
    identity = ", ".join(filter(None, [recorded.name, recorded.id and f"id {recorded.id}", recorded.status]))
    display.lines([("run", identity), *notes])
    reasons = [text for label, text in notes if label == "changed"]
    if not finished:
        display.lines([("note", f"unfinished run: repeated and compared up to {recorded.unit} {last}")])
    if changes := changes_in_between(recorded):
        reasons.append(f"the run was resumed with other settings, which apply from the start here: {changes}")
        display.lines([("note", reasons[-1])])
    if budget := settings.trainer.time_budget:
        reasons.append(f"trainer.time_budget={budget:g} ends training by the clock: never exactly the same")
        display.lines([("note", reasons[-1])])
    dataset = settings.data.load()
    machine = match_machine(environment, settings.trainer.threads, settings.trainer.kernels)
    for match in (match_data(recorded, dataset, anyway), match_code(recorded), machine):
        display.lines([(match.label, match.text)])
        reasons += [] if match.same else [match.text]

    folder = new_folder(Path.cwd())
    with suppress(RecordEnded, DivergedError):  # the record ends there too, or the comparison shows it
        run_display = display if finished else DisplayUpTo(console, last)
        prune = PruneAfter(len(history)) if recorded.pruned else None
        run(settings, folder, run_display, Path.cwd(), dataset=dataset, should_prune=prune)
    comparison = compare(Trace.of(recorded, finished), Trace.of(in_folder(folder), finished))
    return Reproduction(recorded, folder, comparison, reasons)


def changes_in_between(run: Run) -> str:
    """Describe the settings that were changed when a run was resumed, and that changed what is learnt."""
    texts = []
    for session in run.json(SESSIONS).get("sessions", []):
        keys = [key for key in session["changed"] if changes_learning(key)]
        changed = [f"{key}={session['changed'][key]} (before: {session['recorded'][key]})" for key in keys]
        texts += [f"{', '.join(changed)} at step {session['step']:,}"] if changed else []
    return "; ".join(texts)


def conclusion(reproduction: Reproduction) -> Iterator[tuple[str, str]]:
    """Yield the result and the possible reasons of a difference, as (label, text)."""
    comparison = reproduction.comparison
    unit = reproduction.run.unit
    nouns = {"evaluations": unit, "metrics": "metric", "results": "result", "arrays": "array"}
    compared = ", ".join(plural(n, nouns[name]) for name, n in comparison.compared.items() if n)
    first, largest = comparison.first, comparison.largest
    if first is None or largest is None:
        yield "result", f"identical: {compared}, every bit the same"
        return
    since = f"from {unit} {first.step} on" if first.step is not None else f"in no {unit}, only at the end"
    differences = f"{plural(len(comparison.differences), 'difference')} in {compared}"
    yield "result", f"{comparison.outcome}: {differences}, {since}"
    yield "first", _describe(first, unit)
    if largest != first:
        yield "largest", _describe(largest, unit)
    yield from (("reasons" if not i else "", reason) for i, reason in enumerate(reproduction.reasons))


def to_json(reproduction: Reproduction) -> dict[str, Any]:
    """Return the result for programs."""
    comparison, recorded = reproduction.comparison, reproduction.run
    return {
        "run": {"id": recorded.id, "name": recorded.name, "status": recorded.status},
        "outcome": comparison.outcome,
        "compared": comparison.compared,
        "differences": len(comparison.differences),
        "first": _to_json(comparison.first),
        "largest": _to_json(comparison.largest),
        "reasons": reproduction.reasons,
        "unit": recorded.unit,
        "folder": str(reproduction.folder),
    }


def _to_json(difference: Difference | None) -> dict[str, Any] | None:
    values = {} if difference is None else asdict(difference)
    finite = {k: str(v) if isinstance(v, float) and not isfinite(v) else v for k, v in values.items()}
    return finite or None


def _describe(difference: Difference, unit: str) -> str:
    where = f" in {unit} {difference.step}" if difference.step is not None else ""
    size = f", a relative difference of {difference.size:.2g}" if isfinite(difference.size) else ""
    return f"{difference.name}{where}: {difference.recorded} recorded, {difference.repeated} here{size}"
