"""`nnexp delete`: delete runs and sweeps, from the store and their folders."""

import sys
from argparse import RawDescriptionHelpFormatter

from rich.progress import track

from nnexp.cli import run_table
from nnexp.cli.arguments import RUN, Arguments
from nnexp.cli.console import PipeSafeConsole, can_redraw
from nnexp.cli.errors import FAILURE
from nnexp.errors import UserError
from nnexp.messages import listed, plural
from nnexp.redaction import redacted
from nnexp.runs.housekeeping.deletion import Deletion
from nnexp.runs.housekeeping.records import find_records
from nnexp.runs.query import Runs

MAX_ROWS = 20
EXAMPLES = """\
examples:
  nnexp delete 3f2a91c0                                        one run
  nnexp delete --sweep last                                    the newest sweep, with its runs
  nnexp delete --filter 'attributes.status = "FAILED"'         all that failed
"""


def main(arguments: list[str]) -> int:
    """Show what goes, ask, and delete it; returns the exit code."""
    text = "Delete runs and sweeps: from the store, with artifacts and models, and from outputs/."
    parser = Arguments("delete", text, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "runs", nargs="*", metavar="RUN|SWEEP", help=f"{RUN}; or a sweep: its folder, id or name"
    )
    sweep_help = "a sweep: its folder, id or name, or last"
    parser.add_argument("--sweep", action="append", default=[], metavar="SWEEP", help=sweep_help)
    parser.add_argument(
        "--filter", default="", metavar="EXPR", help="all matching runs, see nnexp runs --help"
    )
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
    parser.add_argument("--registered", action="store_true", help="also versions of registered models")
    parser.add_store()
    options = parser.parse_intermixed_args(arguments)
    if not (options.runs or options.sweep or options.filter):
        parser.error("nothing to delete: expected a run, a sweep or --filter")
    runs = Runs(options.uri, options.experiment)
    deletion = Deletion(find_records(options.runs, options.sweep, options.filter, runs), runs)
    deletion.check()
    versions = deletion.versions()
    if versions and not options.registered:
        names = listed([str(version) for version in versions])
        raise UserError(
            f"{names} would lose its files; nothing was deleted; to delete it too, add --registered"
        )
    show(deletion, [str(version) for version in versions])
    if not options.yes and not is_confirmed():
        print("nothing was deleted")
        return FAILURE
    deletion.delete_versions(versions)
    console = PipeSafeConsole()
    total = len(deletion.records)
    for _ in track(
        deletion.run(), "deleting", total, console=console, disable=not can_redraw(console), transient=True
    ):
        pass
    print(f"deleted {', '.join(counts(deletion))}")
    for uri in sorted(deletion.restorable):
        print(f"they can be restored at {redacted(uri)} until `mlflow gc` is run there")
    return 0


def show(deletion: Deletion, versions: list[str]) -> None:
    """Print the runs, and what goes with them."""
    runs = [record.run for record in deletion.selection.records]
    if runs:
        run_table.print_table(runs[:MAX_ROWS], [])
    if len(runs) > MAX_ROWS:
        print(f"and {plural(len(runs) - MAX_ROWS, 'more run')}")
    folders = f"{plural(len(deletion.folders), 'folder')} of {deletion.size() / 1e6:,.1f} MB"
    print(", ".join([*counts(deletion), folders, *versions]))
    others = sorted({store for record in deletion.records for store in record.others})
    if others:
        print(f"they stay at {', '.join(others)}: delete them there with --uri")


def counts(deletion: Deletion) -> list[str]:
    """Count the runs, and the sweeps if there are some."""
    sweeps = len(deletion.selection.folders) or len(deletion.selection.parents)
    return [plural(len(deletion.selection.records), "run"), *([plural(sweeps, "sweep")] if sweeps else [])]


def is_confirmed() -> bool:
    """Ask whether to go on; UserError: there is no terminal to ask at."""
    if not sys.stdin.isatty():
        raise UserError("no terminal to ask at; nothing was deleted; to delete without a question, add --yes")
    try:
        return input("delete them for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
