"""Precision, recall and F1 of each label of a multilabel classification."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nnexp.plots import style
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.text import escape, numbered, shorten, text_width

MAX_LABELS = 30
POINTS = 9  # of the font
MAX_NAME = 260  # pixels
COLORS = {"precision": style.TRAIN, "recall": style.VALIDATION, "F1": style.REFERENCE}


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the scores of the labels for each split."""
    for split in run.splits:
        if "per_label" in split.report:
            yield f"labels/{split.key}.png", partial(label_scores, split.report, split.name)


def label_scores(report: dict[str, Any], split: str) -> Figure:
    """Draw bars for each label of a report."""
    labels = report["per_label"][:MAX_LABELS]
    size = round(POINTS * style.DPI / 72)
    rows = zip(numbered([row["label"] for row in labels], "label"), labels, strict=True)
    names = [f"{shorten(name, size, MAX_NAME)}  ({row['support']:,})" for name, row in rows]
    left = max(text_width(name, size) for name in names) / style.DPI + 0.15
    width = left + 6.0
    height = 1.25 + 0.42 * len(labels)
    figure = style.new_figure(width, height)
    axes = style.add_axes(figure, (left, 0.75, 5.8, height - 1.15))
    positions = np.arange(len(labels))
    for i, (metric, color) in enumerate(COLORS.items()):
        scores = [label[metric.lower()] for label in labels]
        y = positions + 0.25 * (i - 1)
        axes.barh(y, [score or 0 for score in scores], 0.22, color=color, label=metric)
        for undefined in y[[score is None for score in scores]]:
            axes.text(0.005, undefined, "none", fontsize=POINTS - 3, color=color, va="center")
    axes.grid(visible=False, axis="y")
    texts = [escape(name) for name in names]
    axes.set_yticks(positions, texts, fontsize=POINTS, fontfamily=style.font_family())
    axes.set(xlim=(0, 1), ylim=(len(labels) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    shown = (
        f" ({len(labels)} of {len(report['per_label'])} labels)"
        if len(report["per_label"]) > len(labels)
        else ""
    )
    title = (
        f"{split}{shown}: label accuracy {report['accuracy']:.2%}, exact match {report['exact_match']:.2%}"
    )
    style.set_title(axes, title)
    place = (left + 2.9) / width, 0.04 / height
    figure.legend(frameon=False, fontsize=9, ncols=3, loc="lower center", bbox_to_anchor=place)
    return figure
