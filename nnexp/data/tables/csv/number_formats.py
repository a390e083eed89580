"""Decide how the numbers of a CSV file's columns are written: by each column, by the others, by settings."""

from collections.abc import Mapping, Sequence

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.number_texts import NumberTexts
from nnexp.data.tables.reader import NumberMarks
from nnexp.messages import list_override, listed, override
from nnexp.preprocessing.columns import DescribeRow
from nnexp.preprocessing.number_format import OTHER_MARK, NumberFormat, choose, readings

Formats = dict[str, NumberFormat]


def decide_formats(columns: Mapping[str, NumberTexts], marks: NumberMarks, delimiter: str) -> Formats:
    """Return the formats of all columns of numbers that the file and the marks decide.

    Where a column's own texts fit two formats, in this order: the settings, the decimal mark of the file's
    other columns, the format of the training table, what is likely; and a comma between columns is no decimal
    mark.
    """
    proven = {reading.implied_decimal for column in columns.values() if (reading := choose(column.readings))}
    proven -= {""}
    of_file = min(proven) if len(proven) == 1 else None
    by_delimiter = "." if delimiter == "," and not proven else None
    learnt = {number_format.implied_decimal for number_format in marks.expected.values()} - {""}
    of_training = min(learnt) if len(learnt) == 1 else None
    formats = {}
    for name, column in columns.items():
        options = column.readings
        expected = {option for option in options if _same_mark(option, marks.expected.get(name))}
        chosen = choose(options) or choose(options, marks.decimal, marks.thousands)
        chosen = chosen or (choose(options, of_file) if of_file else None) or choose(expected)
        if of_training and name not in marks.expected:  # the target, for example
            chosen = chosen or choose(options, of_training)
        chosen = chosen or choose(column.likely_readings)
        chosen = chosen or (choose(options, by_delimiter) if by_delimiter else None)
        if chosen is not None:
            formats[name] = chosen
    return formats


def number_errors(
    columns: Mapping[str, NumberTexts], formats: Mapping[str, NumberFormat], describe_row: DescribeRow
) -> dict[str, DataError]:
    """Return the errors of columns whose texts are no numbers, not written alike, or undecided."""
    errors = {}
    for name, column in columns.items():
        lists = {"data.drop": [name], "data.categorical": [name]}
        if column.other:
            row, text = column.other
            problem = f"expected a number in the column {name!r}, got {text[:40]!r} in {describe_row(row)}"
            errors[name] = DataError(problem, "correct the value", columns=lists)
        elif not column.readings:
            first, second = (f"{text} in {describe_row(row)}" for row, text in _contradiction(column))
            problem = f"the numbers of the column {name!r} are not written alike: {first}, {second}"
            errors[name] = DataError(problem, "write them alike", columns=lists)
    open_columns = {name: columns[name] for name in columns if name not in errors and name not in formats}
    if open_columns:
        errors[next(iter(open_columns))] = undecided(open_columns)
    return errors


def undecided(columns: Mapping[str, NumberTexts]) -> DataError:
    """Build the error of columns whose numbers can be read in two ways, with the settings that decide."""
    column = next(iter(columns.values()))
    text, ways = ambiguity(column)
    numbers = f"{ways['.']} or {ways[',']}"
    problem = f"{_named(list(columns))} can be read in two ways: is {text} {numbers}?"
    settings = (f"{override('data.decimal', mark)} ({ways[mark]})" for mark in (".", ","))
    return DataError(
        problem, "write them without digit groups and with decimal points", " or ".join(settings)
    )


def check_change(before: Formats, after: Formats, rows: int) -> None:
    """Raise a `DataError` if a decimal mark becomes one of digit groups after so many rows were read."""
    for name in after:
        mark = before[name].decimal
        if mark and after[name].implied_decimal == OTHER_MARK[mark]:
            problem = (
                f"the column {name!r}: {mark!r} separates groups of digits after row {rows:,}, not before"
            )
            setting = override("data.decimal", OTHER_MARK[mark])
            raise DataError(problem, "write numbers without digit groups", setting)


def ambiguity(column: NumberTexts) -> tuple[str, dict[str, str]]:
    """Return a text that can be read in two ways, and its number by decimal mark."""
    mark = next(option.thousands for option in column.readings if option.thousands)
    text = column.example(mark)
    return text, {option.implied_decimal: f"{option.parse(text):.10g}" for option in column.readings}


def describe_formats(formats: Mapping[str, NumberFormat], columns: Mapping[str, NumberTexts]) -> list[str]:
    """Describe how numbers were read, where they have digit groups, decimal commas or leading zeros."""
    notes: dict[str, list[str]] = {}
    for name, number_format in formats.items():
        mark = number_format.thousands or number_format.decimal.replace(".", "")
        if mark:
            text = columns[name].example(mark)
            notes.setdefault(f"{text} is read as {number_format.parse(text):.10g}", []).append(name)
        if text := columns[name].leading_zero:
            setting = list_override("data.categorical", name)
            notes[f"{text} is read as a number in {name}; if it is a code: {setting}"] = []
    return [f"{note}: {listed(names)}" if names else note for note, names in notes.items()]


def _same_mark(option: NumberFormat, expected: NumberFormat | None) -> bool:
    """Check whether a mark has the same meaning in both formats."""
    if expected is None:
        return False
    return option.decimal == expected.decimal != "" or option.thousands == expected.thousands != ""


def _contradiction(column: NumberTexts) -> tuple[tuple[int, str], tuple[int, str]]:
    """Return two rows and texts that no format fits both."""
    cells = sorted(column.first.values())
    texts = [text for _, text in cells]
    n = next(n for n in range(1, len(cells)) if not readings(texts[: n + 1]))
    first = next((m for m in range(n) if not readings([texts[m], texts[n]])), 0)
    return cells[first], cells[n]


def _named(names: Sequence[str]) -> str:
    """Format columns as a subject: the column 'a', the columns 'a', 'b'."""
    return f"the column{'s' if len(names) > 1 else ''} {listed([repr(name) for name in names])}"
