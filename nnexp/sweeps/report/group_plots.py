"""The plots of runs that can be compared: curves, ranking, effects, importance, cost, confusion matrices."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nnexp.analysis.results import GroupAnalysis, SettingSummary
from nnexp.analysis.run_table import RunRow
from nnexp.analysis.text.wording import format_estimate
from nnexp.messages import plural
from nnexp.metrics.metric_info import metric_info
from nnexp.plots.style import COLORS
from nnexp.run_folder import SPLITS
from nnexp.runs.backends import RunError
from nnexp.runs.run import Run
from nnexp.task import Task
from nnexp.tasks import Classification, task_of_metrics

if TYPE_CHECKING:
    from PIL.Image import Image

    from nnexp.plots.sweep.curves import CurveMetric, SettingCurves
    from nnexp.plots.sweep.panel import SweepPlot

MAX_MATRICES = 3
RunOf = Mapping[str, Run]
"""The run of each row of the table, by the row's id."""


def group_plots(group: GroupAnalysis, run_of: RunOf, question: str = "") -> "list[SweepPlot]":
    """Lay out all plots that there are results for, the learning curves first.

    Args:
        group: of runs that can be compared.
        run_of: the run of each of its rows.
        question: that its sweep is to answer.
    """
    from nnexp.plots.sweep.curves import curves_plot
    from nnexp.plots.sweep.importance import importance_plot
    from nnexp.plots.sweep.interaction import interaction_plot
    from nnexp.plots.sweep.layers import layers_plot
    from nnexp.plots.sweep.main_effects import main_effects_plot
    from nnexp.plots.sweep.parallel import parallel_plot
    from nnexp.plots.sweep.pareto import pareto_plot
    from nnexp.plots.sweep.profile import profile_plot
    from nnexp.plots.sweep.ranking import ranking_plot

    layouts = (ranking_plot, main_effects_plot, interaction_plot, importance_plot, parallel_plot, pareto_plot)
    settings = setting_curves(group, run_of)
    curves = curves_plot(settings, curve_metrics(group))
    profile = profile_plot(group, question)
    plots = (curves, profile, *(layout(group) for layout in layouts), layers_plot(settings))
    return [plot for plot in plots if plot is not None]


def setting_curves(group: GroupAnalysis, run_of: RunOf) -> "list[SettingCurves]":
    """Read the learning curves of the best settings; of runs without a result only where none has one."""
    from nnexp.plots.sweep.curves import SettingCurves

    curves = []
    for setting in group.settings[: len(COLORS)]:
        finished = [row for row in setting.rows if row.status == "FINISHED"]
        runs = [run_of[row.id] for row in finished or setting.rows]
        histories = []
        for run in runs:
            with suppress(RunError, OSError, ValueError):
                histories.append(run.steps())
        curves.append(SettingCurves(curve_label(setting, group.metric), runs[0].unit, histories))
    return curves


def curve_label(setting: SettingSummary, metric: str) -> str:
    """Name a setting with its result: "adam lr=0.01: 97.20% ± 0.31 (3 runs)"."""
    if setting.estimate is None:
        return f"{setting.label}: no result"
    result = format_estimate(setting.estimate, metric)
    runs = f" ({plural(setting.estimate.n, 'run')})" if setting.estimate.n > 1 else ""
    return f"{setting.label}: {result}{runs}"


def curve_metrics(group: GroupAnalysis) -> "list[CurveMetric]":
    """Return the metrics that have curves: loss and score of training and validation, and the group's own."""
    from nnexp.plots.sweep.curves import SPLIT_WORDS, CurveMetric

    task = task_of_group(group)
    own = group.metric.rpartition("/")[2].removeprefix("val_")
    names = [name for name in ("loss", task.score if task else "", own) if name and "time" not in name]
    labels = {task.score: task.score_label} if task else {}
    return [
        CurveMetric(
            name=f"{split}/{name}",
            label=f"{word} {labels.get(name, name.replace('_', ' '))}",
            direction=group.direction if name == own else metric_info(name).direction,
        )
        for name in dict.fromkeys(names)
        for split, word in SPLIT_WORDS.items()
    ]


def task_of_group(group: GroupAnalysis) -> Task | None:
    """Return the kind of task of the runs; None: no run has a score."""
    tasks = (task_of_metrics(each.row.metrics) for each in group.leaderboard)
    return next((task for task in tasks if task is not None), None)


def best_rows(group: GroupAnalysis) -> list[RunRow]:
    """Return the best run of each of the best settings."""
    return [setting.best for setting in group.settings if setting.best is not None][:MAX_MATRICES]


def best_matrices(group: GroupAnalysis, run_of: RunOf) -> "list[Image]":
    """Draw the confusion matrices of the best runs of the best settings, of test where all have it."""
    from nnexp.plots.run.confusion import confusion

    rows = best_rows(group)
    for split, word in reversed(SPLITS):
        reports = [read_report(run_of[row.id], split) for row in rows]
        if rows and all("matrix" in report for report in reports):
            labels = {setting.best.id: setting.label for setting in group.settings if setting.best}
            return [
                confusion(report["matrix"], report["classes"], f"{labels[row.id]}: {word}").draw()
                for row, report in zip(rows, reports, strict=True)
            ]
    return []


def read_report(run: Run, split: str) -> dict[str, Any]:
    """Read a classification's report of a split; empty: there is none, or the store cannot be reached."""
    with suppress(RunError, OSError):
        return run.json(f"{Classification.report_folder}/{split}.json")
    return {}
