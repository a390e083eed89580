"""A data set from a table in a file: a row for each of N examples, one or more columns as the target."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from nnexp.data.canonical import Canonical, Columns, FilePath, OptionalColumns, OptionalFilePath, name_list
from nnexp.data.dataset import Dataset, Source, SourceRows, ValidationRatio, digest
from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.data.tables.builder import TableBuilder
from nnexp.data.tables.formats import local_path, open_table
from nnexp.data.tables.held_out_file import HeldOutFile
from nnexp.data.tables.partition import TEST, VALIDATION, Groups, check_splits, draw_test, read_splits
from nnexp.data.tables.reader import NumberMarks
from nnexp.data.tables.roles import assign_roles
from nnexp.data.tables.target import setting_of
from nnexp.data.tables.target_transform import check_domain, check_numbers, describe_learnt, precision_notes
from nnexp.data.tables.text_encoding import DateOrder, TextEncoder, TextOptions
from nnexp.messages import hydra_override, override
from nnexp.preprocessing.dates import DateFeature
from nnexp.preprocessing.number_format import OTHER_MARK
from nnexp.preprocessing.scaling import Transform, find_origin, narrow

Mask = NDArray[np.bool_]
DEFAULT_TEST = 0.2
DateFeatures = Annotated[DateFeature | list[DateFeature] | None, Canonical(name_list)]


class Table(Source):
    """Rows of a CSV, Parquet or NPZ file.

    Numbers are standardized on the training rows, dates become days, other text one-hot, missing numbers the
    training mean, missing text a category of its own; the notes list what was decided.
    """

    path: FilePath
    target: Columns  # columns to predict; several are labels or a regression
    validation: ValidationRatio = 0.2
    root: str = ""  # unused
    target_transform: Transform | None = None  # what a regression learns in place of the target itself
    task: Literal["auto", "classification", "multilabel", "regression"] = "auto"
    test: Annotated[float, Ge(0), Lt(1)] | None = (
        DEFAULT_TEST  # ratio of test rows; 0: none; None: `split` names them
    )
    test_path: OptionalFilePath = None  # of a file of test rows; `test` draws none then
    split: str | None = None  # the column that assigns each row to train, validation or test
    group: str | None = None  # a column; rows of one group are never divided between the splits
    id: str | None = None  # a column that identifies rows: not an input, but in all tables of predictions
    categorical: OptionalColumns = None  # columns of categories that look like numbers, or have many values
    drop: OptionalColumns = None  # columns to leave out
    min_count: Annotated[int, Ge(1)] = 1  # categories of fewer training rows are "other"
    max_categories: Annotated[int, Ge(2)] | None = None  # inputs of a column of text; None: 100 or 1,000
    unseen: Literal["other", "error"] = "other"  # what a category that training did not see is taken as
    decimal: Literal[".", ","] | None = None  # the decimal mark of text, where columns leave it open
    thousands: Literal["", ",", ".", " ", "'"] | None = None  # what separates groups of digits there
    dates: DateOrder = "auto"  # how to read a column like 01/02/2024
    date_features: DateFeatures = None  # of the calendar, besides the days

    def __post_init__(self) -> None:
        super().__post_init__()
        requested = self.requested_columns()
        if self.decimal and self.decimal == self.thousands:
            mark = OTHER_MARK[self.decimal]
            fixes = f"{override('data.thousands', mark)} or {override('data.decimal', mark)}"
            raise ValueError(f"data.decimal and data.thousands are both {self.decimal!r}; fix: {fixes}")
        if self.test_path and self.test not in (None, 0, DEFAULT_TEST):
            problem = f"data.test={self.test:g} draws test rows, and data.test_path holds others"
            raise ValueError(f"{problem}; fix: data.test=null or data.test_path=null")
        if self.test is None and self.split is None and not self.test_path:
            remedy = "fix: data.test=0.2, or data.test=0 for a network without a test"
            raise ValueError(f"data.test=null needs a column of test rows, data.split; {remedy}")
        if self.target_transform and self.task in ("classification", "multilabel"):
            remedy = "fix: data.target_transform=null or data.task=regression loss=mean_squared_error"
            needs = f"data.target_transform={self.target_transform} needs a regression"
            raise ValueError(f"{needs}, not data.task={self.task}; {remedy}")
        if self.task == "classification" and len(requested["target"]) > 1:
            remedy = f"fix: {setting_of('multilabel')} or {setting_of('regression')}"
            typed = hydra_override("data.target", self.target)
            raise ValueError(f"{typed}: a classification has one target; {remedy}")
        exclusive = [key for key in requested if key not in ("categorical", "id")]
        names = [name for key in exclusive for name in requested[key]]
        if several := sorted({name for name in names if names.count(name) > 1}):
            keys = "data.target, data.split, data.group, data.drop"
            which = f"the column {', '.join(several)} can be only one of {keys}"
            raise ValueError(f"{which}; fix: {self.without_repetition(several, exclusive)}")
        for key in ("target", "categorical"):
            if self.id is not None and self.id in requested[key]:
                raise ValueError(f"the column {self.id} can be only one of data.{key}, data.id")

    def without_repetition(self, names: Sequence[str], keys: Sequence[str]) -> str:
        """Return the overrides that leave names in the first of the keys that have them."""
        requested = self.requested_columns()
        overrides = []
        for n, key in enumerate(keys):
            earlier = {name for first in keys[:n] for name in requested[first]}
            kept = [
                name for name in dict.fromkeys(requested[key]) if name not in earlier or name not in names
            ]
            if kept != requested[key]:
                value: list[str] | str | None = kept if key in ("drop", "target") else None
                overrides.append(override(f"data.{key}", value))
        return " ".join(overrides)

    def requested_columns(self) -> dict[str, list[str]]:
        named = {"target": self.target, "split": self.split, "group": self.group, "drop": self.drop}
        named |= {"id": self.id, "categorical": self.categorical}
        return {key: [names] if isinstance(names, str) else names or [] for key, names in named.items()}

    @property
    def draws_test(self) -> bool:
        """Whether test rows are drawn if `split` names none."""
        return bool(self.test) and self.test_path is None

    def text_options(self) -> TextOptions:
        features = self.date_features
        return TextOptions(
            min_count=self.min_count,
            max_categories=self.max_categories,
            unseen=self.unseen,
            date_features=(features,) if isinstance(features, str) else tuple(features or ()),
        )

    def load(self) -> Dataset:
        path = local_path(self.path, "data.path")
        test_path = local_path(self.test_path, "data.test_path") if self.test_path else None
        try:
            reader = open_table(path)
            reader.marks = NumberMarks(self.decimal, self.thousands)
            roles = assign_roles(reader, self.task, self.requested_columns())
            if test_path == path:
                problem = "data.test_path is data.path: the test rows would be those of training"
                raise DataError(problem, setting="data.test_path=null")
            held_out = HeldOutFile(test_path, roles, reader.marks) if test_path else None
            task = self.task
            if self.target_transform is not None:
                task = "regression"
                check_numbers(roles.targets, self.target_transform)
            builder = TableBuilder(reader, roles, task, self.dates)
            builder.read()
            if self.target_transform is not None:
                names, rows = builder.target.names, builder.rows
                y = builder.target.y[rows]
                check_domain(y, names, self.target_transform, rows, reader.describe_row)
                builder.notes.append(describe_learnt(names, self.target_transform))
            else:
                builder.notes += precision_notes(builder.target)
            return self.build_dataset(path.name.partition(".")[0] or path.name, builder, held_out)
        except DataError as error:
            requested = self.requested_columns()
            lists = {f"data.{key}": requested[key] for key in ("drop", "categorical")}
            error.complete(error.path or path, lists)
            raise
        except MemoryError as error:
            remedy = "leave columns out, with data.drop, or rows"
            raise DataError("the table does not fit into memory", remedy, path=path) from error

    def build_dataset(self, name: str, builder: TableBuilder, held_out: HeldOutFile | None) -> Dataset:
        """Partition the rows: the training rows first, then the test rows, in one array.

        The test rows may also be those of a file of their own.
        """
        groups = builder.groups(self.group)
        training, test, assigned = self.partition(builder, groups)
        fit = training if assigned is None else training[~assigned[training]]
        encoder = TextEncoder(self.text_options(), builder.rows, fit)
        x, columns, origin = builder.arrange(training, test, encoder)
        target = builder.target
        y = target.y[np.concatenate([training, test])]
        n = len(training)
        target_origin = find_origin(y) if target.targets and not target.labels else None
        narrow_y = y[:n] if y.dtype == np.int64 else narrow(y[:n], target_origin)
        origins = [one for one in (origin, target_origin) if one is not None]
        ids = None if builder.ids is None else builder.ids.finish()
        source = SourceRows(np.arange(len(target.y)), ids)
        x_test, y_test, source_test = x[n:], y[n:], source.take(test)
        if held_out is not None:
            rows = held_out.read(columns, target, self.target_transform)
            x_test, y_test, source_test = narrow(rows.x, origin), rows.y, rows.source
            builder.notes += rows.notes
        narrow_y_test = y_test if y.dtype == np.int64 else narrow(y_test, target_origin)
        return Dataset(
            name=name,
            x=x[:n],
            y=y[:n],
            x_test=x_test,
            y_test=y_test,
            shape=x.shape[1:],
            classes=target.classes,
            targets=target.targets,
            labels=target.labels,
            task_reason=target.reason,
            other_tasks=target.other_tasks,
            scale=1.0,
            sha256=digest(x[:n], narrow_y, x_test, narrow_y_test, *origins),
            features=tuple(feature for column in columns for feature in column.inputs),
            numeric=np.array([numeric for column in columns for numeric in column.numeric]),
            groups=None if groups is None else groups.of_row[training],
            assigned=None if assigned is None else assigned[training],
            notes=tuple(builder.notes),
            columns=columns,
            origin=origin,
            source=source.take(training),
            source_test=source_test,
            id_column=builder.roles.id,
            target_transform=self.target_transform,
        )

    def partition(self, builder: TableBuilder, groups: Groups | None) -> tuple[Rows, Rows, Mask | None]:
        """Return training rows, test rows, and which of all rows (N,) validate, if `split` names any."""
        rows = builder.rows
        test = builder.rows[:0]
        assigned = None
        if self.split is not None:
            splits = read_splits(builder.markers[self.split])
            check_splits(splits, rows, self.split, groups)
            assigned = splits == VALIDATION if (splits[rows] == VALIDATION).any() else None
            rows, test = rows[splits[rows] != TEST], rows[splits[rows] == TEST]
            if len(test) and self.test_path:
                problem = f"the column {self.split!r} names test rows, and data.test_path holds others"
                raise DataError(problem, setting="data.test_path=null")
            if not len(test) and self.test is None and not self.test_path:
                problem = f"the column {self.split!r} names no test rows"
                raise DataError(problem, "write test in some", "data.test=0.2 or data.test=0")
            if not len(test) and self.draws_test:
                drawn = f"{self.test:g} of the training rows are drawn"
                builder.notes.append(f"the column {self.split} names no test rows: {drawn}")
        if not len(test) and self.draws_test:
            candidates = rows if assigned is None else rows[~assigned[rows]]
            test = draw_test(candidates, self.test or 0.0, builder.target.y, groups, self.stratify)
            rows = np.setdiff1d(rows, test, assume_unique=True)
        if assigned is not None and not self.has_validation:
            builder.notes.append(f"the validation rows of {self.split} are training rows: data.validation=0")
            assigned = None
        return rows, test, assigned
