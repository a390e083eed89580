"""The most confident misclassifications of the test split: images with true and predicted class."""

from collections.abc import Iterator, Sequence
from functools import partial

from PIL.Image import Image

from nnexp.messages import percent
from nnexp.plots.image_grid import Caption, ImageGrid, draw_grids, to_rgb
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import FAINT, TEXT, WRONG
from nnexp.run_folder import MISCLASSIFIED, Arrays

MAX_IMAGES = 32


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the misclassified images of a classification of images."""
    if run.names and (arrays := run.folder.arrays(MISCLASSIFIED)):
        yield "misclassified.png", partial(misclassified, arrays, run.names)


def misclassified(arrays: Arrays, classes: Sequence[str]) -> Image:
    """Draw K images (K, H, W) or (K, C, H, W), most confident first, with their classes.

    `arrays` also holds the scale that brings them to [0, 1]; true, predicted, confidence, and index, the
    position in the file of images, all (K,).
    """
    images = to_rgb(arrays["images"][:MAX_IMAGES], float(arrays["scale"]))
    columns = (arrays[key][:MAX_IMAGES].tolist() for key in ("true", "predicted", "confidence", "index"))
    captions: list[Caption] = [
        ((classes[y], TEXT), (f"→ {classes[predicted]}", WRONG), (f"{percent(p)} #{row:,}", FAINT))
        for y, predicted, p, row in zip(*columns, strict=True)
    ]
    title = f"test: {len(images)} most confident misclassification{'s' if len(images) > 1 else ''}"
    notes = ("true → predicted class, confidence, # position in the file of images, from 0",)
    return draw_grids(title, notes, ImageGrid(images=images, captions=captions))
