"""Independent random streams from one seed, by name."""

import numpy as np


class RandomStreams:
    """`streams("init")` is the same stream for the same seed, whatever other streams are used.

    So a new initializer does not reshuffle the data, and a new stream leaves all others as they were.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed  # 0 or larger
        self.names: dict[str, None] = {}  # of the streams in use, in order of first use

    def __call__(self, name: str) -> np.random.Generator:
        """Return a new generator at the start of that stream."""
        self.names[name] = None
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=tuple(name.encode())))

    def describe(self) -> dict[str, object]:
        """Return all that is needed to draw the same numbers again, JSON-like."""
        keys = {name: list(name.encode()) for name in self.names}
        return {"seed": self.seed, "generator": "PCG64 of SeedSequence(seed, spawn_key)", "spawn_keys": keys}
