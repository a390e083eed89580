"""CSV files, read once in small blocks: separators, encodings and decimal commas as they occur in the wild.

Arrow reads them. It tells a column's kind from the first rows; what comes later must fit, and the row that does not is named.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from nnexp.data.errors import DataError, override
from nnexp.data.tables.reader import Block, Kind, TableReader, arrow_kind, first_line, unique
from nnexp.preprocessing.missing import MISSING

SAMPLE = 1 << 19  # bytes that separator and kinds are told from
BLOCK = 1 << 18  # bytes that are read at once: while it becomes numbers, text takes a hundred times the room
SEPARATORS = ",;\t|"
NULLS = [*MISSING, *(f" {word}" for word in MISSING)]  # Arrow takes no spaces away
FOREIGN = {
    b"PK\3\4": "an Excel workbook, or another zip archive; save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as CSV",
    b"PAR1": "a Parquet file; let its name end in .parquet",
    b"<": "a web page or XML; was a download refused?",
}


def open_csv(path: Path) -> TableReader:
    """A CSV file's columns, told from its first half megabyte; plain or gzip-compressed, whatever its name.

    Raises:
        DataError: it is empty, or no table.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    head, whole, compression = beginning(path)
    encoding = encoding_of(head)
    text = head.decode(encoding, errors="ignore")
    if "\0" in text:
        raise DataError(f"{path}: not a CSV file: it holds bytes that are no text; save it as CSV")
    if not whole:
        text = text[: text.rfind("\n") + 1]
    if "\n" not in text.strip():
        found = "has no rows below its header" if text.strip() else "is empty"
        raise DataError(f"{path}: {found}; a table has a line of column names and a line per example")
    mark = separator(text)
    block = max(BLOCK, 16 * len(max(text.splitlines(), key=len)))
    parsing = arrow.ParseOptions(delimiter=mark, newlines_in_values=True)
    tolerant = arrow.ParseOptions(
        delimiter=mark, newlines_in_values=True, invalid_row_handler=lambda row: "skip"
    )

    written: dict[str, str] = {}  # names as the file writes them, with spaces around

    def told(decimal: str) -> dict[str, str]:
        converting = arrow.ConvertOptions(null_values=NULLS, strings_can_be_null=True, decimal_point=decimal)
        reading = arrow.ReadOptions(use_threads=False)
        try:
            pa.default_memory_pool().release_unused()
            schema = arrow.read_csv(io.BytesIO(text.encode()), reading, tolerant, converting).schema
        except pa.ArrowException as error:
            raise DataError(f"{path}: not a CSV file that can be read: {first_line(error)}") from error
        names = unique([name.strip() for name in schema.names], path)
        written.update(zip(names, schema.names, strict=True))
        return dict(zip(names, map(arrow_kind, schema.types), strict=True))

    kinds, decimal = told("."), "."
    if mark != "," and "text" in kinds.values():
        with_comma = told(",")
        if list(with_comma.values()).count("number") > list(kinds.values()).count("number"):
            kinds, decimal = with_comma, ","

    def read(wanted: Mapping[str, Kind]) -> Iterator[Block]:
        types = {
            written[name]: pa.float64() if kind == "number" else pa.string() for name, kind in wanted.items()
        }
        converting = arrow.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=NULLS,
            strings_can_be_null=True,
            decimal_point=decimal,
        )
        reading = arrow.ReadOptions(use_threads=False, block_size=block, encoding=encoding)
        rows = 0
        try:
            with pa.input_stream(path, compression=compression) as stream:
                for batch in arrow.open_csv(stream, reading, parsing, converting):
                    yield {name: batch.column(written[name]) for name in wanted}
                    rows += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: {reason(error, list(written), rows)}") from error
        finally:
            pa.default_memory_pool().release_unused()

    notes = [f"read as {encoding}: it is not UTF-8"] if encoding == "cp1252" else []
    notes += ["read with decimal commas"] if decimal == "," else []
    return TableReader(kinds, read, place, notes=tuple(notes))


def place(n: int) -> str:
    """The n-th row, from 0; empty lines are no rows."""
    return f"row {n + 1:,} below the header"


def beginning(path: Path) -> tuple[bytes, bool, str | None]:
    """The first half megabyte, unpacked, but at least some lines; whether that is all; and what it is packed with."""
    with path.open("rb") as file:
        start = file.read(4)
        for magic, what in FOREIGN.items():
            if start.startswith(magic):
                raise DataError(f"{path}: not a CSV file but {what}")
        file.seek(0)
        packed = start.startswith(b"\x1f\x8b")
        try:
            with gzip.open(file) if packed else file as unpacked:
                head = unpacked.read(SAMPLE)
                while head.count(b"\n") < 3 and (more := unpacked.read(SAMPLE)):
                    head += more
                return head, not unpacked.read(1), "gzip" if packed else None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}: damaged gzip file ({error}); write or fetch it anew") from error


def encoding_of(head: bytes) -> str:
    """UTF-8, or what Excel writes instead."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else a character is cut at the end of what was read
            return "cp1252"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def separator(text: str) -> str:
    """The mark that cuts the first rows into most columns, equally many in most of them."""

    def columns(mark: str) -> int:
        try:
            widths = [len(row) for row in islice(csv.reader(io.StringIO(text), delimiter=mark), 50) if row]
        except csv.Error:
            return 1
        return widths[0] if 2 * widths.count(widths[0]) > len(widths) else 1

    return max(SEPARATORS, key=columns)


def reason(error: BaseException, columns: list[str], rows: int) -> str:
    """Why reading stopped after so many rows: where, and the remedy."""
    said = first_line(error)
    if found := re.search(
        r"CSV column #(\d+): Row #(\d+): CSV conversion error to double: invalid value '(.*)'?",
        str(error),
        re.DOTALL,
    ):
        column, row, value = columns[int(found[1])], int(found[2]) - 2, found[3].removesuffix("'")
        what = f"the column {column!r} holds numbers, and {value[:40]!r} in {place(row)}; mend it"
        return f"{what}, or take the column as categories: {override('data.categorical', column)}, or {override('data.drop', column)}"
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error)):
        return f"{place(int(found[1]) - 2)} has {found[3]} fields where the header has {found[2]}; is a quote missing or a separator too many?"
    if "straddl" in said or "chunker" in said:
        return f"a row after {place(rows)} does not end; is a quote left open?"
    if "UTF8" in said or "utf" in said.lower():
        return f"after {place(rows)} it is no longer UTF-8 text; save it as UTF-8"
    if "compress" in said or "zlib" in said:
        return f"damaged gzip file ({said}); write or fetch it anew"
    return f"after {place(rows)} it cannot be read: {said}"
