"""Open a table by the ending of its file's name; read Parquet and NPZ files block by block."""

import errno
import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from nnexp.array_file import ArrayFileError, read_arrays
from nnexp.data.errors import DataError
from nnexp.data.tables.csv.csv_reader import CsvReader
from nnexp.data.tables.parquet_reader import ParquetReader
from nnexp.data.tables.reader import Block, ColumnType, TableReader, check_column_count, convert, unique
from nnexp.messages import first_line, override, short_path
from nnexp.preprocessing.table_files import DELIMITED
from nnexp.regular_file import open_regular

ROWS = 1 << 14  # that are read at once
MAX_CHOICES = 3  # files of a folder in a message
URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def local_path(text: str, key: str) -> Path:
    """Return the absolute path of the file that a setting names; a `DataError` if it names none."""
    if URL.match(text):
        problem = f"{key} is a URL, expected a file on this machine"
        raise DataError(problem, "download the file, and name it here")
    if "\0" in text:
        raise DataError(f"{key} holds a NUL character, expected the name of a file", "correct it")
    return Path(os.path.realpath(os.path.expanduser(text)))  # as it is where symbolic links form a loop


def open_table(path: Path, key: str = "data.path") -> TableReader:
    """Open a file and read its columns' names and types; without a table in it, raise a `DataError`.

    `key` is the setting that names the file.
    """
    try:
        return _open(path, key)
    except OSError as error:
        remedy = "write its content to a file" if error.errno == errno.EINVAL else ""
        raise DataError(f"cannot be read: {error.strerror or error}", remedy, path=path) from error


def _open(path: Path, key: str) -> TableReader:
    if path.is_dir():
        tables = sorted(file for file in path.iterdir() if file.name.lower().endswith(ENDINGS))
        choices = " or ".join(override(key, str(short_path(file))) for file in tables[:MAX_CHOICES])
        raise DataError("this is a folder", "" if choices else "name a file", choices, path)
    if not path.exists():
        siblings = [sibling.name for sibling in path.parent.iterdir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, siblings, 1)
        setting = override(key, str(short_path(path.with_name(near[0])))) if near else ""
        guess = f"; did you mean {near[0]}?" if near else ""
        link = ", but a symbolic link to nothing or to itself" if path.is_symlink() else ""
        raise DataError(f"no such file{link}{guess}", setting=setting, path=path)
    open_regular(path).close()
    for endings, reader in READERS.items():
        if path.name.lower().endswith(endings):
            return reader(path)
    kind, remedy = OTHER_FILES.get(path.suffix.lower(), ("", ""))
    problem = f"{kind} is not read" if kind else "unknown ending"
    known = [ending for ending in ENDINGS if not ending.endswith(".gz")]
    raise DataError(f"{problem}; expected one of {', '.join(known)}", remedy, path=path)


class NpzReader(TableReader):
    """Reads an NPZ file: an array of one dimension is a column, one of more a column per number of a row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        arrays = load_arrays(path)
        if len({len(array) for array in arrays.values()}) > 1:
            lengths = ", ".join(f"{name}: {len(array):,}" for name, array in arrays.items())
            raise DataError(f"the arrays differ in length ({lengths}); expected a row per example", path=path)
        self.rows = len(next(iter(arrays.values()), ()))
        self.columns: dict[str, Any] = {}
        self.expansions = {}
        for name, array in arrays.items():
            width = prod(array.shape[1:])
            check_column_count(len(self.columns) + width, path)
            table = array.reshape(len(array), width)
            names = (name,) if width == 1 else tuple(f"{name}{i}" for i in range(width))
            self.expansions[name] = names
            unique([*self.columns, *names], path)
            self.columns |= dict(zip(names, table.T, strict=True))
        kinds = dict.fromkeys("iuf", "number") | dict.fromkeys("bUSM", "text")
        types = {name: column.dtype for name, column in self.columns.items()}
        self.column_types = {name: kinds.get(dtype.kind, str(dtype)) for name, dtype in types.items()}

    def iter_blocks(self, wanted: Mapping[str, ColumnType]) -> Iterator[Block]:
        for start in range(0, self.rows, ROWS):
            yield {name: self.block(name, kind, start) for name, kind in wanted.items()}

    def block(self, name: str, column_type: ColumnType, start: int) -> Any:
        import pyarrow as pa

        values = self.columns[name][start : start + ROWS]
        if column_type == "number":
            return pa.array(values.astype(np.float64))
        try:
            values = np.char.decode(values) if values.dtype.kind == "S" else values
            return convert(pa.array(values.astype(str) if values.dtype.kind == "M" else values), "text")
        except (pa.ArrowException, ValueError, OverflowError) as error:
            problem = f"the column {name!r} holds no text, rows {start + 1:,} on: {first_line(error)}"
            raise DataError(problem, path=self.path, columns={"data.drop": [name]}) from error


def load_arrays(path: Path) -> dict[str, Any]:
    """Load the arrays of an NPZ file that have rows."""
    try:
        return {name: array for name, array in read_arrays(path).items() if array.ndim}
    except ArrayFileError as error:
        raise DataError(error.problem, error.fix, path=path) from error


AS_CSV = "save the table as CSV"
AS_PARQUET = "convert it to Parquet, with pandas for example"
OTHER_FILES = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), ("a workbook", AS_CSV)),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz"), ("an archive", "unpack it")),
    **dict.fromkeys((".bz2", ".xz", ".zst"), ("a compressed file", "unpack it, or compress it with gzip")),
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".xml", ".html"), ("a document", AS_CSV)),
    **dict.fromkeys(
        (".feather", ".arrow", ".pkl", ".pickle", ".h5", ".hdf5"), ("this kind of file", AS_PARQUET)
    ),
    **dict.fromkeys((".dta", ".sav", ".sas7bdat", ".rds", ".rdata"), ("this kind of file", AS_PARQUET)),
    ".npy": ("a single array", "save it with numpy.savez, with names for the columns"),
}
"""What files with other endings are, and what to do with them."""
READERS: dict[tuple[str, ...], type[CsvReader | ParquetReader | NpzReader]] = {
    DELIMITED: CsvReader,
    (".parquet",): ParquetReader,
    (".npz",): NpzReader,
}
ENDINGS = tuple(ending for endings in READERS for ending in endings)
