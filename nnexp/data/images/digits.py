"""The 8x8 handwritten digits that scikit-learn ships: real data that needs no network."""

from importlib.metadata import version
from pathlib import Path

import numpy as np

from nnexp.data.dataset import Dataset, Source, digest
from nnexp.data.images.array_cache import Arrays, cached, place
from nnexp.data.splitting import stratified

TEST_RATIO = 0.2
TEST_SEED = 0
"""The set has no official test part, so this one is fixed: every run, whatever its seed, is tested on the same images."""


class Digits(Source):
    """1,797 handwritten digits, 8 x 8, values 0 to 16: Alpaydin & Kaynak 1998, the UCI repository."""

    def load(self) -> Dataset:
        cache = place(Path(self.root).expanduser().resolve() / "digits")
        arrays, content = cached(
            cache, {"scikit-learn": version("scikit-learn")}, self.read
        )  # importing it takes a second
        x, y = arrays["images"], arrays["labels"].astype(np.int64)
        training, test = stratified(y, TEST_RATIO, np.random.default_rng(TEST_SEED))
        return Dataset(
            name="digits",
            x=x[training],
            y=y[training],
            x_test=x[test],
            y_test=y[test],
            shape=(8, 8),
            classes=tuple("0123456789"),
            scale=1 / 16,
            sha256=content,
        )

    def read(self) -> tuple[Arrays, str]:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        arrays = {"images": bunch.data.astype(np.uint8), "labels": bunch.target.astype(np.uint8)}
        return arrays, digest(*arrays.values())
