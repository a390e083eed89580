"""The column of `data.id`: exact texts that identify the N rows of a table."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.messages import plural

Texts = NDArray[Any]  # objects: str, or None where a value is missing


class IdColumn:
    """Collects a column as text: 007 and 9007199254740993 stay as they are written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[str | None] = []  # (N,)

    def add(self, column: Any) -> None:
        """Append a block, an Arrow column of text."""
        self.texts += column.to_pylist()

    def finish(self) -> Texts:
        """Return the texts (N,)."""
        return np.array([*self.texts, None], object)[:-1]  # an array of objects even where all are texts

    def notes(self) -> list[str]:
        """Return notes about rows without an id, and about ids of several rows."""
        counts = Counter(text for text in self.texts if text)
        several = sum(count > 1 for count in counts.values())
        notes = [f"{plural(several, 'value')} of {self.name} in more than one row"] if several else []
        missing = sum(not text for text in self.texts)
        return [*notes, f"{plural(missing, 'row')} without {self.name}"] if missing else notes
