"""What each column of a table is for: to be learnt, to learn from, to mark parts and groups, or for nothing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from nnexp.data.errors import DataError, listed, override
from nnexp.data.tables.reader import Kind, TableReader

NAMELESS = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""What pandas calls the column that numbers the rows."""


@dataclass(frozen=True)
class Roles:
    """The columns that are read, and as what.

    Attributes:
        targets: to be learnt.
        features: to learn from, in the order of the file.
        marks: that say to which part or group a row belongs.
        categorical: those of the features that a person calls categories.
        notes: what was decided.
    """

    targets: dict[str, Kind]
    features: dict[str, Kind]
    marks: dict[str, Kind]
    categorical: tuple[str, ...]
    notes: tuple[str, ...]


def assign_roles(
    opened: TableReader,
    task: str,
    targets: list[str],
    marks: Mapping[str, str | None],
    categorical: list[str],
    drop: list[str],
) -> Roles:
    """Give each column of a file its role.

    Args:
        opened: the file.
        task: auto, classification, multilabel or regression.
        targets: to be learnt.
        marks: columns by their key, split and group.
        categorical: to be taken as categories.
        drop: to be left out.

    Raises:
        DataError: there is no such column, or it cannot be what it is to be.
    """
    known = opened.kinds

    def columns(names: Iterable[str], key: str) -> list[str]:
        found = [column for name in names for column in opened.parts.get(name, (name,))]
        if unknown := [name for name in found if name not in known]:
            raise DataError(no_column(unknown[0], [name for name in known if name], key))
        return found

    targets, categorical, drop = (
        columns(targets, "data.target"),
        columns(categorical, "data.categorical"),
        columns(drop, "data.drop"),
    )
    marking = [
        column for key, name in marks.items() if name is not None for column in columns([name], f"data.{key}")
    ]
    nameless = [
        name
        for name in known
        if NAMELESS.fullmatch(name) and name not in (*targets, *marking, *categorical, *drop)
    ]
    features = [name for name in known if name not in (*targets, *marking, *drop, *nameless)]
    for name in (*targets, *marking, *features):
        if known[name] not in ("number", "text"):
            remedy = (
                f"leave it out: {override('data.drop', name)}" if name in features else "take another column"
            )
            raise DataError(
                f"the column {name!r} holds {known[name]}, neither numbers nor text nor true and false; {remedy}"
            )
    if not features:
        raise DataError(f"no columns are left to learn from; it has {listed(list(known))}")
    texts = [name for name in targets if known[name] == "text"]
    if texts and (len(targets) > 1 or task in ("multilabel", "regression")):
        kind = "multilabel" if task == "multilabel" else "regression"
        remedy = "mend the column, or take another target or task"
        raise DataError(f"the target {texts[0]!r} holds text, and a {kind} needs numbers; {remedy}")
    as_text = {*categorical, *(targets if task == "classification" else ())}

    def kinds(names: Iterable[str]) -> dict[str, Kind]:
        return {
            name: "number" if known[name] == "number" and name not in as_text else "text" for name in names
        }

    notes = (
        *opened.notes,
        *(["the column without a name is left out: it numbers the rows"] if nameless else []),
    )
    return Roles(kinds(targets), kinds(features), dict.fromkeys(marking, "text"), tuple(categorical), notes)


def no_column(name: str, known: Sequence[str], key: str) -> str:
    """That there is no such column, which one was likely meant, and which there are."""
    lowered = {column.lower(): column for column in known}
    near = get_close_matches(name.lower(), lowered, 1, 0.5)
    guess = f"did you mean {lowered[near[0]]}? " if near else ""
    headless = all(re.fullmatch(r"[-+.\deE]+", column) for column in known)
    advice = (
        "\nThe first line must name the columns, and it holds only numbers: add a line of names."
        if headless
        else ""
    )
    return f"{key}={name}: there is no such column; {guess}there are: {listed(known, 30)}{advice}"
