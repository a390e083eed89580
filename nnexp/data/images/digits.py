"""The 8x8 handwritten digits of scikit-learn: real data without a download."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from nnexp.data.dataset import Dataset, ImageSource, SourceRows, digest
from nnexp.data.images.array_cache import Arrays, load_or_build
from nnexp.data.images.folders import cache_entry
from nnexp.data.splitting import stratified_split

TEST_RATIO = 0.2
TEST_SEED = 0  # no test set is official; this one is the same in every run, whatever its seed


class Digits(ImageSource):
    """1,797 handwritten digits, 8 x 8, values 0 to 16: Alpaydin & Kaynak 1998, the UCI repository."""

    characters = True

    @property
    def known_classes(self) -> Sequence[str]:
        return "0123456789"

    def load(self) -> Dataset:
        made_from = {"scikit-learn": version("scikit-learn")}  # whose import takes a second
        arrays, content = load_or_build(cache_entry("digits"), made_from, read_digits)
        x = arrays["images"]
        y = arrays["labels"].astype(np.int64)
        training, test = stratified_split(y, TEST_RATIO, np.random.default_rng(TEST_SEED))
        return Dataset(
            name="digits",
            x=x[training],
            y=y[training],
            x_test=x[test],
            y_test=y[test],
            shape=(8, 8),
            classes=tuple(self.known_classes),
            scale=1 / 16,
            standardize=self.standardize,
            sha256=content,
            source=SourceRows(training),
            source_test=SourceRows(test),
        )


def read_digits() -> tuple[Arrays, str]:
    """Read the images and labels of scikit-learn, and compute their SHA-256."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    arrays = {"images": bunch.data.astype(np.uint8), "labels": bunch.target.astype(np.uint8)}
    return arrays, digest(*arrays.values())
