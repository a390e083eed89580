"""The plot of a sweep: a colour for each setting, a thin line for each run, a bold one for their mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nnexp.metrics.metric_info import metric_info
from nnexp.plots.style import COLORS, new_figure, plot_curve, save, style_axes
from nnexp.plots.text import escape
from nnexp.run_folder import JOURNAL, History, RunFolder, history, unit_of
from nnexp.tasks import task_of_metrics

MAX_LABEL = 110  # characters
REPEATS = ("seed", "data.fold")
"""Params whose values repeat a setting instead of making another."""


@dataclass(frozen=True)
class SweepRun:
    """A run of a sweep: its params, the unit of its steps, the metrics at each."""

    params: dict[str, str]
    unit: str
    epochs: History


def draw_sweep(folder: Path, path: Path) -> bool:
    """Draw the runs of a sweep's folder into a file; False where fewer than two have metrics."""
    runs = read_runs(folder)
    if len(runs) > 1:
        save(sweep_curves(runs), path)
    return len(runs) > 1


def read_runs(folder: Path) -> list[SweepRun]:
    """Read the runs below a folder that have metrics, in the order of their numbers."""
    runs = []
    for journal in sorted(folder.glob(f"*/{JOURNAL}"), key=lambda path: (len(path.parent.name), path)):
        entries = RunFolder(journal.parent).entries()
        if epochs := [(step, values) for step, values in history(entries) if "train/loss" in values]:
            runs.append(SweepRun(entries[0]["params"], unit_of(entries), epochs))
    return runs


def group_by_setting(runs: Sequence[SweepRun]) -> dict[str, list[SweepRun]]:
    """Group the runs by the params that differ, as "key=value, ..."; seeds and folds are repeats."""
    keys = dict.fromkeys(key for run in runs for key in run.params)
    swept = [key for key in keys if len({run.params.get(key) for run in runs}) > 1 and key not in REPEATS]
    options = [key for key in swept if any(other.startswith(f"{key}.") for other in keys)]
    named = [key for key in swept if not any(key.startswith(f"{option}.") for option in options)]
    groups: dict[str, list[SweepRun]] = {}
    for run in runs:
        label = ", ".join(f"{key}={run.params.get(key, '-')}" for key in named) or "all runs"
        groups.setdefault(label, []).append(run)
    return groups


def sweep_curves(runs: Sequence[SweepRun]) -> Figure:
    """Draw training loss and validation score; the score of the training where a run has no validation."""
    task = task_of_metrics(runs[0].epochs[0][1])
    assert task is not None
    groups = group_by_setting(runs)
    shown = dict(list(groups.items())[: len(COLORS)])
    figure = new_figure(11, 4.4 + 0.22 * len(shown), "constrained")
    loss, score = figure.subplots(1, 2)
    validated = all(f"val/{task.score}" in run.epochs[0][1] for run in runs)
    split, word = ("val", "validation") if validated else ("train", "training")
    metrics = {"train/loss": "training loss", f"{split}/{task.score}": f"{word} {task.score_label}"}
    for axes, (metric, title) in zip((loss, score), metrics.items(), strict=True):
        style_axes(axes, runs[0].unit, title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for (label, group), color in zip(shown.items(), COLORS, strict=False):
            draw_group(axes, group, metric, color, escape(label, MAX_LABEL))
    loss.set_ylim(bottom=0)
    if metric_info(task.score).style == "percent":
        score.yaxis.set_major_formatter(PercentFormatter(1))
    handles, labels = score.get_legend_handles_labels()
    first = f", the first {len(shown)} of {len(groups)} settings" if len(groups) > len(shown) else ""
    style = {"frameon": False, "fontsize": 9, "ncols": 1 if max(map(len, labels)) > 50 else 2}
    title = f"{word} {task.score_label} at the end{first}"
    figure.legend(handles, labels, loc="outside lower center", title=title, **style)
    return figure


def draw_group(axes: Axes, group: Sequence[SweepRun], metric: str, color: str, label: str) -> None:
    """Draw a thin line for each run of a setting, a bold one for their mean at the steps that all have."""
    steps = [[step for step, _ in run.epochs] for run in group]
    values = [[metrics[metric] for _, metrics in run.epochs] for run in group]
    if len(group) > 1:
        for x, y in zip(steps, values, strict=True):
            axes.plot(x, y, color=color, linewidth=0.8, alpha=0.35)
    common = min(sum(a == b for a, b in zip(x, steps[0], strict=False)) for x in steps)
    mean = np.mean([y[:common] for y in values], axis=0)
    scale, sign = (100, " %") if metric_info(metric).style == "percent" else (1, "")
    last = scale * np.array([y[-1] for y in values])
    text = f"{label}: {last.mean():.4g}{sign}"
    if len(last) > 1:
        text = f"{label}: {last.mean():.4g} ± {last.std(ddof=1):.2g}{sign} ({len(last)} runs)"
    plot_curve(axes, steps[0][:common], mean, color=color, linewidth=2.2, label=text)
