"""Encode columns of text: dates as days and features of the calendar, categories one-hot. N rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.data.tables.column_buffers import CategoryColumn, Codes
from nnexp.data.tables.column_statistics import ColumnStatistics, sampled_pair
from nnexp.messages import listed
from nnexp.preprocessing.categories import (
    OTHER,
    UnseenValues,
    category_index,
    index_of_other,
    list_values,
    select_categories,
)
from nnexp.preprocessing.columns import MAX_ROWS, Column
from nnexp.preprocessing.date_cells import encode_date_features
from nnexp.preprocessing.dates import DAY, DateFeature, DateFormat, has_zone, infer_date_format, parse_dates
from nnexp.preprocessing.missing import MISSING_CATEGORY

MAX_CATEGORIES = 100  # inputs of a column of text, besides that of missing values
MAX_CATEGORIES_EXPLICIT = 1_000  # inputs of a column named in data.categorical
NOTED_FORMATS = {"day_first": " (day first)", "month_first": " (month first)", "time": " (times)"}
DateOrder = Literal["auto", "day_first", "month_first"]
Days = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How columns of text become inputs; the fields are those of `Table`."""

    min_count: int
    max_categories: int | None
    unseen: Literal["other", "error"]
    date_features: tuple[DateFeature, ...]


def check_text(buffer: CategoryColumn, dates: DateOrder) -> DataError | None:
    """Decide on a column's format of dates; return what is wrong if it is neither dates nor categories."""
    if not buffer.explicit:
        texts = list(buffer.code)
        date_format = infer_date_format(texts)
        if date_format != "ambiguous":
            buffer.date_format = date_format
        elif dates != "auto":
            buffer.date_format = dates
        else:
            column = f"the column {buffer.name!r}"
            problem = f"{column} holds dates that can be read in two ways: {list_values(texts)}"
            return DataError(problem, setting="data.dates=day_first or data.dates=month_first")
    return None if buffer.date_format else buffer.check()


@dataclass(frozen=True)
class EncodedText:
    """The inputs of a column, for each row of the file."""

    column: Column
    one_hot: list[tuple[int, Codes]]  # the first input of a category, and each row's index (N,), -1 without
    days: Days | None = None  # (N,) the first input of a column of dates, NaN if missing
    origin: float = 0.0  # of the days


@dataclass
class TextEncoder:
    """Encodes columns, and collects notes on what was decided."""

    options: TextOptions
    rows: Rows  # that are used
    fit: Rows  # the training rows, which decide
    notes: dict[str, list[str]] = field(default_factory=dict)  # columns by what became of them
    unseen: UnseenValues = field(default_factory=UnseenValues)

    def encode(self, column: Column, buffer: CategoryColumn) -> EncodedText:
        """Encode a column that was read and checked."""
        if date_format := buffer.date_format:
            return self.encode_dates(replace(column, date_format=date_format), buffer, date_format)
        return self.encode_categories(column, buffer)

    def note(self, what: str, name: str) -> None:
        self.notes.setdefault(what, []).append(name)

    def describe(self) -> list[str]:
        """Return all notes."""
        lines = [f"{what}: {listed(names)}" for what, names in self.notes.items()]
        return [*lines, f"held-out rows have {self.unseen.describe()}"] if self.unseen.counts else lines

    def encode_dates(self, column: Column, buffer: CategoryColumn, date_format: DateFormat) -> EncodedText:
        """Encode a column of dates or times."""
        texts = list(buffer.code)
        days = np.append(parse_dates(texts, date_format), np.nan)[buffer.codes]
        features = self.options.date_features
        if date_format == "time":
            features = tuple(feature for feature in features if feature == "hour")
        column = replace(column, date_features=features)
        self.note("dates become days", f"{column.name}{NOTED_FORMATS.get(date_format, '')}")
        if missing := np.count_nonzero(np.isnan(days[self.rows])):
            self.note("missing dates become the training mean", f"{column.name} ({missing:,})")
        if np.nanmin(days, initial=np.inf) >= np.nanmax(days, initial=-np.inf):
            self.note("constant columns carry no information", column.name)
        if 0 < sum(map(has_zone, texts)) < len(texts):
            self.note("dates without a time zone are taken as UTC", column.name)
        origin = self.origin_of(column.name, days[self.fit])
        return EncodedText(column, list(encode_date_features(days, features)), days, origin)

    def origin_of(self, name: str, days: Days) -> float:
        """Return the origin of a column's days; note a column whose times float32 cannot keep apart."""
        known = days[~np.isnan(days)]
        if not len(known):
            return 0.0
        statistics = ColumnStatistics(1)
        statistics.add(known[None])
        origin = float(np.rint(known.mean()))
        if pair := sampled_pair(statistics.sample(0), origin, float(known.mean())):
            times = " and ".join(str(np.datetime64(round(moment * DAY), "us")) for moment in pair)
            self.note("different times become one in float32", f"{name} ({times})")
        return origin

    def encode_categories(self, column: Column, buffer: CategoryColumn) -> EncodedText:
        """Encode a column of categories; those of the training rows get an input."""
        values, codes = buffer.finish()
        if buffer.missing:
            values = values if MISSING_CATEGORY in values else (*values, MISSING_CATEGORY)
            codes[codes < 0] = values.index(MISSING_CATEGORY)
        counts = np.bincount(codes[self.fit], minlength=len(values))
        default = MAX_CATEGORIES_EXPLICIT if buffer.explicit else MAX_CATEGORIES
        has_missing = MISSING_CATEGORY in values and counts[values.index(MISSING_CATEGORY)] > 0
        limit = self.options.max_categories or default + has_missing
        categories, infrequent = select_categories(values, counts, self.options.min_count, limit)
        column = replace(column, categories=categories, infrequent=infrequent, unseen=self.options.unseen)
        self.note("categories become columns of 0 and 1", f"{column.name} ({len(categories):,})")
        if infrequent:
            self.note(f"infrequent categories become one, {OTHER}", f"{column.name} ({len(infrequent):,})")
        if buffer.missing and MISSING_CATEGORY in categories:
            what = "missing categories become a category of their own"
            self.note(what, f"{column.name} ({buffer.missing:,})")
        index_of = category_index(categories, column.number_format, infrequent)
        index = np.array([index_of(value) for value in values], np.int32)
        unseen = self.rows[index[codes[self.rows]] < 0]
        if len(unseen):
            texts = ["" if text == MISSING_CATEGORY else text for text in values]
            self.count_unseen(column, buffer, unseen, [texts[code] for code in codes[unseen]])
        index[index < 0] = index_of_other(categories)
        return EncodedText(column, [(0, index[codes])])

    def count_unseen(self, column: Column, buffer: CategoryColumn, rows: Rows, texts: list[str]) -> None:
        """Count texts that no training row has, of the given rows, or refuse them."""
        if column.unseen == "error":
            which = listed([buffer.describe_row(int(row)) for row in rows], MAX_ROWS)
            problem = f"the column {column.name!r} holds {list_values(texts)} in {which}"
            raise DataError(f"{problem}, but in no training row", "correct the value", "data.unseen=other")
        self.unseen.add(column.name, texts)
