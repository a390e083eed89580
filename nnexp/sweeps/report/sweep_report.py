"""The files of a sweep's report: page, images, leaderboard, best configuration."""

from pathlib import Path

from nnexp.analysis.analysis import analyze
from nnexp.analysis.results import Analysis
from nnexp.atomic_write import write_atomically
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.report.group_plots import best_matrices, group_plots
from nnexp.sweeps.report.page import GroupPlots, render
from nnexp.sweeps.report.sweep_table import sweep_table

PAGE = "report.html"
CURVES = "sweep.png"  # of the largest group
PLOTS = "plots"


def write_report(sweep: Sweep, folder: Path) -> tuple[Analysis, list[str]]:
    """Write the report of a sweep; return its statistics, and the paths of the files in the folder.

    Raises:
        OSError: a file cannot be written.
    """
    table = sweep_table(sweep)
    analysis = analyze(table)
    run_of = {row.id: run for row, run in zip(table.rows, sweep.runs, strict=True)}
    drawn = [
        GroupPlots(group_plots(group, run_of), best_matrices(group, run_of)) for group in analysis.groups
    ]
    page = render(sweep, analysis, drawn)
    write_atomically(folder / PAGE, page.encode("utf-8", "backslashreplace"))  # JSON may hold lone surrogates
    return analysis, [PAGE, *_write_images(drawn, folder)]


def _write_images(drawn: list[GroupPlots], folder: Path) -> list[str]:
    from nnexp.plots.style import draw_side_by_side, save
    from nnexp.plots.sweep.panel import draw_plot

    paths = []
    for number, group in enumerate(drawn, 1):
        suffix = "" if number == 1 else f"-{number}"
        for plot in group.plots:
            is_first = plot.name == "curves" and number == 1
            paths.append(CURVES if is_first else f"{PLOTS}/{plot.name}{suffix}.png")
            save(draw_plot(plot), folder / paths[-1])
        if group.matrices:
            paths.append(f"{PLOTS}/confusion{suffix}.png")
            save(draw_side_by_side(group.matrices), folder / paths[-1])
    return paths
