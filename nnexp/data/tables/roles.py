"""The role of each column of a table: target, feature, marker of splits and groups, or none."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnexp.data.errors import DataError, raise_errors
from nnexp.data.tables.reader import ColumnType, TableReader
from nnexp.data.tables.target import setting_of
from nnexp.messages import listed, nearest, override, plural
from nnexp.preprocessing.number_format import is_number

NO_HEADER = "write the names of the columns in the first line"
LISTS = ("drop", "categorical")
INDEX_NAME = re.compile(r"|Unnamed: \d+|__index_level_\d+__")  # the column of row numbers that pandas adds


@dataclass(frozen=True)
class Roles:
    """The columns that are read, each with its type, in the order of the file."""

    targets: dict[str, ColumnType]
    features: dict[str, ColumnType]
    markers: dict[str, ColumnType]  # assign rows to a split or a group
    categorical: tuple[str, ...]  # features that are categories by `data.categorical`
    drop: tuple[str, ...]  # as `data.drop` names them
    id: str | None  # the column that identifies the rows, if one does
    notes: tuple[str, ...]  # how the file was read
    errors: dict[str, DataError]  # of features that cannot be read, by name

    @property
    def number_columns(self) -> list[str]:
        """All columns that are read as numbers."""
        columns = self.targets | self.features
        return [name for name, column_type in columns.items() if column_type == "number"]

    @property
    def wanted(self) -> dict[str, ColumnType]:
        """All columns that are read, with their types."""
        ids: dict[str, ColumnType] = {} if self.id is None else {self.id: "text"}
        return self.targets | self.features | self.markers | ids

    def names(self, column_type: ColumnType) -> list[str]:
        return [name for name, feature_type in self.features.items() if feature_type == column_type]


def assign_roles(reader: TableReader, task: str, requested: Mapping[str, Sequence[str]]) -> Roles:
    """Assign each column its role, as requested by the keys target, split, group, id, categorical, drop."""
    types = reader.column_types
    columns = _expand(reader, requested)
    targets = columns["target"]
    categorical = columns["categorical"]
    marking = columns["split"] + columns["group"]
    identifying = columns["id"]
    if len(identifying) > 1:
        raise DataError(f"data.id={requested['id'][0]} stands for {len(identifying)} columns, expected one")
    used = {*targets, *marking, *identifying, *columns["drop"]}
    unnamed = [name for name in types if INDEX_NAME.fullmatch(name) and name not in {*used, *categorical}]
    features = [name for name in types if name not in {*used, *unnamed}]
    array_of = {name: array for array, names in reader.expansions.items() for name in names}
    needed = (*targets, *marking, *identifying)
    unreadable = [name for name in (*needed, *features) if types[name] not in ("number", "text")]
    errors: dict[str, DataError] = {}
    for name in unreadable:
        owner = array_of.get(name, name)
        problem = f"the column {name!r} holds {types[name]}, neither numbers nor text nor true and false"
        lists = {"data.drop": [owner]} if name in features else {}
        errors.setdefault(owner, DataError(problem, "convert the column", columns=lists))
    raise_errors([error for error in errors.values() if not error.columns])
    features = [name for name in features if name not in unreadable]
    if not features:
        raise_errors([*errors.values()])
        raise DataError(f"no columns are left as inputs; the file has {listed(list(types))}")
    texts = [name for name in targets if types[name] == "text"]
    if texts and (len(targets) > 1 or task in ("multilabel", "regression")):
        needing = "several targets need" if len(targets) > 1 else f"data.task={task} needs"
        setting = setting_of("classification") if len(targets) == 1 else ""
        problem = f"the target {texts[0]!r} holds text, and {needing} numbers"
        remedy = "write 1 and 0 for labels" if len(targets) > 1 else "correct the column"
        raise DataError(problem, remedy, setting)
    as_text = {*categorical, *(targets if task == "classification" else ())}

    def typed(names: Iterable[str]) -> dict[str, ColumnType]:
        return {name: "text" if types[name] == "text" or name in as_text else "number" for name in names}

    notes = _describe_unnamed([n for n, name in enumerate(types, 1) if name in unnamed])
    marker_types: dict[str, ColumnType] = dict.fromkeys(marking, "text")
    id_column = identifying[0] if identifying else None
    return Roles(
        targets=typed(targets),
        features=typed(features),
        markers=marker_types,
        categorical=tuple(categorical),
        drop=tuple(requested["drop"]),
        id=id_column,
        notes=notes,
        errors=errors,
    )


def _describe_unnamed(positions: Sequence[int]) -> tuple[str, ...]:
    """Describe the columns without a name, by their positions from 1."""
    notes = ["the column of row numbers without a name is left out"] if 1 in positions else []
    if others := [str(position) for position in positions if position > 1]:
        notes.append(f"{plural(len(others), 'column')} without a name left out: {listed(others)}")
    return tuple(notes)


def _expand(reader: TableReader, requested: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Replace names that stand for several columns; names of no column are a `DataError`."""
    known = {column.lower(): column for column in reader.column_types if column}
    no_header = all(is_number(name) for name in known)
    errors = []
    for key, names in requested.items():
        near = {name: _nearest(name, known) for name in names if not _is_column(reader, name)}
        corrected = [near.get(name) or name for name in names]
        value = corrected[0] if len(names) == 1 and key not in LISTS else corrected
        setting = override(f"data.{key}", value) if near and all(near.values()) else ""
        for name, guess in near.items():
            mean = f"did you mean {guess}? " if guess else ""
            problem = f"data.{key}={name}: no such column; {mean}columns: {listed(list(known.values()), 30)}"
            errors.append(DataError(problem, NO_HEADER if no_header else "", setting))
    raise_errors(errors)
    columns = {
        key: [reader.expansions.get(name, (name,)) for name in names] for key, names in requested.items()
    }
    return {key: [name for names in groups for name in names] for key, groups in columns.items()}


def _is_column(reader: TableReader, name: str) -> bool:
    return name in reader.column_types or name in reader.expansions


def _nearest(name: str, known: Mapping[str, str]) -> str | None:
    near = nearest(name.lower(), known)
    return known[near] if near else None
