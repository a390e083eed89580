"""The files of a sweep's report: page, images, tables, best configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.analysis import Analysis, analyze
from nnexp.analysis.text.csv_tables import runs_csv, settings_csv
from nnexp.atomic_write import write_atomically
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.report.best_config import best_preset, front_presets
from nnexp.sweeps.report.group_plots import best_matrices, group_plots
from nnexp.sweeps.report.page import GroupContent, render
from nnexp.sweeps.report.study_plots import read_study, study_plots
from nnexp.sweeps.report.sweep_table import sweep_table

if TYPE_CHECKING:
    from nnexp.plots.sweep.panel import SweepPlot

PAGE, LEADERBOARD, RUNS = "report.html", "leaderboard.csv", "runs.csv"
BEST = "experiment/best{}.yaml"  # a config group: --config-dir FOLDER experiment=best
FRONT = "experiment/pareto{}{}.yaml"  # of several objectives: each of the Pareto front
CURVES = "sweep.png"  # of the largest group
PLOTS = "plots"
FRONT_PLOT = "search-pareto"


@dataclass(frozen=True)
class Report:
    """The statistics of a sweep, and the paths of the files of its report in their folder, the page first."""

    analysis: Analysis
    paths: list[str]


def write_report(sweep: Sweep, folder: Path, plugins: Sequence[str] = ()) -> Report:
    """Write the report of a sweep.

    Args:
        sweep: its runs may be of any state.
        folder: that the files are written into; those of an earlier report are replaced.
        plugins: packages that may be imported, to compose the best configuration.

    Raises:
        OSError: a file cannot be written.
    """
    table = sweep_table(sweep)
    analysis = analyze(table)
    run_of = {row.id: run for row, run in zip(table.rows, sweep.runs, strict=True)}
    study = read_study(sweep, table.rows) if analysis.groups else None
    question = str(sweep.record.get("question") or "")
    of_search = study_plots(study) if study is not None else []
    groups = [
        GroupContent(
            analysis=group,
            plots=all_plots(of_search if number == 0 else (), group_plots(group, run_of, question)),
            matrices=best_matrices(group, run_of),
            preset=best_preset(group, run_of, sweep, plugins),
            preset_path=BEST.format(_suffix(number)),
            front={
                FRONT.format(place, _suffix(number)): pair
                for place, pair in enumerate(front_presets(group, run_of, sweep, plugins), 1)
            },
        )
        for number, group in enumerate(analysis.groups)
    ]
    presets = {group.preset_path: group.preset.yaml for group in groups if group.preset is not None}
    presets |= {path: preset.yaml for group in groups for path, (_, preset) in group.front.items()}
    texts = {
        PAGE: render(sweep, analysis, groups, folder),
        LEADERBOARD: settings_csv(analysis),
        RUNS: runs_csv(analysis),
        **presets,
    }
    for path, text in texts.items():
        write_atomically(
            folder / path, text.encode("utf-8", "backslashreplace")
        )  # JSON may hold lone surrogates
    return Report(analysis, [*texts, *_write_images(groups, folder)])


def all_plots(of_search: "Sequence[SweepPlot]", of_group: "Sequence[SweepPlot]") -> "list[SweepPlot]":
    """Return the plots of a search, then those of its runs; of both the Pareto front once."""
    has_front = any(plot.name == FRONT_PLOT for plot in of_search)
    return [*of_search, *(plot for plot in of_group if not (has_front and plot.name == "pareto"))]


def _write_images(groups: Sequence[GroupContent], folder: Path) -> list[str]:
    from nnexp.plots.style import draw_side_by_side, save
    from nnexp.plots.sweep.panel import draw_plot

    paths = []
    for number, group in enumerate(groups):
        suffix = _suffix(number)
        for plot in group.plots:
            is_first = plot.name == "curves" and number == 0
            paths.append(CURVES if is_first else f"{PLOTS}/{plot.name}{suffix}.png")
            save(draw_plot(plot), folder / paths[-1])
        if group.matrices:
            paths.append(f"{PLOTS}/confusion{suffix}.png")
            save(draw_side_by_side(group.matrices), folder / paths[-1])
    return paths


def _suffix(number: int) -> str:
    """Return what is added to the names of the files of a group: nothing to those of the first."""
    return f"-{number + 1}" if number else ""
