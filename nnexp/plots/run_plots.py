"""Which pictures and tables the folder of a run has the numbers for, and how each is made."""

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.run.calibration import calibration
from nnexp.plots.run.confusion import confusion, difference, epoch_confusion
from nnexp.plots.run.curves import curves
from nnexp.plots.run.histograms import Kind, histograms, names_of
from nnexp.plots.run.misclassified import mistakes
from nnexp.plots.run.multilabel import labels
from nnexp.plots.run.regression import predictions
from nnexp.plots.run.roc import Ranking, ranking
from nnexp.plots.run.weights import first_layer, weight_tiles
from nnexp.plots.style import SERIES, save
from nnexp.tracking.journal import Entry, history
from nnexp.tracking.prediction_tables import MISTAKES, table, write, write_mistakes

Make = Callable[[], None]
Piece = tuple[str, Make]
"""A path in the run's folder, and what makes the file."""
Arrays = dict[str, NDArray[Any]]
PARTS = (("val", "validation"), ("test", "test"))
KINDS: tuple[Kind, Kind] = ("weights", "gradients")


def warm_up() -> None:
    """Import what drawing needs, and draw once: the first picture of a process takes the longest."""
    import pyarrow.parquet  # noqa: F401

    metrics = {"train/loss": 1.0, "val/loss": 1.0, "train/accuracy": 0.5, "val/accuracy": 0.5, "lr": 0.1}
    curves([(1, metrics), (2, metrics)]).savefig(BytesIO())
    epoch_confusion([[1, 0], [0, 1]], ("a", "b"), 1)


def draw_all(folder: Path, entries: Sequence[Entry], failures: list[str] | None = None) -> list[str]:
    """Make every picture and table that the run's folder has the numbers for; returns their paths in the folder.

    Args:
        folder: the run's.
        entries: of its journal.
        failures: what could not be made is told here; the others are made all the same.
    """
    made = []
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from"
        )  # a class name in a script that the type lacks
        for path, make in pictures(folder, entries):
            try:
                make()
            except Exception as error:  # noqa: BLE001, a picture must not cost the others
                if failures is not None:
                    failures.append(f"{path} could not be made: {type(error).__name__}: {error}")
            else:
                made.append(path)
    return made


def pictures(folder: Path, entries: Sequence[Entry]) -> list[Piece]:
    """What can be made of the numbers in a run's folder, each piece on its own and in any order."""
    described = _json(folder / "dataset.json")
    by_steps = bool(entries) and entries[0].get("params", {}).get("trainer.evaluate_every", "null") != "null"
    unit = "step" if by_steps else "epoch"
    return [
        *of_reports(folder),
        *of_baseline(folder),
        *of_predictions(folder, described),
        *of_mistakes(folder, described),
        *of_curves(folder, entries, unit),
        *of_layers(folder, unit),
        *of_weights(folder, described),
    ]


def of_reports(folder: Path) -> Iterator[Piece]:
    """What was counted of each part."""
    for part, title in PARTS:
        if report := _json(folder / "confusion" / f"{part}.json"):
            yield _piece(
                folder, f"confusion/{part}.png", lambda *args: confusion(*args).paint(), report, title
            )
        if report := _json(folder / "labels" / f"{part}.json"):
            yield _piece(folder, f"labels/{part}.png", labels, report, title)


def of_baseline(folder: Path) -> Iterator[Piece]:
    """How the confusions differ from another run's, if that knows the same classes."""
    baseline = _json(folder / "baseline.json")
    for part, title in PARTS:
        report, other = _json(folder / "confusion" / f"{part}.json"), baseline.get(part)
        if report and other and report["classes"] == other["classes"]:
            path, name = f"confusion/difference-{part}.png", baseline["name"]
            yield _piece(folder, path, lambda *args: difference(*args).paint(), report, other, name, title)


