"""`nnexp report`: the report of a sweep, or of any runs: page, plots, leaderboard, best configuration."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nnexp.cli.arguments import Arguments
from nnexp.cli.sweep_leaderboard import print_leaderboard
from nnexp.errors import UserError
from nnexp.messages import did_you_mean, listed, short_path
from nnexp.redaction import redacted
from nnexp.runs.query import RunError, Runs
from nnexp.runs.sweeps import Sweep, find_sweep, sweep_of_filter

SWEEP = (
    "last (the default), a sweep's folder, its id or the beginning of it, its name, or its parent run's id"
)
FILTER = "instead of a sweep, all runs that match, in MLflow's language: see nnexp runs --help"
METRIC = "compare by this metric, e.g. test/accuracy (default: what the sweep optimized)"
OUT = "folder of the files (default: that of the sweep; of other runs report/)"
ELSEWHERE = Path("report")


def main(arguments: list[str]) -> int:
    """Write the report and print the paths of its files; return the exit code."""
    parser = Arguments("report", "Write the report of a sweep again, or that of any runs.")
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help=SWEEP)
    parser.add_argument("--filter", metavar="EXPR", help=FILTER)
    parser.add_argument("--metric", metavar="METRIC", help=METRIC)
    parser.add_argument("--out", type=Path, metavar="DIR", help=OUT)
    parser.add_store()
    options = parser.parse_intermixed_args(arguments)
    if options.sweep and options.filter is not None:
        parser.error("expected either a sweep or --filter, got both")
    runs = Runs(options.uri, options.experiment)
    if options.filter is not None:
        sweep = sweep_of_filter(options.filter, runs)
    else:
        sweep = find_sweep(options.sweep or "last", runs)
    if options.metric is not None:
        check_metric(sweep, options.metric)
        sweep = replace(sweep, record=sweep.record | {"metric": options.metric, "objectives": []})
    from nnexp.sweeps.report.sweep_report import write_report

    folder = options.out or sweep.folder or ELSEWHERE
    try:
        report = write_report(sweep, folder)
    except OSError as error:
        path = error.filename or folder
        raise UserError(f"{path}: {error.strerror}; fix: another folder, --out DIR") from error
    print_leaderboard(report.analysis)
    print()
    print("\n".join(str(short_path((folder / path).absolute())) for path in report.paths))
    if folder == sweep.folder and sweep.parent is not None and sweep.parent.id:
        add_to_parent(folder, report.paths)
    return 0


def add_to_parent(folder: Path, paths: Sequence[str]) -> None:
    """Upload the files of the report to the sweep's parent run, if its store can be reached."""
    from nnexp.tracking.upload.sync import upload_artifacts

    uploaded = upload_artifacts(folder, paths)
    if problem := uploaded.error or uploaded.note:
        print(
            f"nnexp: the parent run in MLflow keeps its earlier report: {redacted(problem)}", file=sys.stderr
        )


def check_metric(sweep: Sweep, metric: str) -> None:
    """Raise an error if no run has the metric."""
    names = {name for run in sweep.runs for name in run.metrics}
    if metric not in names:
        advice = did_you_mean(metric, names)
        some = listed(sorted(name for name in names if name.startswith(("best/", "test/"))))
        raise RunError(f"--metric {metric}: no run has it; {advice}there are {some or 'none'}")
