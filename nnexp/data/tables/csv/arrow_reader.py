"""Read the rows of a CSV file in a known dialect with Arrow, block by block."""

import csv
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nnexp.data.tables.csv.arrow_errors import (
    NumberError,
    StraddlingError,
    explain,
    is_invalid_number,
    is_straddling,
)
from nnexp.data.tables.csv.bounded_stream import MAX_LINE, check_unpacked, is_compressed, open_binary
from nnexp.data.tables.csv.dialect import Dialect
from nnexp.data.tables.csv.long_rows import check_last_quote, measure_rows
from nnexp.data.tables.csv.row_stream import BLOCK, RowStream
from nnexp.data.tables.csv.surplus_rows import SurplusRows
from nnexp.data.tables.reader import Block
from nnexp.preprocessing.missing import MISSING

ROWS = 16  # of the length of the longest in the sample, that a block holds
NULLS = [*MISSING, *(f" {text}" for text in MISSING)]  # Arrow does not strip spaces
CONVERT = {"null_values": NULLS, "strings_can_be_null": True}


class ArrowReader:
    """Reads columns of a CSV file as Arrow types.

    Attributes:
        surplus: the rows of another width that were left out in the last pass.
    """

    def __init__(self, path: Path, encoding: str, dialect: Dialect, names: list[str], sample: str) -> None:
        self.path, self.encoding, self.dialect, self.names = path, encoding, dialect, names
        self.sample = sample  # complete lines
        longest = max(len(line.encode(errors="replace")) for line in sample.splitlines())
        self.block_size = max(BLOCK, longest + BLOCK, min(ROWS * longest, MAX_LINE))
        self.is_gzip = dialect.is_plain and is_compressed(path)  # and unpacked by Arrow
        self.surplus = SurplusRows(self.describe_row)

    def describe_row(self, n: int) -> str:
        return f"row {n + 1:,} below the header"  # empty lines do not count

    @property
    def delimiter(self) -> str:
        return self.dialect.delimiter if self.dialect.is_plain else ","

    @property
    def skip(self) -> int:
        return self.dialect.lines if self.dialect.is_plain else 0

    def read_sample(self, **options: Any) -> Any:
        """Read the rows of full width in the sample, as an Arrow table."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        skip = {"invalid_row_handler": lambda row: "skip"}
        parsing = arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, **skip)
        size = max(1 << 20, len(self.sample.encode(errors="replace")) + 1)
        reading = arrow.ReadOptions(
            use_threads=False, column_names=self.names, skip_rows=self.skip, block_size=size
        )
        try:
            with self.open_stream(self.sample) as stream:
                return arrow.read_csv(stream, reading, parsing, arrow.ConvertOptions(**CONVERT, **options))
        except (pa.ArrowException, csv.Error) as error:
            raise explain(error, "the header", self.path) from error

    def open_stream(self, text: str | None = None) -> Any:
        """Open the file, or a text of it, for Arrow, which does not know all dialects."""
        import pyarrow as pa

        if self.dialect.is_plain and text is None:
            return pa.input_stream(self.path, compression="gzip" if self.is_gzip else None)
        binary = open_binary(self.path) if text is None else io.BytesIO(text.encode(errors="replace"))
        if self.dialect.is_plain:
            return pa.PythonFile(binary, mode="r")
        encoding = self.encoding if text is None else "utf-8"
        lines = io.TextIOWrapper(binary, encoding, newline="")
        return pa.PythonFile(RowStream(self.dialect.iter_rows(lines), lines), mode="r")

    def iter_batches(
        self, types: Mapping[str, Any], decimal: str = ".", exact: str | None = None
    ) -> Iterator[Block]:
        """Read columns as Arrow types, numbers with a decimal mark; the column `exact` as it is written."""
        rows = 0
        try:
            for block in self.read_blocks(types, decimal, exact):
                rows += len(next(iter(block.values())))
                yield block
            if self.dialect.quote == '"':
                check_last_quote(self.path, self.encoding, self.dialect)
            return
        except StraddlingError:
            lengths = measure_rows(self.path, self.encoding, self.dialect)
            self.block_size = lengths.longest + BLOCK
        try:
            for block in self.read_blocks(types, decimal, exact):
                length = len(next(iter(block.values())))
                if rows < length:
                    yield {name: column.slice(rows) for name, column in block.items()}
                rows = max(rows - length, 0)
        except StraddlingError as error:
            raise lengths.error("it cannot be parsed") from error

    def read_blocks(self, types: Mapping[str, Any], decimal: str, exact: str | None) -> Iterator[Block]:
        """Read the file in one pass."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        self.surplus = SurplusRows(self.describe_row, self.skip)
        columns = {"column_types": dict(types), "include_columns": list(types)}
        is_exact = exact in types
        missing = CONVERT | {"strings_can_be_null": not is_exact}
        converting = arrow.ConvertOptions(**columns, **missing, decimal_point=decimal)
        parsing = arrow.ParseOptions(
            delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=self.surplus.handler()
        )
        reading = arrow.ReadOptions(
            use_threads=False,
            block_size=self.block_size,
            encoding=self.encoding if self.dialect.is_plain else "utf-8",
            column_names=self.names,
            skip_rows=self.skip,
        )
        rows = 0
        try:
            with self.open_stream() as stream, self.surplus.refusing_undecodable():
                for n, batch in enumerate(arrow.open_csv(stream, reading, parsing, converting)):
                    if self.is_gzip:
                        check_unpacked(self.path, n * self.block_size)
                    block = {name: batch.column(name) for name in types}
                    others = [name for name in types if is_exact and name != exact]
                    yield block | {name: with_nulls(block[name]) for name in others}
                    rows += batch.num_rows
        except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
            if is_invalid_number(error):
                raise NumberError from error
            if is_straddling(error) and not self.surplus.refused:
                raise StraddlingError from error
            explained = self.surplus.refused or explain(error, self.describe_row(rows), self.path)
            raise explained from error
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
