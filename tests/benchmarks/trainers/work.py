"""The work that every tool does: a network, a batch size, an optimizer, and the images."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = 60_000
INPUTS = 784
CLASSES = 10
RATES = {"sgd": 0.1, "adam": 0.001}
CONVOLUTIONS = ((1, 6, 28), (6, 16, 10))  # of LeNet-5: channels, filters, output pixels along a side
KERNEL = 5


@dataclass(frozen=True)
class Work:
    """A row of the table."""

    network: str  # hidden widths "800" or "1024-1024-1024", or "lenet5"
    batch: int
    optimizer: str
    steps: int | None  # in one turn; None: an epoch

    @property
    def is_lenet(self) -> bool:
        return self.network == "lenet5"

    @property
    def hidden(self) -> list[int]:
        return [int(width) for width in self.network.split("-")]

    @property
    def widths(self) -> list[int]:
        """Of the dense layers, from inputs to outputs."""
        return [400, 120, 84, CLASSES] if self.is_lenet else [INPUTS, *self.hidden, CLASSES]

    @property
    def lr(self) -> float:
        return RATES[self.optimizer]

    @property
    def full_steps(self) -> int:
        """The steps of a turn, without an epoch's last batch if that is smaller."""
        return min(self.steps or EXAMPLES, EXAMPLES // self.batch)


def examples() -> tuple[Any, Any]:
    """Return 60,000 images (N, 784) in bytes and their classes (N,)."""
    root = Path(os.environ.get("NNEXP_DATA", "")).expanduser()
    if os.environ.get("NNEXP_DATA") and any(root.glob("mnist/*ubyte*")):
        from nnexp.data.images.image_sets import MNIST

        dataset = MNIST(validation=0.1, root=str(root), mirrors=[]).load()
        return np.array(dataset.x[:EXAMPLES]), dataset.y[:EXAMPLES]
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (EXAMPLES, INPUTS), np.uint8), rng.integers(0, CLASSES, EXAMPLES)
