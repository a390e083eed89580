"""The arguments of `nnexp ensemble`, and what it prints for programs."""

import json
import sys

from nnexp.cli.arguments import RUN, SWEEP, Arguments
from nnexp.cli.commands.ensemble.terminal import TerminalEnsembleDisplay
from nnexp.cli.console import RunConsole
from nnexp.errors import Interrupted
from nnexp.experiment.ensembles.ensemble_run import run_ensemble
from nnexp.experiment.ensembles.members import read_members
from nnexp.experiment.ensembles.selection import select_runs
from nnexp.experiment.ensembles.settings import ensemble_settings, is_override
from nnexp.runs.query import Runs

DESCRIPTION = """Average the predictions of finished runs on the test examples, and record that as a run:
probabilities of classes or labels, or numbers of a regression in their own units, with equal weights."""
EPILOG = """The runs must be of one task, data set and test split; networks, seeds and scaling may differ.
It is tracked as the first run is; tracking=none, tracking.experiment=NAME, plugins=[...] and data.path=FILE
are accepted as for a run."""


def main(arguments: list[str]) -> int:
    """Average, record, and print the scores; returns the exit code."""
    parser = Arguments("ensemble", DESCRIPTION, epilog=EPILOG)
    runs_help = f"{RUN}; or a sweep, with all its finished runs: {SWEEP}"
    parser.add_argument("runs", nargs="*", metavar="RUN", help=runs_help)
    parser.add_argument("--name", metavar="NAME", help="of the new run (default: data set and number)")
    parser.add_store()
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")
    parser.add_json("print the result as JSON; progress goes to stderr")
    options = parser.parse_intermixed_args(arguments)
    texts = [text for text in options.runs if not is_override(text)]
    overrides = [text for text in options.runs if is_override(text)]
    display = TerminalEnsembleDisplay(RunConsole(stderr=options.json))
    selection = select_runs(texts, Runs(options.uri, options.experiment))
    members = read_members(selection.runs)
    for note in selection.notes:
        display.message("note", note)
    names = {"name": options.name, "uri": options.uri, "config_dir": options.config_dir}
    settings = ensemble_settings(members, overrides, **names)
    try:
        result = run_ensemble(members, settings, display=display)
    except Interrupted:
        if not display.is_recorded:
            print("nnexp: interrupted; no ensemble was recorded", file=sys.stderr)
        raise
    if options.json:
        print(json.dumps(result.to_json(), indent=1, ensure_ascii=False))
    return 0
