"""Build one array of inputs from the blocks of a table: N rows, I inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.data.tables.centring import Centring
from nnexp.data.tables.column_buffers import (
    CategoryColumn,
    Codes,
    NumberColumns,
    arrange_rows,
    insert_columns,
)
from nnexp.data.tables.column_statistics import ColumnStatistics
from nnexp.data.tables.id_column import IdColumn
from nnexp.data.tables.partition import Groups
from nnexp.data.tables.reader import TableReader
from nnexp.data.tables.roles import Roles
from nnexp.data.tables.target import TargetColumn
from nnexp.messages import list_override, listed, plural
from nnexp.preprocessing.categories import OTHER, UnseenValues, index_of_other, list_values, select_categories
from nnexp.preprocessing.columns import MAX_ROWS, Column, DescribeRow, encode_date_features
from nnexp.preprocessing.dates import DAY, DateFeature, DateFormat, has_zone, infer_date_format, parse_dates
from nnexp.preprocessing.missing import MISSING_CATEGORY
from nnexp.preprocessing.scaling import find_origin, narrow

MAX_CATEGORIES = 100  # inputs of a column of text, besides that of missing values
MAX_CATEGORIES_EXPLICIT = 1_000  # inputs of a column named in data.categorical
MAX_VALUES = 2**31 - 2  # distinct texts of a column


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How columns of text become inputs; the fields are those of `Table`."""

    min_count: int
    max_categories: int | None
    unseen: Literal["other", "error"]
    dates: Literal["auto", "day_first", "month_first"]
    date_features: tuple[DateFeature, ...]


