"""Read a table with the columns of another one, and encode it as those were: a separate test file, new rows.

N rows, I inputs, T targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import raise_errors
from nnexp.data.tables.id_column import exact_texts
from nnexp.data.tables.reader import ColumnType, TableReader
from nnexp.preprocessing.categories import UnseenValues, encode_classes
from nnexp.preprocessing.columns import Column, check_columns, encode_columns, encode_numbers
from nnexp.preprocessing.errors import EncodingError

TYPED = (".parquet", ".npz")  # whose numbers are not text

Array = NDArray[Any]


@dataclass(frozen=True)
class EncodedTable:
    """The encoded rows of a table."""

    x: NDArray[np.float64]  # (N, I), NaN where a number is missing
    true: Array | None  # classes (N,), -1 where unknown, or numbers (N, T), NaN; None: no column of them
    ids: Array | None  # (N,) texts, None where a row has none
    unseen: UnseenValues = field(default_factory=UnseenValues)
    notes: tuple[str, ...] = ()  # how the file was read, where that is not as in training


def read_encoded_table(
    reader: TableReader,
    columns: Sequence[Column],
    targets: Sequence[str],
    classes: Sequence[str],
    id_column: str | None,
) -> EncodedTable:
    """Read the columns, that of the ids if it is there, and all targets or none; ignore others.

    Raises:
        DataError, EncodingError: a column is missing, or holds what its inputs cannot be made from.
    """
    types = reader.column_types
    formats = {column.name: column.number_format for column in columns}
    reader.marks = replace(reader.marks, expected=formats)
    check_columns(columns, list(types))
    wanted: dict[str, ColumnType] = {}
    typed = reader.path.suffix.lower() in TYPED
    for column in columns:
        is_text = column.kind != "number" or (typed and types[column.name] == "text")
        wanted[column.name] = "text" if is_text else "number"
    has_targets = bool(targets) and set(targets) <= set(types)
    if has_targets:
        wanted |= dict.fromkeys(targets, "text" if classes else "number")
    if id_column is not None and id_column in types:
        wanted[id_column] = "text"
        reader.exact = id_column
    table = read_columns(reader, wanted)
    unseen = UnseenValues()
    x = encode_columns(table, columns, reader.describe_row, unseen)
    true: Array | None = None
    if has_targets and classes:
        true = encode_classes(table[targets[0]], classes, targets[0], unseen)
    elif has_targets:
        true = stack_numbers(reader, table, targets)
    ids = exact_texts(table[id_column]) if id_column is not None and id_column in table else None
    is_number = {name: wanted[name] == "number" for name in formats}
    other = [name for name in formats if is_number[name] and reader.number_format(name) != formats[name]]
    return EncodedTable(x, true, ids, unseen, (*reader.notes, *reader.number_notes(other)))


def read_columns(reader: TableReader, types: Mapping[str, ColumnType]) -> dict[str, Array]:
    """Read whole columns: float64 with NaN, or text with None."""
    for name in types:
        if (type_name := reader.column_types[name]) not in ("number", "text"):
            raise EncodingError(f"the column {name!r} holds {type_name}, expected numbers or text")
    blocks = [block for block in reader.iter_blocks(types) if len(next(iter(block.values())))]
    raise_errors([*reader.errors.values()])
    if not blocks:
        raise EncodingError("the table has no rows")
    arrays = ((name, [block[name].to_numpy(zero_copy_only=False) for block in blocks]) for name in types)
    return {name: np.concatenate(pieces) for name, pieces in arrays}


def stack_numbers(
    reader: TableReader, table: Mapping[str, Array], names: Sequence[str]
) -> NDArray[np.float64]:
    """Stack columns of numbers: (N, len(names))."""
    return np.column_stack([encode_numbers(table[name], name, reader.describe_row) for name in names])
