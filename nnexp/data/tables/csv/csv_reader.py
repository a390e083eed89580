"""Read CSV files block by block: any delimiter, UTF-8, UTF-16 or cp1252, numbers of any locale."""

import csv
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnexp.data.tables.csv import number_formats
from nnexp.data.tables.csv.arrow_errors import NumberError, explain, is_invalid_number
from nnexp.data.tables.csv.dialect import detect_dialect
from nnexp.data.tables.csv.file_head import (
    check_content,
    decode_head,
    detect_encoding,
    is_compressed,
    open_binary,
    read_head,
)
from nnexp.data.tables.csv.header import check_first_row, check_header, check_last_row, name_columns
from nnexp.data.tables.csv.number_texts import NumberTexts, to_float64
from nnexp.data.tables.csv.row_stream import RowStream
from nnexp.data.tables.csv.surplus_rows import SurplusRows
from nnexp.data.tables.reader import Block, ColumnType, TableReader, convert, type_of
from nnexp.preprocessing.missing import MISSING
from nnexp.preprocessing.number_format import NO_MARKS, PLAIN, NumberFormat

BLOCK = 1 << 18  # bytes that are read at once; as Arrow's text they take up to a hundred times the memory
NULLS = [*MISSING, *(f" {text}" for text in MISSING)]  # Arrow does not strip spaces
CONVERT = {"null_values": NULLS, "strings_can_be_null": True}


