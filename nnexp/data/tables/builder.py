"""What a table holds, while it is read block by block, and how it becomes one array.

N rows, I columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError, listed, override
from nnexp.data.splitting import Rows
from nnexp.data.tables.column_buffers import Categories, Numbers, arrange, widen
from nnexp.data.tables.partition import Groups
from nnexp.data.tables.reader import Block, TableReader
from nnexp.data.tables.roles import Roles
from nnexp.data.tables.target import Answers
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.missing import MISSING_CATEGORY

CATEGORIES = 100
"""Text with more different values is no category, unless a person says so."""
MORE_CATEGORIES = 1_000
"""Not even then."""
MANY = 2**31 - 2


class TableBuilder:
    """What a table holds, while it is read.

    Args:
        opened: its file.
        roles: of its columns.
        task: auto, classification, multilabel or regression.

    Attributes:
        numbers: the columns of numbers.
        texts, marks: the columns of categories to learn from, and those that mark parts and groups, by name.
        target: what is to be learnt.
        columns: after `arranged`, those to learn from, with their categories.
        rows: after `finish`, those that have a target.
        notes: what a person must be told.
    """

    def __init__(self, opened: TableReader, roles: Roles, task: str) -> None:
        self.opened, self.roles = opened, roles
        self.numbers = Numbers([name for name, kind in roles.features.items() if kind == "number"])
        self.texts = {name: self.categories(name) for name, kind in roles.features.items() if kind == "text"}
        self.marks = {name: Categories(name, MANY, "", opened.place, wanted=True) for name in roles.marks}
        self.target = Answers(roles.targets, task, opened.place)
        self.rows: Rows = np.empty(0, np.int64)
        self.columns: list[Column] = []
        self.notes = list(roles.notes)

    def categories(self, name: str) -> Categories:
        """An empty column of categories, with as many of them as are sound."""
        drop, keep = override("data.drop", name), override("data.categorical", name)
        if name in self.roles.categorical:
            return Categories(
                name,
                MORE_CATEGORIES,
                f"each would be a column; leave it out: {drop}",
                self.opened.place,
                wanted=True,
            )
        return Categories(
            name, CATEGORIES, f"leave it out: {drop}, or keep it as categories: {keep}", self.opened.place
        )

    def add(self, block: Block) -> None:
        """Append a block of the file."""
        rows = len(next(iter(block.values())))
        for name, categories in (self.texts | self.marks).items():
            categories.add(block[name])
        if self.target.texts is not None:
            self.target.texts.add(block[self.target.name])
        for numbers in (self.numbers, self.target.numbers):
            if numbers and (found := numbers.add([block[name] for name in numbers.names], rows)):
                row, name = self.opened.place(found[0]), numbers.names[found[1]]
                remedy = (
                    "mend it"
                    if numbers is self.target.numbers
                    else f"mend it, or leave the column out: {override('data.drop', name)}"
                )
                raise DataError(
                    f"the column {name!r} holds an infinite number, or one too large for float32, in {row}; {remedy}"
                )

    def finish(self) -> "TableBuilder":
        """Decide what the target is and which rows have one."""
        self.numbers.finish()
        known = self.target.finish()
        if not len(known):
            raise DataError("it has no rows")
        if not known.any():
            raise DataError(
                f"no row has a value of the target {self.target.name!r}; take another: data.target=COLUMN"
            )
        self.rows = np.flatnonzero(known)
        self.notes += self.target.notes
        missing = [
            f"{name} ({count:,})"
            for name, count in zip(self.numbers.names, self.numbers.missing, strict=True)
            if count
        ]
        self.tell("missing numbers become the training mean", missing)
        self.tell("constant columns say nothing", self.numbers.constant())
        for name in self.numbers.counting():
            self.notes.append(f"{name} only counts the rows; leave it out: {override('data.drop', name)}")
        return self

    def tell(self, what: str, names: list[str]) -> None:
        """Note something about some columns, if there are such columns."""
        self.notes += [f"{what}: {listed(names)}"] if names else []

    def groups(self, name: str | None) -> Groups | None:
        """The groups that the column of that name tells."""
        if name is None:
            return None
        if missing := self.marks[name].missing:
            self.notes.append(f"{missing:,} rows that name no {name} are taken as one group")
        names, codes = self.marks[name].finish()
        return Groups(names, codes.astype(np.int64))

    def arranged(
        self, training: Rows, test: Rows
    ) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.bool_]]:
        """All columns to learn from in the order of the file, x (N, I), their names, and which are numbers.

        The rows are `training`, then `test`. x is the very array that was read into.
        """
        array, order = self.numbers.array, np.concatenate([training, test])
        arrange(array, training, test)
        features: list[str] = []
        one_hot: list[tuple[int, NDArray[Any]]] = []
        kinds, missing, places = [], [], []
        for name in self.roles.features:
            if name not in self.texts:
                places.append(len(features))
                features.append(name)
                self.columns.append(Column(name))
                continue
            text = self.texts[name]
            text.check_mixture()
            text.check_repetition()
            values, codes = text.finish()
            if text.missing:
                missing.append(f"{name} ({text.missing:,})")
                values = values if MISSING_CATEGORY in values else (*values, MISSING_CATEGORY)
                codes[codes < 0] = values.index(MISSING_CATEGORY)
            one_hot.append((len(features), codes[order]))
            features += [f"{name}={value}" for value in values]
            self.columns.append(Column(name, values))
            kinds.append(f"{name} ({len(values)})")
        if one_hot:
            widen(array, places, one_hot, len(features))
        self.tell("categories become columns of 0 and 1", kinds)
        self.tell("missing categories become one of their own", missing)
        numeric = np.zeros(len(features), bool)
        numeric[places] = True
        return array, tuple(features), numeric
