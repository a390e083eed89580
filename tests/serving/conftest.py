"""Small runs whose networks are put to work."""

from pathlib import Path

import numpy as np
import pytest

from nnexp import compose, run
from nnexp.serving.predictor import Predictor

RNG = np.random.default_rng(0)
N = 120
PETS = {
    "height": [*RNG.normal(170, 10, N - 2).round(3).tolist(), None, None],
    "colour": [None, *(["red", "green", "blue"] * 40)[1:]],
    "member": [True, False] * 60,
    "rooms": [1, 2, 3, 10] * 30,
    "species": ["cat", "dog", "cat", "bird"] * 30,
    "weight": RNG.normal(5, 1, N).round(3).tolist(),
    "purrs": [1, 0, 1, 0] * 30,
    "barks": [0, 1, 0, 0] * 30,
}


class Trained:
    """A run, and its network rebuilt from its files."""

    def __init__(self, folder, *overrides):
        self.result = run(compose([*overrides, "trainer.epochs=2", "tracking=none"]), folder)
        self.folder = folder
        self.files = self.folder / "network.json", self.folder / "weights" / "best.npz"
        self.predictor = Predictor.load(*self.files)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Trains with some overrides, once in a session."""
    runs = {}

    def once(*overrides):
        if overrides not in runs:
            runs[overrides] = Trained(tmp_path_factory.mktemp("run"), *overrides)
        return runs[overrides]

    return once


@pytest.fixture
def pets(alone) -> Path:
    """A table with numbers and categories, some of them missing."""
    path = alone / "pets.csv"
    rows = zip(*PETS.values(), strict=True)
    lines = [",".join("" if cell is None else str(cell).lower() if cell in (True, False) else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([",".join(PETS), *lines]) + "\n")
    return path