class CsvReader(TableReader):
    """Reads a CSV file, plain or gzip-compressed, whatever its name.

    Its first half megabyte decides on encoding, dialect and column types; all its numbers decide how they
    are written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        head, complete = read_head(path)
        check_content(head, path)
        self.encoding = detect_encoding(head)
        text = decode_head(head, self.encoding, complete, path)
        self.dialect = detect_dialect(text, complete)
        self.names = name_columns(self.dialect.names, path)
        self.expansions = {f"Unnamed: {n}": ("",) for n, name in enumerate(self.names) if not name}
        self.block_size = max(BLOCK, 16 * max(map(len, text.splitlines())))
        self.texts: dict[str, NumberTexts] = {}  # of the columns of numbers
        self.formats: number_formats.Formats = {}
        self.surplus = SurplusRows(self.describe_row)
        sample = self.infer_types(text)
        check_header(self.names, sample, self.column_types, path)
        check_first_row(self.names, sample, path)
        check_last_row(path, self.encoding, self.dialect, sample)
        as_cp1252 = ("read as cp1252: it is not UTF-8",) if self.encoding == "cp1252" else ()
        self.opening_notes = (*as_cp1252, *self.dialect.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.opening_notes, *self.surplus.notes)

    def describe_row(self, n: int) -> str:
        return f"row {n + 1:,} below the header"  # empty lines do not count

    def number_format(self, name: str) -> NumberFormat:
        return self.formats.get(name, PLAIN)

    def number_notes(self, names: Sequence[str]) -> list[str]:
        formats = {name: self.formats[name] for name in names if name in self.formats}
        return number_formats.describe_formats(formats, self.texts)

    def infer_types(self, text: str) -> dict[str, Any]:
        """Infer the column types from the first rows; return the columns' texts, of rows of full width."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        def read(**options: Any) -> Any:
            converting = arrow.ConvertOptions(**CONVERT, **options)
            with self.open_stream(text) as stream:
                return arrow.read_csv(stream, reading, parsing, converting)

        skip = {"invalid_row_handler": lambda row: "skip"}
        parsing = arrow.ParseOptions(delimiter=self.arrow_delimiter, newlines_in_values=True, **skip)
        reading = arrow.ReadOptions(use_threads=False, column_names=self.names, skip_rows=self.arrow_skip)
        try:
            pa.default_memory_pool().release_unused()
            schema = read().schema
            columns = dict(
                zip(self.names, read(column_types=dict.fromkeys(self.names, pa.string())), strict=True)
            )
        except pa.ArrowException as error:
            raise explain(error, "the header", self.path) from error
        self.arrow_types = dict(zip(self.names, schema.types, strict=True))
        self.column_types = {}
        for name, column in columns.items():
            numbers = NumberTexts()
            for chunk in column.chunks:
                numbers.add(chunk)
            self.column_types[name] = type_of(self.arrow_types[name]) if numbers.is_empty else "text"
            if not numbers.other:
                self.column_types[name] = "number"
                self.texts[name] = numbers
        return columns

    @property
    def arrow_delimiter(self) -> str:
        return self.dialect.delimiter if self.dialect.is_plain else ","

    @property
    def arrow_skip(self) -> int:
        return self.dialect.lines if self.dialect.is_plain else 0

    def open_stream(self, text: str | None = None) -> Any:
        """Open the file, or a text of it, for Arrow, which does not know all dialects."""
        import pyarrow as pa

        if self.dialect.is_plain and text is None:
            compression = "gzip" if is_compressed(self.path) else None
            return pa.input_stream(self.path, compression=compression)
        binary = open_binary(self.path) if text is None else io.BytesIO(text.encode())
        if self.dialect.is_plain:
            return pa.PythonFile(binary, mode="r")
        encoding = self.encoding if text is None else "utf-8"
        lines = io.TextIOWrapper(binary, encoding, newline="")
        return pa.PythonFile(RowStream(self.dialect.iter_rows(lines), lines), mode="r")

    def iter_blocks(self, wanted: Mapping[str, ColumnType]) -> Iterator[Block]:
        """Read the wanted columns, in one pass or in two.

        Arrow parses plain numbers while it reads. At the first number that is written in another way, and
        where the sample shows digit groups, a pass over the texts of all columns of numbers decides.
        """
        import pyarrow as pa

        numbers = [name for name, column_type in wanted.items() if column_type == "number"]
        self.formats = number_formats.decide_formats(self.texts, self.marks, self.dialect.delimiter)
        exact = self.exact_types(numbers)
        decimals = {self.formats[name].decimal for name in exact} - {""}
        rows = 0
        if len(exact) == len(numbers) and len(decimals) <= 1:
            types = {name: exact.get(name, pa.string()) for name in wanted}
            try:
                for block in self.iter_batches(types, "".join(decimals) or "."):
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
        """Return the Arrow types of the columns whose numbers Arrow can parse, by the sample.

        Whole numbers are int64: a number with a mark is an error, not a number of another size.
        """
        import pyarrow as pa

        types = {}
        for name in names:
            is_whole = pa.types.is_integer(self.arrow_types[name]) or pa.types.is_null(self.arrow_types[name])
            if is_whole and self.formats.get(name) == NO_MARKS:
                types[name] = pa.int64()
            elif self.formats.get(name) in (PLAIN, NumberFormat(",")):
                types[name] = pa.float64()
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
        self.formats = number_formats.decide_formats(self.texts, self.marks, self.dialect.delimiter)
        self.errors = number_formats.number_errors(texts, self.formats, self.describe_row)
        if rows:
            decided = {name: self.formats[name] for name in names if name in self.formats}
            number_formats.check_change(before, decided, rows)

    def iter_batches(self, types: Mapping[str, Any], decimal: str = ".") -> Iterator[Block]:
        """Read columns as Arrow types, numbers with a decimal mark."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        self.surplus = SurplusRows(self.describe_row, self.arrow_skip)
        columns = {"column_types": dict(types), "include_columns": list(types)}
        is_exact = self.exact in types
        missing = CONVERT | {"strings_can_be_null": not is_exact}
        converting = arrow.ConvertOptions(**columns, **missing, decimal_point=decimal)
        parsing = arrow.ParseOptions(
            delimiter=self.arrow_delimiter,
            newlines_in_values=True,
            invalid_row_handler=self.surplus.handler(),
        )
        reading = arrow.ReadOptions(
            use_threads=False,
            block_size=self.block_size,
            encoding=self.encoding if self.dialect.is_plain else "utf-8",
            column_names=self.names,
            skip_rows=self.arrow_skip,
        )
        rows = 0
        try:
            with self.open_stream() as stream:
                for batch in arrow.open_csv(stream, reading, parsing, converting):
                    block = {name: batch.column(name) for name in types}
                    others = [name for name in types if is_exact and name != self.exact]
                    yield block | {name: with_nulls(block[name]) for name in others}
                    rows += batch.num_rows
        except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
            if is_invalid_number(error):
                raise NumberError from error
            raise self.surplus.refused or explain(error, self.describe_row(rows), self.path) from error
        finally:
            del parsing
            self.surplus.wait_for_release()
            pa.default_memory_pool().release_unused()
        self.surplus.check(rows)


def with_nulls(column: Any) -> Any:
    """Return an Arrow column whose texts for missing values are null."""
    import pyarrow as pa
    from pyarrow import compute

    if not pa.types.is_string(column.type):
        return column
    is_missing = compute.is_in(column, value_set=pa.array(NULLS, pa.string()))
    return compute.if_else(is_missing, pa.scalar(None, pa.string()), column)
