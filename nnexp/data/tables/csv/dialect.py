"""The dialect of a CSV file, decided from its first rows: delimiter, quotes, where the column names are."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.bounded_stream import MAX_LINE
from nnexp.messages import plural
from nnexp.preprocessing.number_format import is_number

DELIMITERS = ",;\t|"
NAMES_AND_ROWS = "write a line of column names and a line per example"
SEPARATOR_LINE = re.compile(r'\s*"?sep=(\\t|.)"?[^\S\t]*(\r\n|\n|\r)', re.IGNORECASE)  # Excel's
ESCAPED_QUOTE = re.compile(r'\\"(?![,;\t|\r\n"]|$)')
RULE = re.compile(r"[\s|+:=]*--[-\s|+:=]*|[\s|+:-]*==[=\s|+:-]*")
MAX_ROWS = 200  # that decide on the names
MAX_EXAMINED = 50  # rows that decide on the delimiter
MAX_PREAMBLE = 50  # rows before the column names
MIN_SPACED = 2  # rows of a file whose columns are separated by spaces
MOSTLY = 0.9  # of its rows
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))  # of the process: 131,072 cut long texts off
Row = tuple[int, list[str]]  # the last line of a row that is not empty, and its fields


@dataclass(frozen=True)
class Dialect:
    """How rows are written, and the names of the columns."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""  # before a quote within quotes; empty: quotes are doubled
    skips_spaces: bool = False  # after delimiters
    names: tuple[str, ...] = ()  # "" where there is none
    lines: int = 0  # up to the first row below the names
    ends_with_delimiter: bool = False  # the rows do, the names do not
    has_rules: bool = False  # lines of dashes between rows, as databases print tables
    notes: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether Arrow reads the rows as they are."""
        is_plain = self.quote == '"' and not self.escape and self.delimiter.isascii()
        return is_plain and not (self.skips_spaces or self.ends_with_delimiter or self.has_rules)

    def parse(self, lines: Iterable[str], strict: bool = False) -> Any:
        """Return a reader of rows, of Python's csv module."""
        return csv.reader(
            lines,
            strict=strict,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape or None,
            doublequote=not self.escape,
            skipinitialspace=self.skips_spaces,
        )

    def iter_rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Parse the rows below the names, from the lines of the whole file."""
        for fields in self.parse(islice(lines, self.lines, None)):
            if self.has_rules and _is_rule(fields):
                continue
            last_is_empty = bool(fields) and not fields[-1].strip()
            surplus = self.delimiter == " " or (self.ends_with_delimiter and len(fields) > len(self.names))
            yield fields[:-1] if last_is_empty and surplus else fields


def detect_dialect(text: str, complete: bool) -> Dialect:
    """Detect the dialect of a file from its beginning, or all of it.

    Raises:
        DataError: the names do not fit the rows, or a quote is not closed.
    """
    separator = SEPARATOR_LINE.match(text)
    lines = [*io.StringIO(text, newline="")]
    start = 1 if separator else 0
    is_comment = [line.startswith("#") or not line.strip() for line in lines[start:]]
    first = [*is_comment, False].index(False)
    comments = [line for line in lines[start : start + first] if line.strip()]
    start += first
    body = lines[start:]
    if not any(line.strip() for line in body):
        raise DataError("the file holds only comments", NAMES_AND_ROWS)
    dialect = _detect_quotes("".join(body[:MAX_ROWS]))
    delimiters = separator[1].replace("\\t", "\t") if separator else DELIMITERS
    dialect = _detect_delimiter(dialect, body, delimiters)
    rows = _parse_rows(dialect, body, MAX_ROWS)
    if not rows:
        raise DataError("not a readable CSV file: its first rows cannot be parsed", NAMES_AND_ROWS)
    width = _common_width(rows)[0]
    n = next((n for n, (_, row) in enumerate(rows[:MAX_PREAMBLE]) if not _is_title(row, width)), 0)
    n = _find_names(rows[:MAX_PREAMBLE], n, width)
    end, names = rows[n]
    skipped = len(comments) + n
    commented = next(iter(dialect.parse([comments[-1].lstrip("# ")]))) if comments else []
    if n == 0 and len(commented) == len(names) and has_numbers(names) and not has_numbers(commented):
        end, names, skipped = 0, commented, skipped - 1  # as numpy.savetxt writes the names
    left_out = (f"{plural(skipped, 'line')} before the column names left out",) if skipped else ()
    has_rules = any(RULE.fullmatch(line.strip()) for line in body[:MAX_PREAMBLE])
    dialect = replace(dialect, lines=start + end, notes=left_out, has_rules=has_rules)
    if len(names) == 1:
        _check_delimiter(names[0], [row[0] for line, row in rows if line > end])
    if complete:
        _check_quotes(dialect, lines, start)
    try:
        below = [row for line, row in rows if line > end]
        return _fit_names(dialect, [name.strip() for name in names], below)
    except DataError:
        _check_quotes(dialect, lines, start)
        raise


def _check_delimiter(name: str, cells: Sequence[str]) -> None:
    """Raise a `DataError` if a mark cuts the only column, its name and its cells, into equally many."""
    for mark in dict.fromkeys(re.findall(r"[^\w\s.'\"-]", name)):
        if cells and all(cell.count(mark) == name.count(mark) for cell in cells):
            if mark in DELIMITERS:
                raise DataError(f"each row is quoted as a whole: {name[:60]!r}", "delete these quotes")
            first_line = f", or write a first line sep={mark}" if mark.isprintable() else ""
            remedy = f"separate the columns by commas{first_line}"
            raise DataError(f"the columns are separated by {mark!r}: {name[:60]!r}", remedy)


def _check_quotes(dialect: Dialect, lines: Sequence[str], start: int) -> None:
    """Raise a `DataError` if the last row of lines begins a quote that is not closed there."""
    reader = dialect.parse(lines[start:], strict=True)
    line = start
    try:
        while True:
            line = start + reader.line_num
            next(reader)
    except StopIteration:
        return
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            shown = lines[line].strip()[:60]
            raise DataError(f"a quote is not closed in line {line + 1:,}, {shown!r}", "close it") from error


def has_numbers(fields: Sequence[str]) -> bool:
    """Check whether any field is a number."""
    return any(is_number(field.strip()) for field in fields)


def _detect_quotes(text: str) -> Dialect:
    """Return a dialect with the quotes that a text has."""
    single = len(re.findall(r"(?m)(?:^|[,;\t|])'", text))
    quote = "'" if '"' not in text and single >= text.count("\n") else '"'
    return Dialect(quote=quote, escape="\\" if ESCAPED_QUOTE.search(text) else "")


def _detect_delimiter(dialect: Dialect, lines: Sequence[str], delimiters: str) -> Dialect:
    """Return the dialect whose delimiter cuts the rows into most columns, equally many in most rows.

    Delimiters that cut the first row into as many are preferred: it has the names, unless it is a title.
    """
    text = "".join(lines[:MAX_ROWS])
    dialects = {}
    for delimiter in delimiters:
        spaces = re.search(rf"{re.escape(delimiter)}(?<!  ) ++{dialect.quote}", text) is not None
        candidate = replace(dialect, delimiter=delimiter, skips_spaces=spaces)
        rows = _parse_rows(candidate, lines, MAX_EXAMINED)
        width, count = _common_width(rows)
        if width > 1 and 2 * count > len(rows):
            fits_first = len(rows[0][1]) == width
            dialects[candidate] = (fits_first, width if fits_first else count, width)
    best = max(dialects, key=lambda candidate: dialects[candidate], default=None)
    if best is not None and (dialects[best][0] or len(delimiters) == 1):
        return best
    spaced = replace(dialect, delimiter=" ", skips_spaces=True)
    rows = _parse_rows(spaced, lines, MAX_EXAMINED)
    width, count = _common_width(rows)
    fits_first = best is None or (bool(rows) and len(rows[0][1]) == width)
    is_table = fits_first and width > 1 and len(rows) > MIN_SPACED and count >= MOSTLY * len(rows)
    delimited = sum(field.endswith(tuple(DELIMITERS)) for _, row in rows for field in row)
    if is_table and 2 * delimited < len(rows) and len(delimiters) > 1:
        return spaced
    return best or replace(dialect, delimiter=delimiters[0])


def _parse_rows(dialect: Dialect, lines: Sequence[str], limit: int) -> list[Row]:
    """Parse the first rows that are not empty; none if they cannot be parsed."""
    reader = dialect.parse(lines)
    try:
        rows = [(reader.line_num, row) for row in islice(reader, limit)]
    except csv.Error:
        return []
    rows = [
        (line, row[:-1] if dialect.delimiter == " " and not row[-1] else row) for line, row in rows if row
    ]
    return [(line, row) for line, row in rows if (row[1:] or "".join(row).strip()) and not _is_rule(row)]


def _is_rule(fields: Sequence[str]) -> bool:
    """Check whether a row is a line of dashes, below the names or around the table."""
    return RULE.fullmatch("".join(fields)) is not None


def _common_width(rows: Sequence[Row]) -> tuple[int, int]:
    """Return the most common number of fields, and the number of rows that have it."""
    widths = Counter(len(row) for _, row in rows)
    return widths.most_common(1)[0] if widths else (1, 0)


def _is_title(row: Sequence[str], width: int) -> bool:
    """Check whether a row above the names is a title: it has less fields, or most are empty."""
    present = [field for field in row if field.strip()]
    is_series = len(row) == 2 and not row[0].strip()
    return len(row) < width - 1 or (len(present) <= 1 < width and not is_series)


def _find_names(rows: Sequence[Row], n: int, width: int) -> int:
    """Return the row of names, n or a later one: names for all columns below pairs such as "Device,X12"."""
    incomplete = len(rows[n][1]) < width or not rows[n][1][-1].strip()
    for later, (_, row) in enumerate(rows[n + 1 :], n + 1):
        is_full = len(row) == width and all(field.strip() for field in row)
        if incomplete and is_full:
            below = [fields for _, fields in rows[later + 1 :]]
            are_names = len({*row}) == width and not has_numbers(row)
            return later if are_names and below and all(map(has_numbers, below)) else n
    return n


def _fit_names(dialect: Dialect, names: list[str], rows: Sequence[Sequence[str]]) -> Dialect:
    """Return the dialect with a name for each field of most rows."""
    width = _common_width([(0, list(row)) for row in rows])[0] if rows else len(names)
    full = [row for row in rows if len(row) == width]
    if len(names) == width + 1 and not names[-1]:
        names = names[:-1]
    elif len(names) == width - 1 and all(not row[-1].strip() for row in full):
        dialect = replace(dialect, ends_with_delimiter=True)
    elif len(names) == width - 1 and _are_row_names([row[0] for row in full]):
        names = ["", *names]
    elif len(names) != width:
        problem = f"the line of column names has {plural(len(names), 'field')}, most rows have {width:,}"
        raise DataError(problem, "write a name for each column")
    return replace(dialect, names=tuple(names))


def _are_row_names(cells: Sequence[str]) -> bool:
    """Check whether cells are names of rows, as R writes them below no column name."""
    numbered = any([*cells] == [str(n + first) for n in range(len(cells))] for first in (0, 1))
    return numbered or (len({*cells}) == len(cells) and not any(map(is_number, cells)))
