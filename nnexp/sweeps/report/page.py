"""The page of a sweep's report: what it holds, and its HTML."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from nnexp.analysis.results import Analysis, GroupAnalysis
from nnexp.messages import listed, plural, short_path
from nnexp.redaction import redacted
from nnexp.runs.compare.report import local_time
from nnexp.runs.html.page import Picture, page_environment, picture
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.report import group_tables as tables
from nnexp.sweeps.report.failures import failures

if TYPE_CHECKING:
    from PIL.Image import Image

    from nnexp.plots.sweep.panel import SweepPlot

SHOWN = 25  # settings, before the others
NO_SETTINGS = "all runs"


@dataclass(frozen=True)
class GroupPlots:
    """The plots of a group of runs."""

    plots: "Sequence[SweepPlot]"
    matrices: "Sequence[Image]"


def render(sweep: Sweep, analysis: Analysis, plots: Sequence[GroupPlots]) -> str:
    """Render the page."""
    environment = page_environment("report", package="nnexp.sweeps")
    environment.globals["local_time"] = local_time
    environment.filters["redacted"] = redacted
    groups = zip(analysis.groups, plots, strict=True)
    return environment.get_template("page.html").render(
        sweep=sweep,
        command=redacted(sweep.record.get("command", "")),
        counts=counts(sweep),
        started=min((run.started for run in sweep.runs), default=0),
        groups=[group_context(group, drawn) for group, drawn in groups],
        failures=[
            {
                "name": failure.name,
                "status": failure.status,
                "reason": redacted(failure.reason),
                "folder": short_path(failure.run.folder) if failure.run and failure.run.folder else "",
            }
            for failure in failures(sweep)
        ],
        shown=SHOWN,
        now=time.time(),
        version=metadata.version("nnexp"),
    )


def counts(sweep: Sweep) -> str:
    """Count the runs: "27 runs: 21 finished, 6 failed"."""
    states = Counter(run.status.lower() for run in sweep.runs)
    rest = len(sweep.record.get("jobs", [])) - len(sweep.runs)
    if rest > 0:
        states["not begun"] = rest
    return f"{plural(len(sweep.runs), 'run')}: {listed([f'{n} {state}' for state, n in states.items()])}"


def group_context(group: GroupAnalysis, drawn: GroupPlots) -> dict[str, Any]:
    """Return what the template shows of a group."""
    return {
        "title": group.title,
        "metric": group.metric,
        "params": group.keys,
        "labels": group.labels,
        "conclusion": group.conclusion,
        "caveats": group.caveats,
        "best_command": "",
        "repeated": tables.is_repeated(group),
        "more_metrics": tables.more_metrics(group),
        "leaderboard_note": tables.leaderboard_note(group),
        "settings": tables.setting_rows(group),
        "comparisons": tables.best_comparisons(group),
        "comparisons_note": tables.comparisons_note(group),
        "plots": [plot_context(plot, group) for plot in drawn.plots],
        "matrices": [picture(image) for image in drawn.matrices],
        "runs": tables.run_lines(group),
    }


def plot_context(plot: "SweepPlot", group: GroupAnalysis) -> dict[str, Any]:
    """Return what the template shows of a plot: each panel as a picture of its own."""
    return {
        "title": plot.title,
        "note": plot.note,
        "legend": plot.legend,
        "images": panel_pictures(plot),
        "rows": tables.effect_comparisons(group) if plot.name == "main-effects" else [],
    }


def panel_pictures(plot: "SweepPlot") -> list[Picture]:
    """Draw the panels."""
    from nnexp.plots.sweep.panel import draw_panel

    return [picture(draw_panel(panel)) for panel in plot.panels]
