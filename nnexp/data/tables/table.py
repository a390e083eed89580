"""Your own data: a table in a file, an example a row, one of its columns to be learnt.

N rows, I columns, C classes or T targets.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt, Lt, MinLen
from numpy.typing import NDArray

from nnexp.data.dataset import Dataset, Fold, Folds, Limit, Source, ValidationRatio, digest
from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.data.tables.builder import TableBuilder
from nnexp.data.tables.formats import open_table
from nnexp.data.tables.partition import Groups, drawn_test, named_parts, part_of_rows
from nnexp.data.tables.roles import assign_roles


class Table(Source):
    """Rows of a CSV, Parquet or NPZ file.

    Numbers are standardised on the training rows, text becomes a column of 0 and 1 per distinct value, missing numbers become the
    training mean and missing text a value of its own; whatever was decided that way is told in the notes.

    Args:
        path: of the file; relative to the working directory; ~ is the home.
        target: the column to be learnt; several columns are as many labels (0 or 1 in each row), or a regression with as many targets.
        validation: the ratio of the training rows that is held out.
        root: of no use here; `path` says where.
        task: what the target is; auto takes text, and whole numbers with at most 20 different values, as classes.
        test: the ratio of the rows that only test; the same ones whatever the seed; null where `split` names the test rows.
        split: a column that says train, validation or test of each row.
        group: a column; rows of one group are never divided between training, validation and test.
        categorical: columns to be taken as categories though they look like numbers, or have many values.
        drop: columns to be left out.
        limit, folds, fold, stratify, balanced: as of every source.

    Raises:
        ValueError: one column is to be two things, or there would be no test rows.
    """

    def __init__(
        self,
        path: str,
        target: str | Annotated[list[str], MinLen(1)],
        validation: ValidationRatio = 0.2,
        root: str = "",
        task: Literal["auto", "classification", "multilabel", "regression"] = "auto",
        test: Annotated[float, Gt(0), Lt(1)] | None = 0.2,
        split: str | None = None,
        group: str | None = None,
        categorical: list[str] | None = None,
        drop: list[str] | None = None,
        limit: Limit = None,
        folds: Folds = None,
        fold: Fold = 0,
        stratify: bool = True,
        balanced: bool = False,
    ) -> None:
        super().__init__(validation, root, limit, folds, fold, stratify, balanced)
        self.path, self.task, self.test, self.marks = path, task, test, {"split": split, "group": group}
        self.targets = [target] if isinstance(target, str) else target
        self.categorical, self.drop = categorical or [], drop or []
        if test is None and split is None:
            raise ValueError(
                "data.test=null: give it a ratio, or name the column that says which rows test: data.split=COLUMN"
            )
        if task == "classification" and len(self.targets) > 1:
            raise ValueError(
                f"data.target=[{','.join(self.targets)}]: a classification has one target; several are a multilabel or a regression"
            )
        roles = [*self.targets, *(name for name in (split, group) if name is not None), *self.drop]
        if twice := sorted({name for name in roles if roles.count(name) > 1}):
            raise ValueError(
                f"the column {', '.join(twice)} can be only one of data.target, data.split, data.group, data.drop"
            )

    def load(self) -> Dataset:
        path = Path(self.path).expanduser().resolve()
        opened = open_table(path)
        try:
            roles = assign_roles(opened, self.task, self.targets, self.marks, self.categorical, self.drop)
            content = TableBuilder(opened, roles, self.task)
            for block in opened.read(roles.targets | roles.features | roles.marks):
                content.add(block)
            return self.dataset(path.name.partition(".")[0] or path.name, content.finish())
        except DataError as error:
            said = str(error)
            raise DataError(said if said.startswith(str(path)) else f"{path}: {said}") from error
        except MemoryError as error:
            raise DataError(
                f"{path}: does not fit into memory; leave columns out: data.drop=[...]"
            ) from error

    def dataset(self, name: str, content: TableBuilder) -> Dataset:
        """Divide what was read, and arrange it: the training rows first, then the test rows, in one array."""
        groups = content.groups(self.marks["group"])
        training, test, assigned = self.parts(content, groups)
        order, n = np.concatenate([training, test]), len(training)
        x, features, numeric = content.arranged(training, test)
        y = content.target.y[order]
        return Dataset(
            name=name,
            x=x[:n],
            y=y[:n],
            x_test=x[n:],
            y_test=y[n:],
            shape=(len(features),),
            classes=content.target.classes,
            targets=content.target.targets,
            labels=content.target.labels,
            scale=1.0,
            sha256=digest(x[:n], y[:n], x[n:], y[n:]),
            features=features,
            numeric=numeric,
            groups=None if groups is None else groups.of_row[training],
            assigned=None if assigned is None else assigned[training],
            notes=tuple(content.notes),
            columns=tuple(content.columns),
        )

    def parts(
        self, content: TableBuilder, groups: Groups | None
    ) -> tuple[Rows, Rows, NDArray[np.bool_] | None]:
        """The rows that train or validate, the rows that test, and which of all rows validate, if the file says so."""
        rows, test, assigned = content.rows, content.rows[:0], None
        if (name := self.marks["split"]) is not None:
            part = part_of_rows(content.marks[name])
            rows, test, assigned = named_parts(part, rows, name, groups)
            if self.test is None and not len(test):
                raise DataError(
                    f"the column {name!r} names no test rows; say test in some, or let them be drawn: data.test=0.2"
                )
            if not len(test):
                content.notes.append(
                    f"the column {name} names no test rows: {self.test:g} of the training rows are drawn"
                )
        if not len(test) and self.test is not None:
            free = rows if assigned is None else rows[~assigned[rows]]
            test = drawn_test(free, self.test, content.target.y, groups, self.stratify)
            rows = np.setdiff1d(rows, test, assume_unique=True)
        return rows, test, assigned
