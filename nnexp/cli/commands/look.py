"""`nnexp look`: a picture of what the network will see, training images before and after augmentation."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnexp.cli.arguments import Arguments
from nnexp.config import ConfigError, build, compose
from nnexp.data.batches import Batches
from nnexp.data.errors import DataError
from nnexp.data.splitting import stratified_subsample
from nnexp.experiment.random_streams import RandomStreams
from nnexp.plots.image_grid import gallery

IMAGES = 64
FORMATS = (".png", ".svg", ".pdf")


def main(arguments: list[str]) -> int:
    """Draw and say where; returns the exit code."""
    parser = Arguments("look", "Draw training images before and after augmentation.")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="as of a run: data=mnist augment=elastic augment.alpha=20 seed=1",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("look.png"), metavar="FILE", help="default: look.png"
    )
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")
    options = parser.parse_intermixed_args(arguments)
    if options.out.suffix.lower() not in FORMATS:
        parser.error(f"--out {options.out}: a picture's name ends in {', '.join(FORMATS)}")
    try:
        print(look(options.overrides, options.out, options.config_dir))
    except (ConfigError, DataError, OSError) as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return 2
    return 0


def look(overrides: Sequence[str], out: Path, config_dir: str | None = None) -> str:
    """Draw the picture into a file and return a line that says so.

    The images are a run's own training images, of all classes in their proportion; the seed decides which, and how they change.

    Raises:
        ConfigError: all mistakes of the overrides.
        DataError: the data cannot be had, or are no images.
    """
    settings = build(compose(overrides, config_dir=config_dir))
    dataset, streams, dtype = settings.data.load(), RandomStreams(settings.seed), settings.trainer.dtype
    if len(dataset.shape) == 1:
        raise DataError(
            f"{dataset.name} is a table: there are no images to look at; choose data=mnist or data=digits"
        )
    rows, _ = settings.data.split(dataset, streams("split"))
    rows = stratified_subsample(rows, dataset.y, IMAGES, streams("look"))
    rows = rows[np.argsort(dataset.y[rows], kind="stable")]
    batches = Batches(dataset.x, dataset.y, rows, IMAGES, dataset.scale, dtype)
    ((x, _),) = batches
    before = x.copy()
    settings.augment.bind(dataset.shape, len(x), dtype, streams("augment"))
    settings.augment(x)

    choice = f"augment={settings.choices.get('augment', 'custom')}"
    title = f"{len(x)} training images of {dataset.name}, {choice}, seed {settings.seed}"
    gallery(
        before, x, dataset.shape, title, ("as they are", "as the network sees them, anew in every epoch")
    ).savefig(out)
    return f"{out.resolve()}: {title}"
