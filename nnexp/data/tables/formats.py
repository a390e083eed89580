"""Tables in files, by the ending of their name; Parquet and NPZ are read here, block by block."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from nnexp.data.errors import DataError
from nnexp.data.tables.csv import open_csv
from nnexp.data.tables.reader import Block, Kind, TableReader, arrow_kind, as_kind, first_line, unique

ROWS = 1 << 14  # that are read at once
BUFFER = 1 << 16  # bytes of each column of a Parquet file that are read at once


def open_table(path: Path) -> TableReader:
    """Look at a file's columns.

    Raises:
        DataError: there is no such file, or it holds no table.
    """
    readers = {
        ".csv": open_csv,
        ".csv.gz": open_csv,
        ".tsv": open_csv,
        ".tsv.gz": open_csv,
        ".parquet": open_parquet,
        ".npz": open_npz,
    }
    if path.is_dir():
        raise DataError(f"{path}: this is a folder; name a file in it: data.path={path}/...")
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, beside, 1)
        raise DataError(
            f"{path}: no such file"
            + (f"; did you mean {near[0]}?" if near else "; data.path names the file to learn from")
        )
    reader = next((reader for ending, reader in readers.items() if path.name.lower().endswith(ending)), None)
    if reader is None:
        raise DataError(
            f"{path}: its name does not say what kind of table it is; these can be read: {', '.join(readers)}"
        )
    try:
        return reader(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def open_parquet(path: Path) -> TableReader:
    """A Parquet file's columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)
    except pa.ArrowException as error:
        raise DataError(
            f"{path}: not a Parquet file, or not all of it ({first_line(error)}); write or fetch it anew"
        ) from error
    schema = file.schema_arrow

    def read(wanted: Mapping[str, Kind]) -> Iterator[Block]:
        try:
            for batch in file.iter_batches(ROWS, columns=list(wanted), use_threads=False):
                yield {name: as_kind(batch.column(name), kind) for name, kind in wanted.items()}
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path}: damaged Parquet file ({first_line(error)}); write or fetch it anew"
            ) from error

    return TableReader(
        {name: arrow_kind(schema.field(name).type) for name in unique(schema.names, path)}, read
    )


def open_npz(path: Path) -> TableReader:
    """The arrays of an NPZ file: one of one dimension is a column, one of more is a column for each of its numbers."""
    import pyarrow as pa

    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: array for name in file.files if (array := file[name]).ndim}
    except (
        ValueError,
        BadZipFile,
        EOFError,
        KeyError,
        TypeError,
    ) as error:  # a lone .npy file is no context: a TypeError
        if "Object arrays" in str(error):
            raise DataError(
                f"{path}: holds Python objects, which are not read for safety; save arrays of numbers or text"
            ) from error
        raise DataError(f"{path}: not an NPZ file, or not all of it; write or fetch it anew") from error
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} {len(array):,}" for name, array in arrays.items())
        raise DataError(f"{path}: its arrays must have one row per example each, and have {lengths}")
    columns: dict[str, Any] = {}
    parts = {}
    for name, array in arrays.items():
        table = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
        names = (name,) if table.shape[1] == 1 else tuple(f"{name}{i}" for i in range(table.shape[1]))
        parts[name] = names
        unique([*columns, *names], path)
        columns |= dict(zip(names, table.T, strict=True))

    def read(wanted: Mapping[str, Kind]) -> Iterator[Block]:
        for start in range(0, len(next(iter(arrays.values()))), ROWS):
            yield {
                name: numpy_column(columns[name][start : start + ROWS], kind) for name, kind in wanted.items()
            }

    def numpy_column(column: Any, kind: Kind) -> Any:
        if kind == "number":
            return pa.array(column.astype(np.float64))
        return as_kind(pa.array(np.char.decode(column) if column.dtype.kind == "S" else column), kind)

    kinds = {
        name: {"b": "text", "U": "text", "S": "text"}.get(
            c.dtype.kind, "number" if c.dtype.kind in "iuf" else str(c.dtype)
        )
        for name, c in columns.items()
    }
    return TableReader(kinds, read, parts=parts)
