"""ROC and precision-recall curves of the second of two classes, or of each label."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from nnexp.metrics.ranking import ThresholdCounts
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import COLORS, REFERENCE, add_axes, evenly_spaced, new_figure, set_title
from nnexp.plots.text import escape

MAX_POINTS = 1500  # of a curve
MAX_NAME = 24


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the curves of each split that has the score of a label, or of the second of two classes."""
    for split in run.splits:
        scores = split.predictions.binary_scores(run.names) if split.predictions is not None else []
        curves = {name: ThresholdCounts.of(truth, score) for name, truth, score in scores[: len(COLORS)]}
        if known := {name: curve for name, curve in curves.items() if curve is not None}:
            some = f" ({len(curves)} of {len(scores)} labels)" if len(curves) < len(scores) else ""
            yield f"roc/{split.key}.png", partial(roc_and_precision_recall, known, f"{split.name}{some}")


def roc_and_precision_recall(curves: Mapping[str, ThresholdCounts], split: str) -> Figure:
    """Draw the ROC curve, and precision over recall; a colour for each class or label."""
    several = len(curves) > 1
    bottom = 0.5 + (0.24 * len(curves) + 0.05 if several else 0)
    figure = new_figure(9.6, 4.35 + bottom)
    roc = add_axes(figure, (0.7, bottom, 3.95, 3.95), "false positive rate", "true positive rate", 0.42)
    pr = add_axes(figure, (5.45, bottom, 3.95, 3.95), "recall", "precision", 0.42)
    for (name, curve), color in zip(curves.items(), COLORS, strict=False):
        average_precision = f"average precision {curve.average_precision:.4f}"
        label = f"{escape(name, MAX_NAME)}: AUC {curve.auc:.4f}"
        fpr, tpr = (rate[evenly_spaced(len(rate), MAX_POINTS)] for rate in curve.roc)
        roc.plot(fpr, tpr, color=color, linewidth=1.8, label=f"{label}, {average_precision}")
        points = evenly_spaced(len(curve.recall), MAX_POINTS)
        recall = np.append(0, curve.recall[points])
        precision = np.append(curve.precision[0], curve.precision[points])
        pr.plot(recall, precision, color=color, linewidth=1.8, drawstyle="steps-pre")
        if not several:
            pr.axhline(curve.precision[-1], color=REFERENCE, linewidth=0.9, linestyle="--")
        set_title(roc, f"{split}: ROC" if several else f"{split}, {label}")
        set_title(pr, f"{split}: precision and recall" if several else average_precision)
    roc.plot((0, 1), (0, 1), color=REFERENCE, linewidth=0.9, linestyle="--")
    if several:
        figure.legend(loc="lower left", bbox_to_anchor=(0.06, 0.0), frameon=False, fontsize=9)
    for axes in (roc, pr):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return figure
