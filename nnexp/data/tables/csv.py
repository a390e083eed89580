"""Read CSV files block by block: any delimiter, UTF-8, UTF-16 or cp1252, decimal points or commas."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.tables.reader import Block, ColumnType, TableReader, type_of, unique
from nnexp.messages import first_line, list_override
from nnexp.preprocessing.missing import MISSING

SAMPLE = 1 << 19  # bytes that delimiter and column types are inferred from
BLOCK = 1 << 18  # bytes that are read at once; as Arrow's text they take up to a hundred times the memory
DELIMITERS = ",;\t|"
NULLS = [*MISSING, *(f" {text}" for text in MISSING)]  # Arrow does not strip spaces
CONVERT = {"null_values": NULLS, "strings_can_be_null": True}
INVALID_NUMBER = re.compile(r"CSV column #(\d+): Row #(\d+): .* to double: invalid value '(.*)'?", re.DOTALL)
FIELD_COUNT = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
DAMAGED_GZIP = "download or write the gzip file again"


class CsvReader(TableReader):
    """Reads a CSV file, plain or gzip-compressed, whatever its name.

    Its first half megabyte decides on encoding, delimiter, decimal mark and column types.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.expansions = {}
        head, complete, self.compression = read_head(path)
        self.encoding = detect_encoding(head)
        text = head.decode(self.encoding, errors="ignore")
        if "\0" in text:
            raise DataError("not a CSV file: it holds binary data", "save the table as CSV", path=path)
        if not complete:
            text = text[: text.rfind("\n") + 1]
        if "\n" not in text.strip():
            problem = "the file has no rows below its header" if text.strip() else "the file is empty"
            raise DataError(problem, "write a line of column names and a line per example", path=path)
        self.delimiter = detect_delimiter(text)
        self.block_size = max(BLOCK, 16 * max(map(len, text.splitlines())))
        sample = text.encode()
        self.column_types = self.infer_types(sample, ".")
        if self.delimiter != "," and "text" in self.column_types.values():
            with_comma = self.infer_types(sample, ",")
            numbers = [list(types.values()).count("number") for types in (self.column_types, with_comma)]
            if numbers[1] > numbers[0]:
                self.column_types = with_comma
                self.decimal = ","
        self.notes = ("read as cp1252: it is not UTF-8",) if self.encoding == "cp1252" else ()
        self.notes += ("read with decimal commas",) if self.decimal == "," else ()

    def describe_row(self, n: int) -> str:
        return f"row {n + 1:,} below the header"  # empty lines do not count

    def infer_types(self, sample: bytes, decimal: str) -> dict[str, str]:
        """Infer the column types from the first rows; rows of another width are skipped."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        skip = {"invalid_row_handler": lambda row: "skip"}
        parsing = arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, **skip)
        converting = arrow.ConvertOptions(**CONVERT, decimal_point=decimal)
        reading = arrow.ReadOptions(use_threads=False)
        try:
            pa.default_memory_pool().release_unused()
            schema = arrow.read_csv(io.BytesIO(sample), reading, parsing, converting).schema
        except pa.ArrowException as error:
            raise DataError(f"not a readable CSV file: {first_line(error)}", path=self.path) from error
        names = unique([name.strip() for name in schema.names], self.path)
        self.raw_names = dict(zip(names, schema.names, strict=True))
        return dict(zip(names, map(type_of, schema.types), strict=True))

    def iter_blocks(self, wanted: Mapping[str, ColumnType]) -> Iterator[Block]:
        import pyarrow as pa
        from pyarrow import csv as arrow

        arrow_types = {"number": pa.float64(), "text": pa.string()}
        types = {self.raw_names[name]: arrow_types[column_type] for name, column_type in wanted.items()}
        columns = {"column_types": types, "include_columns": list(types)}
        converting = arrow.ConvertOptions(**columns, **CONVERT, decimal_point=self.decimal)
        parsing = arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        reading = arrow.ReadOptions(use_threads=False, block_size=self.block_size, encoding=self.encoding)
        rows = 0
        try:
            with pa.input_stream(self.path, compression=self.compression) as stream:
                for batch in arrow.open_csv(stream, reading, parsing, converting):
                    yield {name: batch.column(self.raw_names[name]) for name in wanted}
                    rows += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self.explain(error, rows) from error
        finally:
            pa.default_memory_pool().release_unused()

    def explain(self, error: BaseException, rows: int) -> DataError:
        """Translate Arrow's error after so many rows: the row, the problem, the remedy."""
        line = first_line(error)
        after = f"after {self.describe_row(rows)}"
        if match := INVALID_NUMBER.search(str(error)):
            column = list(self.raw_names)[int(match[1])]
            row = self.describe_row(int(match[2]) - 2)
            value = match[3].removesuffix("'")[:40]
            problem = f"expected a number in the column {column!r}, got {value!r} in {row}"
            setting = f"{list_override('data.categorical', column)} or {list_override('data.drop', column)}"
            return DataError(problem, "correct the value", setting, self.path)
        if match := FIELD_COUNT.search(str(error)):
            row = self.describe_row(int(match[1]) - 2)
            problem = f"expected {match[2]} fields, got {match[3]} in {row}"
            return DataError(problem, "look for a missing quote or a surplus delimiter", path=self.path)
        if "straddl" in line or "chunker" in line:
            return DataError(f"a row {after} does not end", "close the quote", path=self.path)
        if "utf" in line.lower():
            return DataError(f"invalid UTF-8 {after}", "save it as UTF-8", path=self.path)
        if "compress" in line or "zlib" in line:
            return DataError(f"damaged gzip file: {line}", DAMAGED_GZIP, path=self.path)
        return DataError(f"cannot be read {after}: {line}", path=self.path)


def read_head(path: Path) -> tuple[bytes, bool, str | None]:
    """Read half a megabyte, unpacked, and at least some lines; whether that is all; the compression."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            with gzip.open(file) if packed else file as unpacked:
                head = unpacked.read(SAMPLE)
                while head.count(b"\n") < 3 and (more := unpacked.read(SAMPLE)):
                    head += more
                return head, not unpacked.read(1), "gzip" if packed else None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"damaged gzip file: {error}", DAMAGED_GZIP, path=path) from error


def detect_encoding(head: bytes) -> str:
    """Return UTF-8, or what Excel writes instead."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else the end of the sample cuts a character
            return "cp1252"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def detect_delimiter(text: str) -> str:
    """Return the mark that cuts the first rows into most columns, equally many in most rows."""

    def columns(mark: str) -> int:
        try:
            widths = [len(row) for row in islice(csv.reader(io.StringIO(text), delimiter=mark), 50) if row]
        except csv.Error:
            return 1
        return widths[0] if 2 * widths.count(widths[0]) > len(widths) else 1

    return max(DELIMITERS, key=columns)
