"""Read a table that names image files and their classes: CSV, TSV or Parquet, a row for each file."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnexp.data.errors import DataError
from nnexp.data.images.files.listing import Listing
from nnexp.data.tables.encoded_table import read_columns
from nnexp.data.tables.formats import open_table
from nnexp.data.tables.partition import SPLIT_OF, TRAINING
from nnexp.messages import listed, override
from nnexp.preprocessing.errors import EncodingError
from nnexp.preprocessing.images.image_file import SUFFIXES

FILE_NAMES = ("file", "filename", "file_name", "path", "image", "image_name", "image_id", "img")
CLASS_NAMES = ("label", "class", "target", "category", "class_name", "label_name", "y", "labels")
SPLIT_NAMES = ("split", "set", "subset", "partition")
"""Names of columns that need not be set, in any case."""
DECIMAL = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)
MAX_LISTED = 5
SAMPLE = 100  # rows that show which column names files


def read_label_table(path: Path, folder: Path | None, columns: Mapping[str, str | None]) -> Listing:
    """Read the files with their classes and, if there is such a column, their split.

    Args:
        path: of the table.
        folder: of the files; None: that of the table.
        columns: the names of the columns file, target and split; None: the one whose cells or name fit.

    Raises:
        DataError: a column is missing, or a row is empty or names an unknown split.
    """
    root = folder or path.parent
    try:
        reader = open_table(path)
        table = read_columns(reader, dict.fromkeys(reader.column_types, "text"))
        names = choose_columns({name: column.tolist() for name, column in table.items()}, columns, root)
        cells = {key: table[name].tolist() for key, name in names.items()}
        for key, column in cells.items():
            if empty := [row for row, cell in enumerate(column) if not cell]:
                problem = f"{reader.describe_row(empty[0])}: the column {names[key]!r} is empty"
                raise DataError(problem, "fill it in, or delete the row")
        if twice := [name for name, count in Counter(cells["file"]).items() if count > 1]:
            problem = f"files that are named more than once: {listed(twice, MAX_LISTED)}"
            raise DataError(problem, "keep one row for each")
        if all(DECIMAL.fullmatch(text.strip()) for text in cells["target"]):
            problem = f"the column {names['target']!r} holds numbers, expected classes: {cells['target'][0]}"
            raise DataError(problem, "name the column of classes with data.target; numbers are not predicted")
        splits = [split_number(text) for text in cells.get("split", ())] or [TRAINING] * len(cells["file"])
    except EncodingError as error:
        raise DataError(str(error), path=path) from error
    except DataError as error:
        error.path = error.path or path
        raise
    return Listing(root, [file_path(root, name) for name in cells["file"]], cells["target"], splits)


def choose_columns(
    table: Mapping[str, Sequence[Any]], columns: Mapping[str, str | None], root: Path
) -> dict[str, str]:
    """Return the names of the columns of files, classes and, if there is one, splits.

    Files are known by the endings of their names, by being in the folder `root`, or by a usual column name.

    Raises:
        DataError: there is no such column, or several may be the one of classes.
    """
    for key, name in columns.items():
        if name is not None and name not in table:
            problem = f"data.{key}={name}: no such column; expected one of {listed(list(table))}"
            raise DataError(problem, "correct the name")
    chosen = {key: name for key, name in columns.items() if name is not None}
    if "split" not in chosen and (usual := usual_names(table, SPLIT_NAMES)):
        chosen["split"] = usual[0]
    if "file" not in chosen:
        files = [name for name, column in table.items() if names_files(column)]
        files = files or [name for name, column in table.items() if is_in_folder(column, root)]
        files = files or usual_names(table, FILE_NAMES)
        if not files:
            problem = f"no column names image files ({', '.join(SUFFIXES)}); it has {listed(list(table))}"
            raise DataError(
                problem, "add one, or name it with data.file, and the files' folder with data.folder"
            )
        chosen["file"] = files[0]
    if "target" not in chosen:
        rest = [name for name in table if name not in chosen.values()]
        candidates = usual_names(rest, CLASS_NAMES) or rest
        if len(candidates) != 1:
            problem = f"{listed(candidates) or 'no column'}: expected one column of classes"
            settings = [override("data.target", name) for name in candidates[:MAX_LISTED]]
            raise DataError(problem, "" if settings else "add it", " or ".join(settings))
        chosen["target"] = candidates[0]
    return chosen


def usual_names(names: Iterable[str], usual: Sequence[str]) -> list[str]:
    """Return those of the names that are usual ones, in any case."""
    return [name for name in names if name.lower() in usual]


def names_files(column: Sequence[Any]) -> bool:
    """Return whether all cells at the start of a column end as the names of image files."""
    cells = [cell for cell in column[:SAMPLE] if cell]
    return bool(cells) and all(str(cell).lower().endswith(SUFFIXES) for cell in cells)


def is_in_folder(column: Sequence[Any], root: Path) -> bool:
    """Return whether the first cell with a text names a file in a folder, with or without its ending."""
    first = next((str(cell) for cell in column if cell), "")
    return first != "" and file_path(root, first).is_file()


def file_path(root: Path, name: str) -> Path:
    """Return the path of a file; where a name has no ending, that of the file which has one."""
    path = root / name.replace("\\", "/")
    if name.lower().endswith(SUFFIXES):
        return path
    with_ending = (path.with_name(f"{path.name}{suffix}") for suffix in SUFFIXES)
    return next((one for one in with_ending if one.exists()), path)


def split_number(text: str) -> int:
    """Return TRAINING, VALIDATION or TEST."""
    if (split := SPLIT_OF.get(text.strip().lower())) is None:
        raise DataError(f"expected a split of {', '.join(SPLIT_OF)}, got {text!r}", "correct it")
    return split
