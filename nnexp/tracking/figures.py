"""The pictures of a run, drawn from what its folder and journal hold."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.tracking.journal import Entry, history

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN, VALIDATION, BEST = "#4c78a8", "#e45756", "#888888"
MOST_NAMED = 30  # classes beyond which a confusion matrix shows colours only
MOST_TARGETS = 4  # of a regression that are drawn
MOST_POINTS = 5000  # beyond which their density is drawn
Numbers = NDArray[np.floating]
DPI = 130


def warm_up() -> None:
    """Import what drawing needs."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def draw_all(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """Draw every picture that the run's folder has the numbers for; returns their paths in the folder."""
    drawn = []
    for part, title in (("val", "validation"), ("test", "test")):
        source = folder / "confusion" / f"{part}.json"
        if source.exists():
            drawn.append(f"confusion/{part}.png")
            confusion(json.loads(source.read_text()), title).savefig(folder / drawn[-1])
        source = folder / "labels" / f"{part}.json"
        if source.exists():
            drawn.append(f"labels/{part}.png")
            labels(json.loads(source.read_text()), title).savefig(folder / drawn[-1])
        source = folder / "predictions" / f"{part}.npz"
        if source.exists():
            drawn.append(f"predictions/{part}.png")
            report = json.loads(source.with_suffix(".json").read_text())
            with np.load(source, allow_pickle=False) as found:
                predictions(found["y"], found["predicted"], report, title).savefig(folder / drawn[-1])
    if epochs := [(step, values) for step, values in history(entries) if "train/loss" in values]:
        drawn.append("curves.png")
        by_steps = entries[0].get("params", {}).get("trainer.evaluate_every", "null") != "null"
        kept = [values for _, values in history(entries) if "best/epoch" in values]
        best = (kept[-1].get("best/step") or kept[-1]["best/epoch"]) if kept else None
        curves(epochs, "step" if by_steps else "epoch", best).savefig(folder / drawn[-1])
    return drawn


def confusion(report: dict[str, Any], part: str) -> "Figure":
    """A confusion matrix to be read at a glance.

    Colour is the share of the true class (each row adds up to 1), numbers are counts, the title is the accuracy.
    """
    from matplotlib.figure import Figure

    matrix, names = np.array(report["matrix"]), report["classes"]
    n = len(names)
    named = n <= MOST_NAMED
    long_names = max(map(len, names)) > 3
    size = min(14.0, 2.2 + 0.5 * n) if named else 8.0
    figure = Figure(figsize=(size + 0.8, size), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    wrong = int(matrix.sum() - np.trace(matrix))
    axes.set_title(f"{part} accuracy {report['accuracy']:.2%}  ({wrong:,} of {matrix.sum():,} wrong)", fontsize=11, pad=10)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class", labelpad=8)
    axes.tick_params(length=0)
    if named:
        axes.set_xticks(range(n), names, rotation=45 if long_names else 0, ha="right" if long_names else "center")
        axes.set_yticks(range(n), names)
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="#e8e8e8", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                color = "white" if shares[row, column] > 0.5 else "#333333" if row == column else "#b3202c"
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=8 if count < 10_000 else 7)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    bar.outline.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def labels(report: dict[str, Any], part: str) -> "Figure":
    """Precision, recall and F1 of each label, where several may be true of an example."""
    from matplotlib.figure import Figure

    shown = report["per_label"][:MOST_NAMED]
    figure = Figure(figsize=(7.5, 1.6 + 0.45 * len(shown)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(shown))
    for i, (name, color) in enumerate((("precision", TRAIN), ("recall", VALIDATION), ("f1", BEST))):
        axes.barh(places + 0.25 * (i - 1), [label[name] for label in shown], 0.22, color=color, label=name)
    axes.set_yticks(places, [f"{label['label']}  ({label['support']:,})" for label in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title(f"{part}: {report['accuracy']:.2%} of labels right, {report['exact_match']:.2%} of examples wholly", fontsize=11)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def predictions(y: Numbers, predicted: Numbers, report: dict[str, Any], part: str) -> "Figure":
    """Predicted against true values, a panel per target; on the diagonal they agree.

    Args:
        y: true, (N, T).
        predicted: (N, T).
        report: R2 and errors of each target.
        part: of the data, for the title.
    """
    from matplotlib.figure import Figure

    shown = report["per_target"][:MOST_TARGETS]
    figure = Figure(figsize=(0.8 + 4 * len(shown), 4.4), dpi=DPI, layout="constrained")
    for axes, target, true, found in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, y.T, predicted.T, strict=False):
        low, high = float(min(true.min(), found.min())), float(max(true.max(), found.max()))
        edge = 0.03 * (high - low) or 1.0
        span = low - edge, high + edge
        if len(true) > MOST_POINTS:
            axes.hexbin(true, found, gridsize=70, cmap="Blues", bins="log", mincnt=1, linewidths=0, extent=(*span, *span))
        else:
            axes.scatter(true, found, s=14, color=TRAIN, alpha=0.55, linewidths=0)
        axes.plot(span, span, color=BEST, linewidth=0.9, linestyle="--", zorder=0)
        axes.set(xlim=span, ylim=span, aspect="equal", xlabel=f"true {target['target']}", ylabel=f"predicted {target['target']}")
        axes.set_title(f"{part} R2 {target['r2']:.3f}, mean error {target['mae']:.3g}", fontsize=11)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def curves(epochs: Sequence[tuple[int, dict[str, float]]], unit: str = "epoch", kept: float | None = None) -> "Figure":
    """Loss, score and learning rate over the epochs (or steps).

    Args:
        epochs: the metrics at each.
        unit: what is counted.
        kept: the evaluation whose weights were kept, which is marked; None: the one with the highest score.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    steps = [step for step, _ in epochs]

    def of(name: str) -> list[float]:
        return [values[name] for _, values in epochs]

    score = "accuracy" if "val/accuracy" in epochs[0][1] else "r2"
    best = steps.index(int(kept)) if kept in steps else min(range(len(steps)), key=lambda i: (-of(f"val/{score}")[i], of("val/loss")[i]))
    figure = Figure(figsize=(11, 3.4), dpi=DPI, layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, 3, width_ratios=(4, 4, 2.6)))
    for axes, name in zip(panels[:2], ("loss", score), strict=True):
        marker = "o" if len(steps) <= 40 else None
        axes.plot(steps, of(f"train/{name}"), color=TRAIN, marker=marker, markersize=3, label="training (while it learns)")
        axes.plot(steps, of(f"val/{name}"), color=VALIDATION, marker=marker, markersize=3, label="validation")
        axes.axvline(steps[best], color=BEST, linewidth=0.8, linestyle="--")
        axes.set_title(name, fontsize=11)
    panels[0].set_ylim(bottom=0)
    panels[0].legend(frameon=False, fontsize=8)
    value = of(f"val/{score}")[best]
    if score == "accuracy":
        panels[1].set_title(f"accuracy, best {value:.2%} in {unit} {steps[best]}", fontsize=11)
        panels[1].yaxis.set_major_formatter(PercentFormatter(1))
    else:
        panels[1].set_title(f"R2, best {value:.4f} in {unit} {steps[best]}", fontsize=11)
        panels[1].set_ylim(bottom=max(-1.0, min([*of("val/r2"), *of("train/r2")]) - 0.05), top=1.0)
    panels[2].plot(steps, of("lr"), color="#54a24b")
    panels[2].set_title(f"learning rate, end of {unit}" if unit == "epoch" else "learning rate", fontsize=11)
    panels[2].set_ylim(bottom=0)
    for axes in panels:
        axes.set_xlabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
