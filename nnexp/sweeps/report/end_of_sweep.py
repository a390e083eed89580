"""The report of a sweep that is over: a failure of it must not fail the sweep."""

from collections.abc import Sequence
from pathlib import Path

from nnexp.messages import first_line, quoted_path
from nnexp.runs.sweeps import read_sweep
from nnexp.sweeps.report.sweep_report import Report, write_report

MIN_RUNS = 2  # with metrics


def report_sweep(folder: Path, plugins: Sequence[str] = ()) -> tuple[Report | None, str]:
    """Write the report into a sweep's folder.

    Args:
        folder: of the sweep.
        plugins: packages that its runs were allowed to import.

    Returns:
        The report, or None where fewer than two runs have metrics, or it failed; and why it failed, with the
        command that makes it.
    """
    try:
        sweep = read_sweep(folder)
        if sum(bool(run.metrics) for run in sweep.runs) < MIN_RUNS:
            return None, ""
        return write_report(sweep, folder, plugins), ""
    except Exception as error:  # noqa: BLE001, a full disk, a library's bug: the runs are recorded
        problem = f"the report has failed: {type(error).__name__}: {first_line(error)}"
        return None, f"{problem}; fix: nnexp report {quoted_path(folder)}"
