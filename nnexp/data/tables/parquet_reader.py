"""Read Parquet files block by block: a dictionary or a run of equal values may stand for very much."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nnexp.available_memory import available_memory
from nnexp.data.errors import DataError
from nnexp.data.tables.reader import Block, ColumnType, TableReader, convert, type_of, unique
from nnexp.messages import first_line
from nnexp.regular_file import open_regular

ROWS = 1 << 14  # that are read at once
BUFFER = 1 << 16  # bytes of each column that are read at once
MAX_TEXT = 1 << 26  # bytes of a block's texts
MAX_FOOTER = 1 << 26  # bytes: 20,000 columns in 20 row groups
MAX_UNPACKED = 1 << 28  # bytes that any file may unpack to
MAX_RATIO = 500  # of a larger one
MEAN_TEXT = 1024  # bytes of a text, with which any number of rows is read
TAIL = 8  # bytes: the size of the footer, and what ends each file
WRITE_AGAIN = "download or write the file again"


class ParquetReader(TableReader):
    """Reads a Parquet file."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        self.expansions = {}
        self.size = path.stat().st_size
        self.check_footer()
        try:
            self.file = self.open([])
            schema = self.file.schema_arrow
            names = unique(schema.names, path)
        except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name that is not UTF-8
            problem = f"not a Parquet file, or incomplete: {first_line(error)}"
            raise DataError(problem, WRITE_AGAIN, path=path) from error
        self.types = {name: schema.field(name).type for name in names}
        self.column_types = {name: type_of(kind) for name, kind in self.types.items()}

    def check_footer(self) -> None:
        """Refuse a file with a very large footer, which takes many times its size."""
        with open_regular(self.path) as file:
            file.seek(max(self.size - TAIL, 0))
            tail = file.read()
        footer = int.from_bytes(tail[:4], "little")
        if tail[4:] == b"PAR1" and MAX_FOOTER < footer < self.size:
            problem = f"a footer of {footer:,} bytes, expected at most {MAX_FOOTER:,}"
            raise DataError(problem, "write it with fewer columns or row groups", path=self.path)

    def open(self, dictionaries: list[str]) -> Any:
        """Open the file; texts of the columns `dictionaries` stay in dictionaries."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.path, pre_buffer=False, buffer_size=BUFFER, read_dictionary=dictionaries)

    def iter_blocks(self, wanted: Mapping[str, ColumnType]) -> Iterator[Block]:
        import pyarrow as pa

        texts = [name for name in wanted if pa.types.is_string(self.types[name])]
        try:
            self.check_size(list(wanted))
            file = self.open(texts)
            decoded = 0
            for batch in file.iter_batches(ROWS, columns=list(wanted), use_threads=False):
                decoded += text_size(batch)
                self.check_text(decoded)
                for piece in pieces(batch):
                    yield {name: convert(piece.column(name), kind) for name, kind in wanted.items()}
        except (pa.ArrowException, OSError, ValueError) as error:
            problem = f"damaged Parquet file: {first_line(error)}"
            raise DataError(problem, WRITE_AGAIN, path=self.path) from error

    def check_size(self, names: list[str]) -> None:
        """Refuse a file that claims to unpack to too much."""
        metadata = self.file.metadata
        chunks = 0
        for n in range(metadata.num_row_groups):
            group = metadata.row_group(n)
            columns = map(group.column, range(group.num_columns))
            chunks += sum(c.total_uncompressed_size for c in columns if c.path_in_schema in names)
        unpacked = max(chunks, 4 * len(names) * metadata.num_rows)
        claim = f"{metadata.num_rows:,} rows that unpack to {unpacked:,} bytes"
        remedy = "write the file again, or leave columns out"
        if unpacked > max(MAX_UNPACKED, MAX_RATIO * self.size):
            problem = f"{claim}, over {MAX_RATIO} times the {self.size:,} of the file"
            raise DataError(problem, remedy, path=self.path)
        free = available_memory()
        if free is not None and unpacked > max(MAX_UNPACKED, free):
            raise DataError(f"{claim}, more than the {free:,} that are free", remedy, path=self.path)

    def check_text(self, size: int) -> None:
        """Refuse long texts that are repeated very often."""
        if size > max(MAX_UNPACKED, MAX_RATIO * self.size, MEAN_TEXT * self.file.metadata.num_rows):
            problem = f"repeated texts that unpack to {size:,} bytes or more, over {MAX_RATIO} times the file"
            raise DataError(problem, "leave the column of long texts out of the file", path=self.path)


def pieces(batch: Any) -> Iterator[Any]:
    """Cut a batch into pieces of a bounded amount of text."""
    if text_size(batch) <= MAX_TEXT or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from pieces(batch.slice(0, half))
    yield from pieces(batch.slice(half))


def text_size(batch: Any) -> int:
    """Return how many bytes the texts in dictionaries decode to; an Arrow error if a text is not UTF-8."""
    import pyarrow as pa
    from pyarrow import compute

    size = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
            column.dictionary.validate(full=True)
            lengths = compute.binary_length(column.dictionary).cast(pa.int64())
            size += compute.sum(lengths.take(column.indices)).as_py() or 0
        elif pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
            column.validate(full=True)
    return size
