"""Read the test rows of a table from a file of their own: `data.test_path`. N rows, I inputs, T targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.dataset import SourceRows
from nnexp.data.errors import DataError
from nnexp.data.tables.encoded_table import EncodedTable, read_encoded_table
from nnexp.data.tables.formats import open_table
from nnexp.data.tables.reader import NumberMarks
from nnexp.data.tables.roles import Roles
from nnexp.data.tables.target import TargetColumn
from nnexp.data.tables.target_transform import check_domain
from nnexp.messages import listed, override, plural
from nnexp.preprocessing.categories import list_values
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.errors import EncodingError
from nnexp.preprocessing.scaling import Transform

WITHOUT_FILE = override("data.test_path", None)


@dataclass(frozen=True)
class HeldOutRows:
    """The rows that have a target, encoded as those of training."""

    x: NDArray[np.float64]  # (N, I)
    y: NDArray[Any]  # (N,) classes, or (N, T) labels or numbers
    source: SourceRows
    notes: list[str]


class HeldOutFile:
    """A file with the columns of the training table, in any order; others are ignored."""

    def __init__(self, path: Path, roles: Roles, marks: NumberMarks) -> None:
        """Open the file; raise a `DataError` that names the columns that are missing."""
        self.path, self.roles = path, roles
        self.reader = open_table(path, "data.test_path")
        self.reader.marks = marks
        given = self.reader.column_types
        if missing := [name for name in roles.targets if name not in given]:
            problem = (
                f"no column {listed(missing)} to compare predictions with; nnexp predict takes such a file"
            )
            raise self.error(problem, setting=WITHOUT_FILE)
        if missing := [name for name in roles.features if name not in given]:
            problem = f"no column {listed(missing)}, which the training rows have"
            raise DataError(problem, "add it", path=path, columns={"data.drop": missing})

    def error(self, problem: str, remedy: str = "", setting: str = "") -> DataError:
        return DataError(problem, remedy, setting, self.path)

    def read(
        self, columns: Sequence[Column], target: TargetColumn, transform: Transform | None
    ) -> HeldOutRows:
        """Read and encode the rows as `nnexp predict` does; rows without a target are left out."""
        names = [*self.roles.targets]
        try:
            table = read_encoded_table(self.reader, columns, names, target.classes, self.roles.id)
        except EncodingError as error:
            is_unseen = "not seen in training" in str(error)
            raise self.error(str(error), setting="data.unseen=other" if is_unseen else "") from error
        except DataError as error:
            error.drop_settings(self.path, only_lists=True)
            raise
        true, known = self.known_targets(table, target)
        rows = np.flatnonzero(known)
        if not len(rows):
            raise self.error(f"no row has a value of the target {target.name!r}", setting=WITHOUT_FILE)
        if transform is not None:
            try:
                check_domain(true[rows], names, transform, rows, self.reader.describe_row)
            except DataError as error:
                error.path = self.path
                raise
        source = SourceRows(np.arange(len(known)), table.ids).take(rows)
        y = true[rows].astype(target.y.dtype)
        return HeldOutRows(table.x[rows], y, source, self.notes(table, len(known) - len(rows)))

    def known_targets(
        self, table: EncodedTable, target: TargetColumn
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the targets, and which rows have one (N,); a `DataError` of a class that training lacks."""
        true = table.true
        assert true is not None  # the columns are there
        if not target.classes:
            missing = np.isnan(true)
            if target.labels and not (missing | np.isin(true, (0, 1))).all():
                raise self.error(f"the labels {target.name} hold numbers other than 0 and 1", "correct them")
            return true, np.asarray(~missing.any(axis=1))
        if others := table.unseen.counts.get(target.name):
            which = f"{list_values(others.elements())} in {plural(others.total(), 'row')}"
            problem = f"the target {target.name!r} holds {which}, a class of no training row"
            raise self.error(problem, "correct it, or leave these rows out", WITHOUT_FILE)
        return true, np.asarray(true >= 0)

    def notes(self, table: EncodedTable, left_out: int) -> list[str]:
        """Return what a user must know about the rows."""
        notes = [f"{self.path.name}: {note}" for note in table.notes]
        notes += [f"test rows have {table.unseen.describe()}"] if table.unseen.counts else []
        if left_out:
            notes.append(f"{plural(left_out, 'test row')} without {listed([*self.roles.targets])} left out")
        if self.roles.id is not None and table.ids is None:
            notes.append(f"{self.path.name} has no column {self.roles.id}: its rows have no id")
        return notes
