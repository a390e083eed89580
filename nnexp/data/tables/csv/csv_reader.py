"""Read CSV files block by block: any delimiter, UTF-8, UTF-16 or cp1252, numbers of any locale."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnexp.data.errors import DataError
from nnexp.data.tables.csv import number_formats
from nnexp.data.tables.csv.dialect import DAMAGED_GZIP, detect_delimiter, detect_encoding, read_head
from nnexp.data.tables.csv.number_texts import NumberTexts, to_float64
from nnexp.data.tables.reader import Block, ColumnType, TableReader, convert, type_of, unique
from nnexp.messages import first_line
from nnexp.preprocessing.missing import MISSING
from nnexp.preprocessing.number_format import NO_MARKS, PLAIN, NumberFormat

BLOCK = 1 << 18  # bytes that are read at once; as Arrow's text they take up to a hundred times the memory
NULLS = [*MISSING, *(f" {text}" for text in MISSING)]  # Arrow does not strip spaces
CONVERT = {"null_values": NULLS, "strings_can_be_null": True}
INVALID_NUMBER = re.compile(r"CSV column #\d+: Row #\d+: .* to (double|int64): invalid value")
FIELD_COUNT = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


class NumberError(Exception):
    """A number that is not written like those of the sample."""


class CsvReader(TableReader):
    """Reads a CSV file, plain or gzip-compressed, whatever its name.

    Its first half megabyte decides on encoding, delimiter and column types; all its numbers decide how they
    are written.
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
        self.texts: dict[str, NumberTexts] = {}  # of the columns of numbers
        self.formats: number_formats.Formats = {}
        self.infer_types(text.encode())
        self.notes = ("read as cp1252: it is not UTF-8",) if self.encoding == "cp1252" else ()

    def describe_row(self, n: int) -> str:
        return f"row {n + 1:,} below the header"  # empty lines do not count

    def number_format(self, name: str) -> NumberFormat:
        return self.formats.get(name, PLAIN)

    def number_notes(self, names: Sequence[str]) -> list[str]:
        formats = {name: self.formats[name] for name in names if name in self.formats}
        return number_formats.describe_formats(formats, self.texts)

    def infer_types(self, sample: bytes) -> None:
        """Infer the column types from the first rows; rows of another width are skipped."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        skip = {"invalid_row_handler": lambda row: "skip"}
        parsing = arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, **skip)
        reading = arrow.ReadOptions(use_threads=False)
        try:
            pa.default_memory_pool().release_unused()
            inferred = arrow.read_csv(io.BytesIO(sample), reading, parsing, arrow.ConvertOptions(**CONVERT))
            names = unique([name.strip() for name in inferred.column_names], self.path)
            as_text = dict.fromkeys(inferred.column_names, pa.string())
            converting = arrow.ConvertOptions(**CONVERT, column_types=as_text)
            texts = arrow.read_csv(io.BytesIO(sample), reading, parsing, converting)
        except pa.ArrowException as error:
            raise DataError(f"not a readable CSV file: {first_line(error)}", path=self.path) from error
        self.raw_names = dict(zip(names, inferred.column_names, strict=True))
        self.arrow_types = dict(zip(names, inferred.schema.types, strict=True))
        column_types = {}
        for name, column in zip(names, texts.columns, strict=True):
            numbers = NumberTexts()
            for chunk in column.chunks:
                numbers.add(chunk)
            column_types[name] = type_of(self.arrow_types[name]) if numbers.is_empty else "text"
            if not numbers.other:
                column_types[name] = "number"
                self.texts[name] = numbers
        self.column_types = column_types

    def iter_blocks(self, wanted: Mapping[str, ColumnType]) -> Iterator[Block]:
        """Read the wanted columns, in one pass or in two.

        Arrow parses plain numbers while it reads. At the first number that is written in another way, and
        where the sample shows such numbers, a pass over the texts of all columns of numbers decides.
        """
        import pyarrow as pa

        numbers = [name for name, column_type in wanted.items() if column_type == "number"]
        self.formats = number_formats.decide_formats(self.texts, self.marks, self.delimiter)
        exact = self.exact_types(numbers)
        rows = 0
        if len(exact) == len(numbers):
            try:
                for block in self.iter_batches({name: exact.get(name, pa.string()) for name in wanted}):
                    yield {name: convert(block[name], column_type) for name, column_type in wanted.items()}
                    rows += len(next(iter(block.values())))
                return
            except NumberError:
                pass
        self.decide_by_all(numbers, rows)
        for block in self.iter_batches(dict.fromkeys(wanted, pa.string())):
            length = len(next(iter(block.values())))
            if rows < length:
                texts = {name: column.slice(rows) for name, column in block.items()}
                yield texts | {name: self.parse(name, texts[name]) for name in numbers}
            rows = max(rows - length, 0)

    def parse(self, name: str, texts: Any) -> Any:
        """Convert texts of a column to float64, all null if there is no format for them."""
        import pyarrow as pa

        known = name in self.formats and name not in self.errors
        return to_float64(texts, self.formats[name]) if known else pa.nulls(len(texts), pa.float64())

    def exact_types(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the Arrow types of the columns whose numbers are plain in the sample.

        Whole numbers are int64: a number with a mark is an error, not a number of another size.
        """
        import pyarrow as pa

        types = {}
        for name in names:
            is_float = pa.types.is_floating(self.arrow_types[name])
            if self.formats.get(name) == (PLAIN if is_float else NO_MARKS):
                types[name] = pa.float64() if is_float else pa.int64()
        return types

    def decide_by_all(self, names: Sequence[str], rows: int) -> None:
        """Decide on the number formats by all texts of the columns, once the first rows have been read."""
        import pyarrow as pa

        texts = {name: NumberTexts() for name in names}
        row = 0
        for block in self.iter_batches(dict.fromkeys(names, pa.string())):
            for name in names:
                texts[name].add(block[name], row)
            row += len(block[names[0]])
        self.texts |= texts
        before = self.formats
        self.formats = number_formats.decide_formats(self.texts, self.marks, self.delimiter)
        self.errors = number_formats.number_errors(texts, self.formats, self.describe_row)
        if rows:
            number_formats.check_change(before, {name: self.formats.get(name, PLAIN) for name in names}, rows)

    def iter_batches(self, types: Mapping[str, Any]) -> Iterator[Block]:
        """Read columns as Arrow types."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        raw_types = {self.raw_names[name]: arrow_type for name, arrow_type in types.items()}
        columns = {"column_types": raw_types, "include_columns": list(raw_types)}
        converting = arrow.ConvertOptions(**columns, **CONVERT)
        parsing = arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        reading = arrow.ReadOptions(use_threads=False, block_size=self.block_size, encoding=self.encoding)
        rows = 0
        try:
            with pa.input_stream(self.path, compression=self.compression) as stream:
                for batch in arrow.open_csv(stream, reading, parsing, converting):
                    yield {name: batch.column(self.raw_names[name]) for name in types}
                    rows += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            if INVALID_NUMBER.search(str(error)):
                raise NumberError from error
            raise self.explain(error, rows) from error
        finally:
            pa.default_memory_pool().release_unused()

    def explain(self, error: BaseException, rows: int) -> DataError:
        """Translate Arrow's error after so many rows: the row, the problem, the remedy."""
        line = first_line(error)
        after = f"after {self.describe_row(rows)}"
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