class TableBuilder:
    """Collects the columns of a table while it is read."""

    def __init__(self, reader: TableReader, roles: Roles, task: str, options: TextOptions) -> None:
        self.reader, self.roles, self.options = reader, roles, options
        describe_row = reader.describe_row
        texts = roles.names("text")
        self.numbers = NumberColumns(roles.names("number"), describe_row, np.float32, droppable=True)
        self.categories = {name: self.category_column(name, describe_row) for name in texts}
        markers = (CategoryColumn(name, MAX_VALUES, describe_row, "", True) for name in roles.markers)
        self.markers = {column.name: column for column in markers}
        self.ids = IdColumn(roles.id) if roles.id else None
        self.target = TargetColumn(roles.targets, task, describe_row)
        self.unseen = UnseenValues()
        self.rows: Rows = np.empty(0, np.int64)  # after `read`, those that have a target
        self.notes = list(roles.notes)  # what was decided

    def category_column(self, name: str, describe_row: DescribeRow) -> CategoryColumn:
        drop, keep = list_override("data.drop", name), list_override("data.categorical", name)
        if name in self.roles.categorical:
            return CategoryColumn(name, MAX_VALUES, describe_row, drop, explicit=True)
        return CategoryColumn(name, MAX_VALUES, describe_row, f"{drop} or {keep}")

    def read(self) -> None:
        """Read all blocks of the file, and decide on the target and the rows."""
        for block in self.reader.iter_blocks(self.roles.wanted):
            for name, column in (self.categories | self.markers).items():
                column.add(block[name])
            if self.ids is not None:
                self.ids.add(block[self.ids.name])
            rows = len(next(iter(block.values())))
            self.target.add(block, rows)
            self.numbers.add([block[name] for name in self.numbers.names], rows)
        self.numbers.finish()
        self.rows = np.flatnonzero(self.target.finish())
        self.notes += self.reader.number_notes(self.roles.number_columns)
        self.notes += self.target.notes
        self.notes += self.ids.notes() if self.ids is not None else []
        missing = dict(zip(self.numbers.names, self.numbers.missing.tolist(), strict=True))
        self.note("missing numbers become the training mean", count_each(missing))
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

    def centre(self, training: Rows) -> NDArray[np.float64]:
        """Read columns again that float32 cannot hold as they are; return the origin of each (J,)."""
        numbers = self.numbers
        centring = Centring(numbers, training)
        if centring.columns:
            names = [numbers.names[j] for j in centring.columns]
            blocks = self.reader.iter_blocks(dict.fromkeys(names, "number"))
            centring.store([block[name] for name in names] for block in blocks)
        self.note(
            "different numbers become one in float32, beside numbers that far apart",
            centring.describe_merged(),
        )
        return centring.origin

    def arrange(
        self, training: Rows, test: Rows, fit: Rows
    ) -> tuple[NDArray[np.float32], tuple[Column, ...], NDArray[np.float64] | None]:
        """Return x (N, I) in the array of `numbers`, training rows first, then test rows; columns; origin.

        The rows `fit` decide which categories get an input, and where the origin is.
        """
        origin_of_numbers = self.centre(fit)
        columns, one_hot, positions, dates = [], [], [], []
        arrange_rows(self.numbers.array, training, test)
        order = np.concatenate([training, test])
        first = 0
        for name in self.roles.features:
            marks = self.reader.number_format(name)
            column = Column(name, decimal=marks.decimal, thousands=marks.thousands)
            if name not in self.categories:
                positions.append(first)
            elif date_format := self.date_format(name):
                column, days = self.encode_dates(column, date_format)
                dates.append((first, days[order], self.origin_of_dates(column.name, days[fit])))
                one_hot += [(first + n, codes) for n, codes in encode_date_features(days[order], column)]
            else:
                column, codes = self.encode_categories(column, fit)
                one_hot.append((first, codes[order]))
            columns.append(column)
            first += len(column.inputs)
        if one_hot or dates:
            numbers = [(position, narrow(days, day)) for position, days, day in dates]
            insert_columns(self.numbers.array, positions, first, one_hot=one_hot, numbers=numbers)
        self.note_columns(columns)
        origin = np.zeros(first)
        origin[positions] = origin_of_numbers
        origin[[position for position, _, _ in dates]] = [day for _, _, day in dates]
        return self.numbers.array, tuple(columns), origin if origin.any() else None

    def date_format(self, name: str) -> DateFormat | None:
        """Return the format of dates or times, None of other text; an ambiguous one is a `DataError`."""
        texts = list(self.categories[name].code)
        date_format = None if name in self.roles.categorical else infer_date_format(texts)
        if date_format != "ambiguous":
            return date_format
        if self.options.dates == "auto":
            problem = f"the column {name!r} holds dates that can be read in two ways: {list_values(texts)}"
            raise DataError(problem, setting="data.dates=day_first or data.dates=month_first")
        return self.options.dates

    def encode_dates(self, column: Column, date_format: DateFormat) -> tuple[Column, NDArray[np.float64]]:
        """Return the column, and the days since 1970 of each row (N,), NaN if missing."""
        buffer = self.categories[column.name]
        texts = list(buffer.code)
        days = np.append(parse_dates(texts, date_format), np.nan)[buffer.codes]
        features = self.options.date_features
        if date_format == "time":
            features = tuple(feature for feature in features if feature == "hour")
        if 0 < sum(map(has_zone, texts)) < len(texts):
            self.note("dates without a time zone are taken as UTC", [column.name])
        return replace(column, date_format=date_format, date_features=features), days

    def origin_of_dates(self, name: str, days: NDArray[np.float64]) -> float:
        """Return the origin of a column's dates (N,); note a column whose dates float32 cannot keep apart."""
        known = days[~np.isnan(days)]
        if not len(known):
            return 0.0
        statistics = ColumnStatistics(1)
        statistics.add(0, known)
        origins = find_origin(known[:, None])
        origin = 0.0 if origins is None else float(origins[0])
        if pair := statistics.sampled_pair(0, origin, float(known.mean())):
            times = " and ".join(str(np.datetime64(round(moment * DAY), "us")) for moment in pair)
            self.note("different times become one in float32", [f"{name} ({times})"])
        return origin

    def encode_categories(self, column: Column, fit: Rows) -> tuple[Column, Codes]:
        """Decide which categories of the rows `fit` get an input; return each row's index of them (N,)."""
        buffer = self.categories[column.name]
        buffer.check()
        values, codes = buffer.finish()
        if buffer.missing:
            values = values if MISSING_CATEGORY in values else (*values, MISSING_CATEGORY)
            codes[codes < 0] = values.index(MISSING_CATEGORY)
        counts = np.bincount(codes[fit], minlength=len(values))
        default = MAX_CATEGORIES_EXPLICIT if buffer.explicit else MAX_CATEGORIES
        has_missing = MISSING_CATEGORY in values and counts[values.index(MISSING_CATEGORY)] > 0
        limit = self.options.max_categories or default + has_missing
        categories, infrequent = select_categories(values, counts, self.options.min_count, limit)
        rule = self.options.unseen
        column = replace(column, categories=categories, infrequent=infrequent, unseen=rule)
        unseen = self.rows[counts[codes[self.rows]] == 0]
        if len(unseen):
            names = np.array([*values], object)
            names[names == MISSING_CATEGORY] = ""
            self.handle_unseen(column, unseen, names[codes[unseen]].tolist())
        other = index_of_other(categories)
        index = {category: n for n, category in enumerate(categories)}
        return column, np.array([index.get(value, other) for value in values], np.int32)[codes]

    def handle_unseen(self, column: Column, rows: Rows, texts: Sequence[str]) -> None:
        """Count values outside training that no training row has, or refuse them."""
        if column.unseen == "error":
            which = listed([self.reader.describe_row(int(row)) for row in rows], MAX_ROWS)
            problem = (
                f"the column {column.name!r} holds {list_values(texts)} in {which}, not in training rows"
            )
            raise DataError(problem, "correct the value", "data.unseen=other")
        self.unseen.add(column.name, texts)

    def note_columns(self, columns: Sequence[Column]) -> None:
        """Note what became of columns of text."""
        orders = {"date": "", "day_first": ", day first", "month_first": ", month first", "time": ", times"}
        dates = {column.name: orders[column.date_format] for column in columns if column.date_format}
        sizes = {column.name: len(column.categories) for column in columns if column.categories}
        rare = {column.name: len(column.infrequent) for column in columns if column.infrequent}
        missing = {
            column.name: self.categories[column.name].missing
            for column in columns
            if column.categories and MISSING_CATEGORY in column.categories
        }
        self.note("dates become days", [f"{name}{order}" for name, order in dates.items()])
        self.note("categories become columns of 0 and 1", count_each(sizes))
        self.note(f"infrequent categories become one, {OTHER}", count_each(rare))
        self.note("missing categories become a category of their own", count_each(missing))
        self.notes += [f"validation or test rows have {unseen}"] if (unseen := self.unseen.describe()) else []


def count_each(counts: Mapping[str, int]) -> list[str]:
    """Format each name with its count, without names that have none."""
    return [f"{name} ({count:,})" for name, count in counts.items() if count]
