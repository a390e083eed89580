"""Independent random streams from one seed, by name."""

import numpy as np


class Streams:
    """`streams("init")` is the same stream for the same seed, whatever other streams exist or were drawn from.

    So a new initializer does not reshuffle the data, and a new kind of stream leaves all others as they were.

    Args:
        seed: a whole number, 0 or larger.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, name: str) -> np.random.Generator:
        """A fresh generator at the start of that stream."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(name.encode())))
