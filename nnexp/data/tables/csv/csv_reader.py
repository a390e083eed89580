"""Read CSV files block by block: any delimiter, UTF-8, UTF-16 or cp1252, numbers of any locale."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnexp.data.tables.csv import number_formats
from nnexp.data.tables.csv.arrow_errors import NumberError
from nnexp.data.tables.csv.arrow_reader import ArrowReader
from nnexp.data.tables.csv.dialect import detect_dialect
from nnexp.data.tables.csv.file_head import check_content, decode_head, detect_encoding, read_head
from nnexp.data.tables.csv.header import check_first_row, check_header, check_last_row, name_columns
from nnexp.data.tables.csv.number_texts import NumberTexts, to_float64
from nnexp.data.tables.reader import Block, ColumnType, TableReader, convert, type_of
from nnexp.preprocessing.number_format import NO_MARKS, PLAIN, NumberFormat


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
        self.rows = ArrowReader(path, self.encoding, self.dialect, self.names, text)
        self.texts: dict[str, NumberTexts] = {}  # of the columns of numbers
        self.formats: number_formats.Formats = {}
        sample = self.infer_types()
        check_header(self.names, sample, self.column_types, path)
        check_first_row(self.names, sample, path)
        check_last_row(path, self.encoding, self.dialect, sample)
        as_cp1252 = ("read as cp1252: it is not UTF-8",) if self.encoding == "cp1252" else ()
        self.opening_notes = (*as_cp1252, *self.dialect.notes)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.opening_notes, *self.rows.surplus.notes)

    def describe_row(self, n: int) -> str:
        return self.rows.describe_row(n)

    def number_format(self, name: str) -> NumberFormat:
        return self.formats.get(name, PLAIN)

    def number_notes(self, names: Sequence[str]) -> list[str]:
        formats = {name: self.formats[name] for name in names if name in self.formats}
        return number_formats.describe_formats(formats, self.texts)

    def infer_types(self) -> dict[str, Any]:
        """Infer the column types from the first rows; return the columns' texts, of rows of full width."""
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
        schema = self.rows.read_sample().schema
        texts = self.rows.read_sample(column_types=dict.fromkeys(self.names, pa.string()))
        columns = dict(zip(self.names, texts, strict=True))
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
                for block in self.rows.iter_batches(types, "".join(decimals) or ".", self.exact):
                    yield {name: convert(block[name], column_type) for name, column_type in wanted.items()}
                    rows += len(next(iter(block.values())))
                return
            except NumberError:
                pass
        self.decide_by_all(numbers, rows)
        for block in self.rows.iter_batches(dict.fromkeys(wanted, pa.string()), exact=self.exact):
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
        for block in self.rows.iter_batches(dict.fromkeys(names, pa.string())):
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
