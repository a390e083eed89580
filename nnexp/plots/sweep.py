"""The curves of a sweep's runs over each other: a colour for what was swept, a thin line for each seed, a bold one for their mean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnexp.tracking.journal import NAME, history, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (
    "#4c78a8",
    "#f58518",
    "#54a24b",
    "#e45756",
    "#b279a2",
    "#72b7b2",
    "#9d755d",
    "#eeca3b",
    "#ff9da6",
    "#8c8c8c",
)
MOST_SETTINGS = len(COLORS)
REPEATS = ("seed", "data.fold")
"""Params whose values repeat a setting instead of making another."""
DPI = 130


@dataclass(frozen=True)
class Curves:
    """One run: its params, and its metrics at each step."""

    params: dict[str, str]
    epochs: list[tuple[int, dict[str, float]]]

    def of(self, metric: str) -> tuple[list[int], list[float]]:
        """Steps and values of a metric."""
        return [step for step, _ in self.epochs], [values[metric] for _, values in self.epochs]


def draw(folder: Path, out: Path) -> bool:
    """Draw the runs under `folder` into `out`; False if there are not two that learnt something."""
    runs = list(found(folder))
    if len(runs) < 2:
        return False
    figure(runs).savefig(out)
    return True


def found(folder: Path) -> Iterable[Curves]:
    """Every run under a folder that has a history."""
    for journal in sorted(folder.glob(f"*/{NAME}"), key=lambda path: (len(path.parent.name), path)):
        entries, _ = read(journal.parent)
        epochs = [(step, values) for step, values in history(entries) if "train/loss" in values]
        if epochs and entries[0]["kind"] == "run":
            yield Curves(entries[0]["params"], epochs)


def settings(runs: Sequence[Curves]) -> dict[str, list[Curves]]:
    """The runs by what was swept over, told in words; those that differ in their seed only are together."""
    keys = dict.fromkeys(key for run in runs for key in run.params)
    swept = [key for key in keys if len({run.params.get(key) for run in runs}) > 1 and key not in REPEATS]
    chosen = [key for key in swept if "." not in key and any(other.startswith(f"{key}.") for other in keys)]
    told = [key for key in swept if not any(key.startswith(f"{group}.") for group in chosen)] or swept
    groups: dict[str, list[Curves]] = {}
    for run in runs:
        groups.setdefault(
            ", ".join(f"{key}={run.params.get(key, '-')}" for key in told) or "all runs", []
        ).append(run)
    return groups


def figure(runs: Sequence[Curves]) -> "Figure":
    """Training loss and validation score over the epochs."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    unit = "epoch" if runs[0].params.get("trainer.evaluate_every", "null") == "null" else "step"
    score = "val/accuracy" if "val/accuracy" in runs[0].epochs[0][1] else "val/r2"
    groups = settings(runs)
    shown = dict(list(groups.items())[:MOST_SETTINGS])
    made = Figure(figsize=(11, 4.4 + 0.22 * len(shown)), dpi=DPI, layout="constrained")
    panels: list[Axes] = list(made.subplots(1, 2))
    for axes, metric, title in zip(
        panels, ("train/loss", score), ("training loss", f"validation {score[4:]}"), strict=True
    ):
        for (label, group), color in zip(shown.items(), COLORS, strict=False):
            lines(axes, group, metric, color, label)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=0)
    if score == "val/accuracy":
        panels[1].yaxis.set_major_formatter(PercentFormatter(1))
    more = f" (the first {MOST_SETTINGS} of {len(groups)} settings)" if len(groups) > MOST_SETTINGS else ""
    handles, labels = panels[1].get_legend_handles_labels()
    title = f"at the end{more}"
    made.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=1 if len(max(labels, key=len)) > 50 else 2,
        frameon=False,
        fontsize=9,
        title=title,
    )
    return made


def lines(axes: "Axes", group: Sequence[Curves], metric: str, color: str, label: str) -> None:
    """A thin line for each run of a setting, a bold one for their mean as far as all of them go."""
    curves = [run.of(metric) for run in group]
    for steps, values in curves:
        axes.plot(steps, values, color=color, linewidth=0.8, alpha=0.35 if len(group) > 1 else 0.0)
    length = min(sum(a == b for a, b in zip(steps, curves[0][0], strict=False)) for steps, _ in curves)
    mean = np.mean([values[:length] for _, values in curves], axis=0)
    last = (
        100 * np.array([values[-1] for _, values in curves])
        if metric == "val/accuracy"
        else np.array([values[-1] for _, values in curves])
    )
    spread = f" ± {last.std(ddof=1):.2g}" if len(last) > 1 else ""
    told = f"{label}: {last.mean():.4g}{spread}{' %' if metric == 'val/accuracy' else ''}" + (
        f" ({len(last)} runs)" if spread else ""
    )
    axes.plot(
        curves[0][0][:length],
        mean,
        color=color,
        linewidth=2.2,
        marker="o" if length <= 40 else None,
        markersize=3,
        label=told,
    )
