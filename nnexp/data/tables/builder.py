"""Build one array of inputs from the blocks of a table: N rows, I inputs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnexp.data.splitting import Rows
from nnexp.data.tables.column_buffers import CategoryColumn, NumberColumns, arrange_rows, insert_one_hot
from nnexp.data.tables.partition import Groups
from nnexp.data.tables.reader import TableReader
from nnexp.data.tables.roles import Roles
from nnexp.data.tables.target import TargetColumn
from nnexp.messages import list_override, listed, plural
from nnexp.preprocessing.columns import Column, DescribeRow
from nnexp.preprocessing.missing import MISSING_CATEGORY

MAX_CATEGORIES = 100  # text with more distinct values is refused, unless it is named in data.categorical
MAX_CATEGORIES_EXPLICIT = 1_000  # the limit for columns named in data.categorical
MAX_MARKERS = 2**31 - 2


class TableBuilder:
    """Collects the columns of a table while it is read."""

    def __init__(self, reader: TableReader, roles: Roles, task: str) -> None:
        self.reader, self.roles = reader, roles
        describe_row = reader.describe_row
        texts = roles.names("text")
        self.numbers = NumberColumns(roles.names("number"), describe_row, np.float32, droppable=True)
        self.categories = {name: self.category_column(name, describe_row) for name in texts}
        markers = (CategoryColumn(name, MAX_MARKERS, describe_row, "", True) for name in roles.markers)
        self.markers = {column.name: column for column in markers}
        self.target = TargetColumn(roles.targets, task, describe_row)
        self.rows: Rows = np.empty(0, np.int64)  # after `read`, those that have a target
        self.notes = list(roles.notes)  # what was decided

    def category_column(self, name: str, describe_row: DescribeRow) -> CategoryColumn:
        drop, keep = list_override("data.drop", name), list_override("data.categorical", name)
        if name in self.roles.categorical:
            return CategoryColumn(name, MAX_CATEGORIES_EXPLICIT, describe_row, drop, explicit=True)
        return CategoryColumn(name, MAX_CATEGORIES, describe_row, f"{drop} or {keep}")

    def read(self) -> None:
        """Read all blocks of the file, and decide on the target and the rows."""
        for block in self.reader.iter_blocks(self.roles.targets | self.roles.features | self.roles.markers):
            for name, column in (self.categories | self.markers).items():
                column.add(block[name])
            rows = len(next(iter(block.values())))
            self.target.add(block, rows)
            self.numbers.add([block[name] for name in self.numbers.names], rows)
        self.numbers.finish()
        self.rows = np.flatnonzero(self.target.finish())
        self.notes += self.target.notes
        counts = zip(self.numbers.names, self.numbers.missing, strict=True)
        missing = [f"{name} ({count:,})" for name, count in counts if count]
        self.note("missing numbers become the training mean", missing)
        self.note("constant columns carry no information", self.numbers.constant())

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

    def arrange(self, training: Rows, test: Rows) -> tuple[NDArray[np.float32], tuple[Column, ...]]:
        """Return x (N, I), training rows, then test rows, in the array of `numbers`; and its columns."""
        columns, one_hot, positions, sizes, missing = [], [], [], [], []
        arrange_rows(self.numbers.array, training, test)
        order = np.concatenate([training, test])
        first = 0
        for name in self.roles.features:
            column = Column(name, decimal=self.reader.decimal)
            if name in self.categories:
                buffer = self.categories[name]
                buffer.check_mixture()
                buffer.check_repetition()
                values, codes = buffer.finish()
                if buffer.missing:
                    missing.append(f"{name} ({buffer.missing:,})")
                    values = values if MISSING_CATEGORY in values else (*values, MISSING_CATEGORY)
                    codes[codes < 0] = values.index(MISSING_CATEGORY)
                sizes.append(f"{name} ({len(values)})")
                one_hot.append((first, codes[order]))
                column = Column(name, values, self.reader.decimal)
            else:
                positions.append(first)
            columns.append(column)
            first += len(column.inputs)
        if one_hot:
            insert_one_hot(self.numbers.array, positions, one_hot, first)
        self.note("categories become columns of 0 and 1", sizes)
        self.note("missing categories become a category of their own", missing)
        return self.numbers.array, tuple(columns)
