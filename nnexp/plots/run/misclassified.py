"""The most confident misclassifications of the test split: images with true and predicted class."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePath

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

    `arrays` also holds the scale that brings them to [0, 1]; true, predicted, confidence, and id, the name of
    the file, or index, the position in the file of images, all (K,).
    """
    images = to_rgb(arrays["images"][:MAX_IMAGES], float(arrays["scale"]))
    columns = (arrays[key][:MAX_IMAGES].tolist() for key in ("true", "predicted", "confidence"))
    index = arrays["index"][:MAX_IMAGES].tolist()
    names = (
        [PurePath(name).name for name in arrays["id"]] if "id" in arrays else [f"#{row:,}" for row in index]
    )
    captions: list[Caption] = [
        ((classes[y], TEXT), (f"→ {classes[predicted]}", WRONG), (f"{percent(p)} {name}", FAINT))
        for y, predicted, p, name in zip(*columns, names[:MAX_IMAGES], strict=True)
    ]
    title = f"test: {len(images)} most confident misclassification{'s' if len(images) > 1 else ''}"
    origin = "name of the file" if "id" in arrays else "# position in the file of images, from 0"
    notes = (f"true → predicted class, confidence, {origin}",)
    return draw_grids(title, notes, ImageGrid(images=images, captions=captions))