def of_predictions(folder: Path, described: dict[str, Any]) -> Iterator[Piece]:
    """What is said of each example: as a table, and in pictures of how good and how sure it is."""
    classes, targets = described.get("classes", ()), described.get("targets", ())
    for part, title in PARTS:
        found = _arrays(folder / "predictions" / f"{part}.npz")
        if not found:
            continue
        if "index" in found and described:
            path = f"predictions/{part}.parquet"
            yield (
                path,
                partial(
                    lambda path, *args: write(table(*args), path), folder / path, found, classes, targets
                ),
            )
        if part == "test" and "true" in found and described:
            yield MISTAKES, partial(write_mistakes, folder / MISTAKES, found, classes)
        if report := _json(folder / "predictions" / f"{part}.json"):
            yield _piece(
                folder, f"predictions/{part}.png", predictions, found["y"], found["predicted"], report, title
            )
        if "confidence" in found:
            yield _piece(folder, f"calibration/{part}.png", calibration, *sureness(found), title)
        if ranked := rankings(found, classes, targets):
            yield _piece(folder, f"ranking/{part}.png", ranking, ranked, title)


def sureness(found: Arrays) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """How sure the network is of what it predicts, and whether that is right; of labels each decision counts, (N L,)."""
    confidence = found["confidence"]
    if "true" in found:
        return confidence, found["true"] == found["predicted"]
    return np.maximum(confidence, 1 - confidence).ravel(), (found["y"] == found["predicted"]).ravel()


def rankings(found: Arrays, classes: Sequence[str], targets: Sequence[str]) -> dict[str, Ranking]:
    """Of two classes the second is ranked, of labels the first few, where there are examples for and against."""
    if "confidence" not in found:
        return {}
    confidence = found["confidence"].astype(np.float64)
    if "y" in found:
        pairs = zip(targets, found["y"].T, confidence.T, strict=False)
    elif len(classes) == 2:
        pairs = zip(
            classes[1:],
            [found["true"] == 1],
            [np.where(found["predicted"] == 1, confidence, 1 - confidence)],
            strict=True,
        )
    else:
        return {}
    ranked = {name: Ranking.of(truth, score) for name, truth, score in list(pairs)[: len(SERIES)]}
    return {name: one for name, one in ranked.items() if one is not None}


def of_mistakes(folder: Path, described: dict[str, Any]) -> Iterator[Piece]:
    """Images that are taken for something else."""
    if described and (found := _arrays(folder / "mistakes.npz")):
        scale = float(found.pop("scale"))
        yield _piece(
            folder, "mistakes.png", lambda: mistakes(**found, scale=scale, classes=described["classes"])
        )


def of_curves(folder: Path, entries: Sequence[Entry], unit: str) -> Iterator[Piece]:
    """How training went."""
    if epochs := [(step, values) for step, values in history(entries) if "train/loss" in values]:
        kept = [values for _, values in history(entries) if "best/epoch" in values]
        best = (kept[-1].get("best/step") or kept[-1]["best/epoch"]) if kept else None
        yield _piece(folder, "curves.png", curves, epochs, unit, best)


def of_layers(folder: Path, unit: str) -> Iterator[Piece]:
    """How each layer changed."""
    layers = _arrays(folder / "layers.npz")
    for kind in KINDS:
        if len(layers.get("steps", ())) and names_of(layers, kind):
            yield _piece(folder, f"histograms/{kind}.png", histograms, layers, kind, unit)


def of_weights(folder: Path, described: dict[str, Any]) -> Iterator[Piece]:
    """What the first layer sees in an image."""
    shape = tuple(described.get("shape", ()))
    if len(shape) > 1:
        weights = _arrays(folder / "weights" / "best.npz") or _arrays(folder / "weights" / "final.npz")
        if (images := first_layer(weights, shape)) is not None:
            yield _piece(folder, "weights/first_layer.png", weight_tiles, images)


def _piece(folder: Path, path: str, draw: Callable[..., Any], *args: Any) -> Piece:
    return path, lambda: save(draw(*args), folder / path)


def _json(path: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none, or half of one."""
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text()))
    return {}


def _arrays(path: Path) -> Arrays:
    """The arrays in the file; none where there is none, or half of one."""
    with (
        suppress(OSError, ValueError, BadZipFile),
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as found,
    ):
        return {name: found[name] for name in found.files}
    return {}
