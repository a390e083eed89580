"""The target of a table of N rows: classes or numbers in one column; labels or numbers in T columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError, raise_errors
from nnexp.data.tables.column_buffers import CategoryColumn, NumberColumns
from nnexp.data.tables.reader import Block, ColumnType
from nnexp.messages import listed, natural_key, plural
from nnexp.preprocessing.columns import DescribeRow
from nnexp.preprocessing.missing import normalize_text
from nnexp.preprocessing.number_format import is_number
from nnexp.preprocessing.scaling import EXACT_FLOAT64
from nnexp.task import TaskName
from nnexp.tasks import task_of

MAX_NUMBER_CLASSES = 20  # whole numbers with at most so many distinct values are classes
MAX_CLASSES = 10_000


def setting_of(task: TaskName) -> str:
    """Return the overrides for a task, with a loss that suits it."""
    return f"data.task={task} loss={task_of(task).default_loss}"


class TargetColumn:
    """Builds the target from one or more columns: filled block by block, decided by `finish`."""

    def __init__(self, types: dict[str, ColumnType], task: str, describe_row: DescribeRow) -> None:
        self.names = tuple(types)
        self.name = ", ".join(types)
        self.task = task
        self.buffer: CategoryColumn | NumberColumns
        if "text" in types.values():
            explicit = task == "classification"
            self.buffer = CategoryColumn(self.name, MAX_CLASSES, describe_row, explicit=explicit)
        else:
            self.buffer = NumberColumns(self.names, describe_row, np.float64, droppable=False)
        # (N,), or (N, T) labels in float32, else float64; undefined where missing
        self.y: NDArray[Any] = np.empty(0, np.int64)
        self.classes: tuple[str, ...] = ()  # none in a regression
        self.targets: tuple[str, ...] = ()  # the names of a regression's targets, or of labels
        self.labels = False
        self.reason = ""  # of the task, where it is not given
        self.other_tasks: tuple[TaskName, ...] = ()  # that the values suit too
        self.notes: list[str] = []

    def add(self, block: Block, rows: int) -> None:
        if isinstance(self.buffer, CategoryColumn):
            self.buffer.add(block[self.name])
        else:
            self.buffer.add([block[name] for name in self.names], rows)

    def finish(self) -> NDArray[np.bool_]:
        """Decide on the task; return which rows have a target (N,), a `DataError` if none has."""
        if isinstance(self.buffer, CategoryColumn):
            if error := self.buffer.error or self.buffer.check_mixture():
                raise error
            self.classes, codes = self.buffer.finish()
            self.y = codes.astype(np.int64)
            known: NDArray[np.bool_] = np.asarray(codes >= 0)
        else:
            self.buffer.finish()
            raise_errors([*self.buffer.errors.values()])
            known = self.classes_or_numbers(self.buffer.array)
        if not known.any():
            if not len(known):
                raise DataError("the file has no rows")
            raise DataError(f"no row has a value of the target {self.name!r}", "fill in the column")
        if missing := int(np.count_nonzero(~known)):
            self.notes.append(f"{plural(missing, 'row')} without {self.name} left out")
        if self.classes:
            self.check_class_counts(np.bincount(self.y[known], minlength=len(self.classes)))
        return known

    def classes_or_numbers(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Take a few whole numbers as classes, other values (N, T) as numbers; return which are known."""
        known = np.asarray(~np.isnan(values).any(axis=1))
        if self.task == "auto" and len(self.names) == 1 and known.any():
            distinct = np.unique(values[known])
            are_whole = bool((distinct == np.floor(distinct)).all())
            are_few = len(distinct) <= MAX_NUMBER_CLASSES
            whole = " whole" if are_whole else ""
            numbers = f"{len(distinct):,} distinct{whole} {'number' if len(distinct) == 1 else 'numbers'}"
            self.reason = f"{self.name} holds {numbers}"
            if are_few and are_whole:
                self.classes = tuple(sorted(map(normalize_text, distinct), key=natural_key))
                if distinct[-1] > EXACT_FLOAT64 or distinct[0] < -EXACT_FLOAT64:
                    problem = f"whole numbers above 2**53 in the target {self.name!r} are rounded"
                    raise DataError(problem, "take them as text", "data.task=classification")
                self.y = np.searchsorted(distinct, np.where(known, values.T, distinct[0])[0])
                self.other_tasks = ("regression",)
                self.note_task("taken as classes", "for a regression")
                return known
            if are_whole or are_few:
                repeat = are_few or 2 * len(distinct) <= np.count_nonzero(known)
                self.other_tasks = ("classification",) if repeat else ()
            self.note_task("taken as a regression", "if they are classes")
        self.targets = self.names
        self.y = values
        if self.task == "multilabel" or (self.task == "auto" and len(self.names) > 1):
            self.labels_or_numbers(values[known])
        return known

    def note_task(self, taken_as: str, otherwise: str) -> None:
        """Note the task that the values suggest, and the setting of another that they suit."""
        others = "".join(f"; {otherwise}: {setting_of(other)}" for other in self.other_tasks)
        self.notes.append(f"{self.reason}, {taken_as}{others}")

    def labels_or_numbers(self, values: NDArray[np.float64]) -> None:
        """Take columns (N, T) of 0 and 1 as labels."""
        other = ~np.isin(values, (0, 1)).all(axis=0)
        self.labels = not other.any()
        if self.labels:
            self.y = self.y.astype(np.float32)
        if not self.labels and self.task == "multilabel":
            name = self.names[int(other.argmax())]
            problem = f"the label {name!r} holds numbers other than 0 and 1"
            raise DataError(problem, "correct them", setting_of("regression"))
        if self.labels and self.task == "auto":
            self.reason = f"{self.name} hold only 0 and 1"
            self.other_tasks = ("regression",)
            self.note_task("taken as labels", "for a regression")

    def check_class_counts(self, counts: NDArray[np.int64]) -> None:
        """Refuse a single class and values that do not repeat; note classes of one row."""
        rows = int(counts.sum())
        if len(counts) == 1:
            problem = f"the target {self.name!r} has only one class, {self.classes[0][:40]!r}"
            raise DataError(problem, "add rows of other classes, or choose another target")
        if len(counts) > MAX_NUMBER_CLASSES and 2 * len(counts) > rows:
            problem = f"too many classes: {self.name!r} has {len(counts):,} distinct values in {rows:,} rows"
            are_numbers = all(map(is_number, self.classes))
            setting = setting_of("regression") if are_numbers else ""
            raise DataError(problem, "" if are_numbers else "choose another target", setting)
        if single := [name for name, count in zip(self.classes, counts, strict=True) if count == 1]:
            self.notes.append(f"only one row of {listed(single)}: it cannot be in both training and test")
