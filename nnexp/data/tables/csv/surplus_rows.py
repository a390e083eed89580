"""Rows of another width than the names: comments and a footer are left out, others are errors."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any
from weakref import ref

from nnexp.data.errors import DataError
from nnexp.messages import plural

MAX_FOOTER = 20  # rows below the table
MAX_UNUSABLE = 1_000_000  # rows between those of the table; each calls Python
MAX_SHOWN = 60  # characters of a row in a message
RELEASE_TIMEOUT = 1.0  # seconds


class SurplusRows:
    """Collects the rows of another width while a file is read."""

    def __init__(self, describe_row: Callable[[int], str], skipped: int = 0) -> None:
        self.describe_row, self.skipped = describe_row, skipped
        self.unusable = 0  # rows without values or with a comment
        self.comments = 0
        self.refused: DataError | None = None
        self.footer: list[tuple[int, DataError, str]] = []  # position, error if it is no footer, text

    def handler(self) -> Callable[[Any], str]:
        """Return `add` as a function of its own, whose release `wait_for_release` waits for."""

        def add(row: Any) -> str:
            return self.add(row)

        released = self.released = Event()
        self.reference = ref(add, lambda _: released.set())
        return add

    @contextmanager
    def refusing_undecodable(self) -> Iterator[None]:
        """Refuse a row that is not UTF-8, which pyarrow does not hand on, but reports as unraisable."""
        report = sys.unraisablehook

        def refuse(unraisable: Any) -> None:
            if not isinstance(unraisable.exc_value, UnicodeDecodeError):
                report(unraisable)
            elif self.refused is None:
                problem = "a row of another width than the names is not UTF-8"
                self.refused = DataError(problem, "save the file as UTF-8")

        sys.unraisablehook = refuse
        try:
            yield
        finally:
            sys.unraisablehook = report

    def wait_for_release(self) -> None:
        """Wait until Arrow's threads have let go of the handler: if they do while Python exits, it aborts."""
        self.released.wait(RELEASE_TIMEOUT)

    def add(self, row: Any) -> str:
        """Decide on a row of Arrow's: "skip" it, or "error"."""
        text = row.text.strip(" \t\x1a")
        cells = [cell for cell in re.split(r"[,;\t|]", text) if cell.strip()]
        if not cells or text.startswith("#"):
            self.unusable += 1
            self.comments += bool(cells)
            if self.unusable <= MAX_UNUSABLE:
                return "skip"
            problem = f"more than {MAX_UNUSABLE:,} rows that are comments or empty"
            self.refused = DataError(problem, "delete them")
            return "error"
        position = (row.number or 0) - self.skipped - 1
        error = self.error(position, row.expected_columns, row.actual_columns, text)
        is_line = (len(cells) == 1 or row.actual_columns == 1) and not re.search(r"[\r\n]", text)
        if is_line and len(self.footer) < MAX_FOOTER:
            self.footer.append((position, error, text))
            return "skip"
        self.refused = error
        return "error"

    def error(self, position: int, expected: int, fields: int, text: str) -> DataError:
        """Build the error of a row."""
        shown = repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")
        problem = f"expected {expected:,} fields, got {fields:,} in {self.describe_row(position)}: {shown}"
        return DataError(problem, "look for a missing quote or a surplus delimiter, or delete the line")

    def check(self, rows: int) -> None:
        """Raise the `DataError` of the first row that is followed by one of the given number of rows."""
        if self.refused is not None:
            raise self.refused
        total = rows + self.unusable + len(self.footer)
        for position, error, _ in self.footer:
            if position < total - len(self.footer) - self.unusable:
                raise error

    @property
    def notes(self) -> list[str]:
        """What was left out."""
        comments = [f"{plural(self.comments, 'comment')} between the rows left out"] if self.comments else []
        lines = f"{plural(len(self.footer), 'line')} below the table left out"
        return comments + ([f"{lines}: {self.footer[0][2][:MAX_SHOWN]}"] if self.footer else [])
