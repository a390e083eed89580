"""The pictures and tables of a run, made from what its folder and journal hold."""

from nnexp.tracking.figures.calibration import calibration
from nnexp.tracking.figures.confusion import confusion, difference, epoch_confusion
from nnexp.tracking.figures.curves import curves
from nnexp.tracking.figures.fit import predictions
from nnexp.tracking.figures.folder import draw_all, pictures, warm_up
from nnexp.tracking.figures.histograms import histograms
from nnexp.tracking.figures.labels import labels
from nnexp.tracking.figures.mistakes import mistakes
from nnexp.tracking.figures.ranking import ranking
from nnexp.tracking.figures.weights import weight_tiles

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
