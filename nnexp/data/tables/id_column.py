"""The column of `data.id`: exact texts that identify the N rows of a table."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.messages import plural

Texts = NDArray[Any]  # objects: str, or None where a value is missing


class IdColumn:
    """Collects a column as text: 007, NA and 9007199254740993 stay as they are written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[str | None] = []  # (N,)

    def add(self, column: Any) -> None:
        """Append a block, an Arrow column of text."""
        self.texts += column.to_pylist()

    def finish(self) -> Texts:
        """Return the texts (N,)."""
        return exact_texts(self.texts)

    def notes(self) -> list[str]:
        """Return notes about rows without an id, and about ids of several rows."""
        counts = Counter(text for text in self.texts if text)
        several = sum(count > 1 for count in counts.values())
        notes = [f"{plural(several, 'value')} of {self.name} in more than one row"] if several else []
        missing = sum(not text for text in self.texts)
        return [*notes, f"{plural(missing, 'row')} without {self.name}"] if missing else notes


def exact_texts(texts: Iterable[str | None]) -> Texts:
    """Return texts as they are in an array of objects (N,); an empty one is None."""
    return np.array([*(text or None for text in texts), None], object)[:-1]
