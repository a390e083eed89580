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
        self.names: dict[str, None] = {}  # of the streams that were asked for, in that order

    def __call__(self, name: str) -> np.random.Generator:
        """A fresh generator at the start of that stream."""
        self.names[name] = None
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(name.encode())))

    def told(self) -> dict[str, object]:
        """All that is needed to draw the same numbers again, JSON-like."""
        streams = {name: list(name.encode()) for name in self.names}
        return {
            "seed": self.seed,
            "generator": "PCG64 of SeedSequence(seed, spawn_key)",
            "spawn_keys": streams,
        }
