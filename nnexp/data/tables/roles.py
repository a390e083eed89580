"""The role of each column of a table: target, feature, marker of splits and groups, or none."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnexp.data.errors import DataError
from nnexp.data.tables.reader import ColumnType, TableReader
from nnexp.messages import list_override, listed, nearest

INDEX_NAME = re.compile(r"|Unnamed: \d+|__index_level_\d+__")  # the column of row numbers that pandas adds


@dataclass(frozen=True)
class Roles:
    """The columns that are read, each with its type, in the order of the file."""

    targets: dict[str, ColumnType]
    features: dict[str, ColumnType]
    markers: dict[str, ColumnType]  # assign rows to a split or a group
    categorical: tuple[str, ...]  # features that are categories by `data.categorical`
    id: str  # the column that identifies the rows; empty: none does
    notes: tuple[str, ...]  # how the file was read

    @property
    def number_columns(self) -> list[str]:
        """All columns that are read as numbers."""
        columns = self.targets | self.features
        return [name for name, column_type in columns.items() if column_type == "number"]

    @property
    def wanted(self) -> dict[str, ColumnType]:
        """All columns that are read, with their types."""
        ids: dict[str, ColumnType] = {self.id: "text"} if self.id else {}
        return self.targets | self.features | self.markers | ids

    def names(self, column_type: ColumnType) -> list[str]:
        return [name for name, feature_type in self.features.items() if feature_type == column_type]


def assign_roles(reader: TableReader, task: str, requested: Mapping[str, Sequence[str]]) -> Roles:
    """Assign each column its role, as requested by the keys target, split, group, id, categorical, drop."""
    types = reader.column_types
    columns = {key: _expand(reader, names, key) for key, names in requested.items()}
    targets = columns["target"]
    categorical = columns["categorical"]
    marking = columns["split"] + columns["group"]
    identifying = columns["id"]
    if len(identifying) > 1:
        raise DataError(f"data.id={requested['id'][0]} stands for {len(identifying)} columns, expected one")
    used = {*targets, *marking, *identifying, *columns["drop"]}
    unnamed = [name for name in types if INDEX_NAME.fullmatch(name) and name not in {*used, *categorical}]
    features = [name for name in types if name not in {*used, *unnamed}]
    for name in (*targets, *marking, *identifying, *features):
        if types[name] not in ("number", "text"):
            setting = list_override("data.drop", name) if name in features else ""
            problem = f"the column {name!r} holds {types[name]}, neither numbers nor text nor true and false"
            raise DataError(problem, "convert the column", setting)
    if not features:
        raise DataError(f"no columns are left as inputs; the file has {listed(list(types))}")
    texts = [name for name in targets if types[name] == "text"]
    if texts and (len(targets) > 1 or task in ("multilabel", "regression")):
        needing = "several targets need" if len(targets) > 1 else f"data.task={task} needs"
        raise DataError(f"the target {texts[0]!r} holds text, and {needing} numbers", "correct the column")
    as_text = {*categorical, *(targets if task == "classification" else ())}

    def typed(names: Iterable[str]) -> dict[str, ColumnType]:
        return {name: "text" if types[name] == "text" or name in as_text else "number" for name in names}

    notes = (*reader.notes, *(["the column of row numbers without a name is left out"] if unnamed else []))
    marker_types: dict[str, ColumnType] = dict.fromkeys(marking, "text")
    id_column = identifying[0] if identifying else ""
    return Roles(typed(targets), typed(features), marker_types, tuple(categorical), id_column, notes)


def _expand(reader: TableReader, names: Sequence[str], key: str) -> list[str]:
    """Replace names that stand for several columns, and require that each column exists."""
    columns = [column for name in names for column in reader.expansions.get(name, (name,))]
    for name in columns:
        if name not in reader.column_types:
            known = {column.lower(): column for column in reader.column_types if column}
            near = nearest(name.lower(), known)
            guess = f"did you mean {known[near]}? " if near else ""
            problem = f"data.{key}={name}: no such column; {guess}columns: {listed(list(known.values()), 30)}"
            no_header = all(re.fullmatch(r"[-+.\deE]+", column) for column in known)
            raise DataError(problem, "write the names of the columns in the first line" if no_header else "")
    return columns
