"""Build one array of inputs from the blocks of a table: N rows, I inputs."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError, raise_errors
from nnexp.data.splitting import Rows
from nnexp.data.tables.centring import Centring
from nnexp.data.tables.column_buffers import CategoryColumn, NumberColumns, arrange_rows, insert_columns
from nnexp.data.tables.column_statistics import describe_pair, describe_steps
from nnexp.data.tables.id_column import IdColumn
from nnexp.data.tables.partition import Groups
from nnexp.data.tables.reader import TableReader
from nnexp.data.tables.roles import Roles
from nnexp.data.tables.target import TargetColumn
from nnexp.data.tables.text_encoding import DateOrder, TextEncoder, check_text
from nnexp.messages import listed, merged_list_override, plural
from nnexp.preprocessing.columns import Column, DescribeRow
from nnexp.preprocessing.scaling import narrow

MAX_VALUES = 2**31 - 2  # distinct texts of a column


class TableBuilder:
    """Collects the columns of a table while it is read."""

    def __init__(self, reader: TableReader, roles: Roles, task: str, dates: DateOrder) -> None:
        self.reader, self.roles, self.dates = reader, roles, dates
        describe_row = reader.describe_row
        texts = roles.names("text")
        self.numbers = NumberColumns(roles.names("number"), describe_row, np.float32, droppable=True)
        self.categories = {name: self.category_column(name, describe_row) for name in texts}
        markers = (CategoryColumn(name, MAX_VALUES, describe_row, explicit=True) for name in roles.markers)
        self.markers = {column.name: column for column in markers}
        self.ids = None if roles.id is None else IdColumn(roles.id)
        reader.exact = roles.id
        self.target = TargetColumn(roles.targets, task, describe_row)
        self.rows: Rows = np.empty(0, np.int64)  # after `read`, those that have a target
        self.notes = list(roles.notes)  # what was decided

    def category_column(self, name: str, describe_row: DescribeRow) -> CategoryColumn:
        explicit = name in self.roles.categorical
        lists = ["data.drop"] if explicit else ["data.drop", "data.categorical"]
        return CategoryColumn(name, MAX_VALUES, describe_row, lists, explicit)

    def read(self) -> None:
        """Read all blocks of the file, and decide on the target and the rows.

        Raises:
            DataError: all columns that cannot be used.
        """
        for block in self.reader.iter_blocks(self.roles.wanted):
            for name, column in (self.categories | self.markers).items():
                column.add(block[name])
            if self.ids is not None:
                self.ids.add(block[self.ids.name])
            rows = len(next(iter(block.values())))
            self.target.add(block, rows)
            self.numbers.add([block[name] for name in self.numbers.names], rows)
        self.numbers.finish()
        self.rows = np.flatnonzero(self.finish_columns())
        self.notes[:0] = self.reader.notes
        self.notes += self.reader.number_notes(self.roles.number_columns)
        self.notes += self.target.notes
        self.notes += self.ids.notes() if self.ids is not None else []
        missing = dict(zip(self.numbers.names, self.numbers.statistics.missing.tolist(), strict=True))
        self.note("missing numbers become the training mean", count_each(missing))
        self.note("constant columns carry no information", self.numbers.constant())

    def finish_columns(self) -> NDArray[np.bool_]:
        """Return which rows have a target (N,); raise the errors of all columns, in the order of the file."""
        known = np.empty(0, np.bool_)
        errors = {**self.roles.errors, **self.numbers.errors, **self.reader.errors}
        texts = {name: check_text(column, self.dates) for name, column in self.categories.items()}
        errors |= {name: error for name, error in texts.items() if error}
        for name in self.roles.targets:
            if name in errors:
                errors[name].columns = {}
        if not self.reader.errors:
            try:
                known = self.target.finish()
            except DataError as error:
                errors[self.target.name] = error
        ordered = [errors.pop(name) for name in self.reader.column_types if name in errors]
        raise_errors([*ordered, *errors.values()])
        return known

    def note(self, what: str, names: Sequence[str]) -> None:
        self.notes += [f"{what}: {listed(names)}"] if names else []

    def groups(self, name: str | None) -> Groups | None:
        if name is None:
            return None
        column = self.markers[name]
        if column.missing:
            self.notes.append(f"{plural(column.missing, 'row')} without {name} taken as one group")
        names, codes = column.finish()
        return Groups(names, codes.astype(np.int64))

    def centre(self, training: Rows) -> NDArray[np.float64]:
        """Read columns again that float32 cannot hold as they are; return the origin of each (J,)."""
        numbers = self.numbers
        centring = Centring(numbers, training)
        if centring.columns:
            names = [numbers.names[j] for j in centring.columns]
            blocks = self.reader.iter_blocks(dict.fromkeys(names, "number"))
            centring.store([block[name] for name in names] for block in blocks)
        self.note_precision(centring)
        return centring.origin

    def note_precision(self, centring: Centring) -> None:
        """Note columns whose numbers float32 or float64 cannot keep apart."""
        self.notes += describe_steps(centring.coarse_columns)
        if merged := centring.merged_columns:
            examples = listed([describe_pair(name, pair) for name, pair in merged.items()])
            drop = merged_list_override("data.drop", self.roles.drop, centring.unsuitable)
            fix = f"; fix: {drop}" if centring.unsuitable else ""
            self.notes.append(f"different numbers become one in float32: {examples}{fix}")

    def arrange(
        self, training: Rows, test: Rows, encoder: TextEncoder
    ) -> tuple[NDArray[np.float32], tuple[Column, ...], NDArray[np.float64] | None]:
        """Return x (N, I) in the array of `numbers`, training rows first, then test rows; columns; origin.

        The encoder of text also has the rows that decide where the origin is.
        """
        origins = iter(self.centre(encoder.fit).tolist())
        arrange_rows(self.numbers.array, training, test)
        order = np.concatenate([training, test])
        columns: list[Column] = []
        origin: list[float] = []  # of each input
        positions, one_hot, days = [], [], []
        for name in self.roles.features:
            marks = self.reader.number_format(name)
            column = Column(name, decimal=marks.decimal, thousands=marks.thousands)
            first = len(origin)
            if name in self.categories:
                encoded = encoder.encode(column, self.categories[name])
                column = encoded.column
                one_hot += [(first + start, codes[order]) for start, codes in encoded.one_hot]
                if encoded.days is not None:
                    days.append((first, narrow(encoded.days[order], encoded.origin)))
                shift = encoded.origin
            else:
                positions.append(first)
                shift = next(origins)
            origin += [shift] + [0.0] * (len(column.inputs) - 1)
            columns.append(column)
        if one_hot or days:
            insert_columns(self.numbers.array, positions, len(origin), one_hot=one_hot, numbers=days)
        self.notes += encoder.describe()
        return self.numbers.array, tuple(columns), np.array(origin) if any(origin) else None


def count_each(counts: Mapping[str, int]) -> list[str]:
    """Format each name with its count, without names that have none."""
    return [f"{name} ({count:,})" for name, count in counts.items() if count]
