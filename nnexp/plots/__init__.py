"""The pictures and tables of a run, made from what its folder and journal hold."""

from nnexp.plots.run.calibration import calibration
from nnexp.plots.run.confusion import confusion, difference, epoch_confusion
from nnexp.plots.run.curves import curves
from nnexp.plots.run.histograms import histograms
from nnexp.plots.run.misclassified import mistakes
from nnexp.plots.run.multilabel import labels
from nnexp.plots.run.regression import predictions
from nnexp.plots.run.roc import ranking
from nnexp.plots.run.weights import weight_tiles
from nnexp.plots.run_plots import draw_all, pictures, warm_up

__all__ = [
    "calibration",
    "confusion",
    "curves",
    "difference",
    "draw_all",
    "epoch_confusion",
    "histograms",
    "labels",
    "mistakes",
    "pictures",
    "predictions",
    "ranking",
    "warm_up",
    "weight_tiles",
]
