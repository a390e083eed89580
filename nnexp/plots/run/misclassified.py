"""The most confident misclassifications of the test split: images with true and predicted class."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePath

from PIL.Image import Image

from nnexp.messages import percent
from nnexp.plots.image_grid import GAP, SIDE, Caption, ImageGrid, draw_grids, to_rgb
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import FAINT, NOTE, TEXT, WRONG
from nnexp.plots.text import shorten, text_width
from nnexp.run_folder import MISCLASSIFIED, Arrays

MAX_IMAGES = 32


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the misclassified images of a classification of images."""
    if run.names and (arrays := run.folder.arrays(MISCLASSIFIED)):
        yield "misclassified.png", partial(misclassified, arrays, run.names)


def misclassified(arrays: Arrays, classes: Sequence[str]) -> Image:
    """Draw K images (K, H, W) or (K, C, H, W), most confident first, with their classes.

    `arrays` also holds the scale that brings them to [0, 1]; true, predicted, confidence, and id, the name of
    the file, or index, the position in the file of images, all (K,).
    """
    images = to_rgb(arrays["images"][:MAX_IMAGES], float(arrays["scale"]))
    columns = (arrays[key][:MAX_IMAGES].tolist() for key in ("true", "predicted", "confidence"))
    names = [shorten(PurePath(name).name, NOTE, SIDE + GAP, tail=0.6) for name in arrays.get("id", ())]
    names = names or [f"#{row:,}" for row in arrays["index"].tolist()]
    captions: list[Caption] = [
        ((classes[y], TEXT), (f"→ {classes[predicted]}", WRONG), *last_lines(percent(p), name))
        for y, predicted, p, name in zip(*columns, names[:MAX_IMAGES], strict=True)
    ]
    title = f"test: {len(images)} most confident misclassification{'s' if len(images) > 1 else ''}"
    origin = "name of the file" if "id" in arrays else "# position in the file of images, from 0"
    notes = (f"true → predicted class, confidence, {origin}",)
    return draw_grids(title, notes, ImageGrid(images=images, captions=captions))


def last_lines(confidence: str, name: str) -> Caption:
    """Return confidence and name on one line if it is short, else on two."""
    together = f"{confidence} {name}"
    if text_width(together, NOTE) <= SIDE + GAP:
        return [(together, FAINT)]
    return [(confidence, FAINT), (name, FAINT)]
