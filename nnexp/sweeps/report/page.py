"""The page of a sweep's report: what it holds, and its HTML."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.analysis import Analysis, GroupAnalysis
from nnexp.analysis.results import SettingSummary
from nnexp.config.preset import Preset
from nnexp.messages import duration, listed, plural, quoted_path, short_path
from nnexp.metrics.metric_info import format_metric
from nnexp.redaction import redacted
from nnexp.runs.html.page import Picture, local_time, page_environment, picture
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.report import group_tables as tables
from nnexp.sweeps.report.best_config import reproduction_command
from nnexp.sweeps.report.failures import Failure, failures, without_journal

if TYPE_CHECKING:
    from PIL.Image import Image

    from nnexp.plots.sweep.panel import SweepPlot

SHOWN = 25  # settings, before the others


@dataclass(frozen=True)
class GroupContent:
    """What a group of runs that can be compared has in the report."""

    analysis: GroupAnalysis
    plots: "Sequence[SweepPlot]"
    matrices: "Sequence[Image]"
    preset: Preset | None  # the best configuration
    preset_path: str  # its file, within the folder of the report
    front: Mapping[str, tuple[SettingSummary, Preset]]  # of several objectives the Pareto front, by file


def render(sweep: Sweep, analysis: Analysis, groups: Sequence[GroupContent], folder: Path) -> str:
    """Render the page of a report whose files are in a folder."""
    environment = page_environment("report", package="nnexp.sweeps")
    environment.globals["local_time"] = local_time
    return environment.get_template("page.html").render(
        sweep=sweep,
        command=redacted(sweep.record.get("command") or ""),
        counts=counts(sweep),
        started=min((run.started for run in sweep.runs), default=0),
        groups=[group_context(group) | best_context(group, sweep, folder) for group in groups],
        failures=failure_rows(failures(sweep, analysis)),
        shown=SHOWN,
        now=time.time(),
        version=metadata.version("nnexp"),
    )


def counts(sweep: Sweep) -> str:
    """Count the runs: "27 runs: 21 finished, 6 failed"."""
    states = Counter("pruned" if run.pruned else run.status.lower() for run in sweep.runs)
    states.update(failure.status.lower() for failure in without_journal(sweep))
    seconds = sum(run.seconds or 0.0 for run in sweep.runs)
    trained = f"; {duration(seconds)} of training in all" if seconds else ""
    ended = listed([f"{n} {state}" for state, n in states.items()])
    return f"{plural(states.total(), 'run')}: {ended}{trained}"


def group_context(content: GroupContent) -> dict[str, Any]:
    """Return what the template shows of a group."""
    group = content.analysis
    more = tables.more_metrics(group)
    return {
        "title": group.title,
        "metric": group.metric,
        "rank": "front" if group.objectives else "rank",
        "params": group.keys,
        "labels": group.labels,
        "conclusion": group.conclusion,
        "caveats": group.caveats,
        "repeated": tables.is_repeated(group),
        "more_metrics": more,
        "leaderboard_note": tables.leaderboard_note(group),
        "settings": tables.setting_rows(group, more),
        "comparisons": tables.best_comparisons(group),
        "comparisons_note": tables.comparisons_note(group),
        "plots": [plot_context(plot, group) for plot in content.plots],
        "matrices": [picture(image) for image in content.matrices],
        "runs": tables.run_lines(group, more),
    }


def best_context(content: GroupContent, sweep: Sweep, folder: Path) -> dict[str, Any]:
    """Return the commands that train the best configuration again, and its preset."""
    preset = content.preset
    option = Path(content.preset_path).stem
    is_alone = not sweep.record.get("config_dir")  # Hydra takes only one folder of config groups
    command = f"nnexp --config-dir {quoted_path(folder.absolute())} experiment={option}" if is_alone else ""
    return {
        "best_command": redacted(preset.command if preset else reproduction_command(content.analysis)),
        "best_yaml": redacted(preset.yaml) if preset else "",
        "best_path": content.preset_path,
        "preset_command": command,
        "front": [
            {
                "option": f"experiment={Path(path).stem}",
                "values": [
                    format_metric(name, setting.mean(name) or 0.0) for name in content.analysis.objectives
                ],
                "command": redacted(preset.command),
            }
            for path, (setting, preset) in content.front.items()
        ],
        "objectives": [*content.analysis.objectives],
    }


def failure_rows(failed: Sequence[Failure]) -> list[dict[str, str]]:
    """Return what the template shows of runs without a result."""
    return [
        {
            "name": failure.name,
            "status": failure.status,
            "reason": redacted(failure.reason),
            "folder": str(short_path(failure.folder)) if failure.folder else "",
        }
        for failure in failed
    ]


def plot_context(plot: "SweepPlot", group: GroupAnalysis) -> dict[str, Any]:
    """Return what the template shows of a plot: each panel as a picture of its own."""
    return {
        "title": plot.title,
        "note": plot.note,
        "headline": plot.headline,
        "legend": plot.legend,
        "images": panel_pictures(plot),
        "rows": tables.effect_comparisons(group) if plot.name == "main-effects" else [],
    }


def panel_pictures(plot: "SweepPlot") -> list[Picture]:
    """Draw the panels."""
    from nnexp.plots.sweep.panel import draw_panel

    return [picture(draw_panel(panel)) for panel in plot.panels]
