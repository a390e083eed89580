"""`nnexp look`: plot training images before and after augmentation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnexp.cli.arguments import Arguments
from nnexp.config import build, compose
from nnexp.data.batches import Batches
from nnexp.data.errors import DataError
from nnexp.data.splitting import stratified_subsample
from nnexp.experiment.random_streams import RandomStreams
from nnexp.plots.image_grid import ImageGrid, draw_grids, to_rgb
from nnexp.plots.style import save

IMAGES = 64
SIDE = 72  # pixels on the screen of an image, about


def main(arguments: list[str]) -> int:
    """Draw the plot and print its path; return the exit code."""
    parser = Arguments("look", "Plot training images before and after augmentation.")
    parser.add_overrides("data=mnist augment=elastic augment.alpha=20 seed=1")
    parser.add_plot("look.png")
    options = parser.parse_intermixed_args(arguments)
    print(look(options.overrides, options.out, options.config_dir))
    return 0


def look(overrides: Sequence[str], out: Path, config_dir: str | None = None) -> str:
    """Draw the plot into a file; returns a line that describes it.

    The images are a stratified sample of the training images; the seed decides which, and how they change.
    """
    settings = build(compose(overrides, config_dir=config_dir))
    dataset = settings.data.load()
    streams = RandomStreams(settings.seed)
    dtype = settings.trainer.dtype
    if len(dataset.shape) == 1:
        raise DataError(f"{dataset.name} is a table, not images; fix: nnexp look data=digits")
    rows, _ = settings.data.train_validation_split(dataset, streams("split"))
    rows = stratified_subsample(rows, dataset.y, IMAGES, streams("look"))
    rows = rows[np.argsort(dataset.y[rows], kind="stable")]
    ((x, _),) = Batches(dataset.x, dataset.y, rows, IMAGES, dataset.scale, dtype)
    before = x.copy()
    settings.augment.bind(dataset.shape, len(x), dtype, streams("augment"))
    settings.augment(x)

    choice = f"augment={settings.choices.get('augment', 'custom')}"
    title = f"{len(x)} training images of {dataset.name}, {choice}, seed {settings.seed}"
    labels = {"original": before, "augmented, differently in every epoch": x}
    side = max(SIDE, *dataset.shape[-2:])
    rgb = {label: to_rgb(images.reshape(-1, *dataset.shape), 1) for label, images in labels.items()}
    grids = [ImageGrid(images=images, label=label, side=side) for label, images in rgb.items()]
    save(draw_grids(title, (), *grids), out)
    return f"{out.resolve()}: {title}"
