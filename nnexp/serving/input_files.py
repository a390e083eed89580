"""Files that a person wants answers for: pictures, tables, arrays. They become examples as the network's data set stores them.

N examples, I numbers each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.columns import (
    EncodingError,
    category_index,
    check_columns,
    describe_row,
    encode_columns,
    encode_numbers,
)
from nnexp.serving.errors import PredictorError
from nnexp.serving.image_input import ENDINGS as PICTURES
from nnexp.serving.image_input import picture, stored
from nnexp.serving.predictor import Predictor

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
ARRAYS = (".npz", ".npy")
ANSWERS = (
    "label",
    "labels",
    "class",
    "target",
    "y",
)  # what files call the classes that belong to their images
Kind = Literal["picture", "rows"]


@dataclass(frozen=True)
class Examples:
    """What a file holds for a network.

    Attributes:
        path: of the file.
        kind: one picture, or rows of a table or an array.
        x: (N, ...) as stored.
        truth: classes (N,), -1 where the network knows none such, or numbers (N, T); None where the file tells none.
        notes: what was done to a picture.
    """

    path: Path
    kind: Kind
    x: NDArray[Any]
    truth: NDArray[Any] | None = None
    notes: tuple[str, ...] = ()


def examples(path: Path, predictor: Predictor, as_is: bool = False) -> Examples:
    """What a file holds, by the ending of its name.

    Args:
        path: of the file.
        predictor: the network that is asked.
        as_is: pictures are only brought to the network's size.

    Raises:
        PredictorError: no such file, or nothing that the network takes.
    """
    name = path.name.lower()
    if not path.is_file():
        raise PredictorError(
            f"{path}: {'this is a folder; name the files in it' if path.is_dir() else 'no such file'}"
        )
    if name.endswith(PICTURES):
        if predictor.columns or len(predictor.shape) < 2:
            raise PredictorError(f"{path}: a picture, and the network takes {predictor.wanted}")
        pixels, notes = picture(path, predictor.shape, None if as_is else predictor.ink)
        return Examples(path, "picture", stored(pixels[None], predictor.scale, predictor.stored), notes=notes)
    if name.endswith(TABLES) or (name.endswith(".npz") and predictor.columns):
        return table(path, predictor)
    if name.endswith(ARRAYS):
        return array(path, predictor)
    raise PredictorError(
        f"{path}: its name does not say what it is; these can be read: {', '.join((*PICTURES, *TABLES, *ARRAYS))}"
    )


def table(path: Path, predictor: Predictor) -> Examples:
    """A table's rows; for a network of images, a column for each pixel."""
    from nnexp.data.errors import DataError
    from nnexp.data.tables.formats import open_table

    try:
        opened = open_table(path)
        if (
            predictor.columns
            and path.suffix.lower() == ".npz"
            and not {column.name for column in predictor.columns} & set(opened.column_types)
        ):
            return array(path, predictor)
        named = rows_by_name if predictor.columns else rows_of_pixels
        x, truth = named(opened, path, predictor)
    except DataError as error:
        error.setting, error.path = "", error.path or path  # settings are for training
        raise PredictorError(str(error)) from error
    except (PredictorError, EncodingError) as error:
        raise PredictorError(f"{path}: {error}") from error
    return Examples(path, "rows", x, truth)


def rows_by_name(opened: Any, path: Path, predictor: Predictor) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The columns that were learnt from, and those of the truth if all of them are there."""
    check_columns(predictor.columns, list(opened.column_types))
    exact = path.suffix.lower() in (
        ".parquet",
        ".npz",
    )  # their numbers are numbers; only in CSV all is text, and told apart while it is read
    wanted = {}
    for column in predictor.columns:
        is_text = column.categories is not None or (exact and opened.column_types[column.name] == "text")
        wanted[column.name] = "text" if is_text else "number"
    answered = bool(predictor.answer) and set(predictor.answer) <= set(opened.column_types)
    if answered:
        wanted |= dict.fromkeys(predictor.answer, "text" if predictor.classes else "number")
    read = read_columns(opened, wanted)
    return encode_columns(read, predictor.columns, opened.describe_row), truth_of(
        read, predictor, opened.describe_row
    ) if answered else None


def rows_of_pixels(opened: Any, path: Path, predictor: Predictor) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """A column for each pixel, and perhaps one of the classes."""
    width = prod(predictor.shape)
    answer = (
        next((name for name in opened.column_types if name.lower() in ANSWERS), None)
        if len(opened.column_types) == width + 1
        else None
    )
    pixels = [name for name in opened.column_types if name != answer]
    if len(pixels) != width:
        raise PredictorError(
            f"{len(pixels):,} columns, and the network takes {predictor.wanted}: {width:,} numbers"
        )
    read = read_columns(
        opened, dict.fromkeys(pixels, "number") | ({answer: "text"} if answer and predictor.classes else {})
    )
    x = np.column_stack([encode_numbers(read[name], name, opened.describe_row) for name in pixels])
    truth = classes(read[answer], predictor) if answer and predictor.classes else None
    return x, truth


def read_columns(opened: Any, wanted: dict[str, str]) -> dict[str, NDArray[Any]]:
    """These columns of a table, whole: float64 with NaN, or text with None."""
    if strange := [name for name in wanted if opened.column_types[name] not in ("number", "text")]:
        raise PredictorError(
            f"the column {strange[0]!r} holds {opened.column_types[strange[0]]}, neither numbers nor text"
        )
    blocks: dict[str, list[NDArray[Any]]] = {name: [] for name in wanted}
    for block in opened.iter_blocks(wanted):
        for name, parts in blocks.items():
            parts.append(block[name].to_numpy(zero_copy_only=False))
    if not sum(map(len, next(iter(blocks.values())))):
        raise PredictorError("it has no rows")
    return {name: np.concatenate(parts) for name, parts in blocks.items()}


def truth_of(
    read: dict[str, NDArray[Any]], predictor: Predictor, place: Callable[[int], str] = describe_row
) -> NDArray[Any]:
    """The truth that a table's columns tell: classes (N,), or numbers (N, T)."""
    if predictor.classes:
        return classes(read[predictor.answer[0]], predictor)
    return np.column_stack([encode_numbers(read[name], name, place) for name in predictor.answer])


def classes(names: Any, predictor: Predictor) -> NDArray[np.int64]:
    """The numbers of classes (N,), -1 of those that the network does not know."""
    find = category_index(predictor.classes)
    return np.array([find(name) for name in np.asarray(names).tolist()], np.int64)


def array(path: Path, predictor: Predictor) -> Examples:
    """The examples in an NPY or NPZ file: the array x or images, or the only one there is; y or labels are the truth."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            held = (
                {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else {"x": loaded}
            )
    except (OSError, ValueError, BadZipFile, EOFError, KeyError) as error:
        raise PredictorError(f"{path}: cannot be read as an array of numbers: {error}") from error
    name = next(
        (name for name in ("x", "images") if name in held), next(iter(held)) if len(held) == 1 else None
    )
    if name is None:
        raise PredictorError(
            f"{path}: holds the arrays {', '.join(held) or 'none'}; call the one with the examples x"
        )
    x = held[name]
    if x.ndim == 0 or not x.size:
        raise PredictorError(f"{path}: the array {name} is empty; the network takes {predictor.wanted}")
    x = x[None] if x.shape in (predictor.shape, (prod(predictor.shape),)) else x
    answer = next((held[key] for key in ANSWERS if key in held and held[key].shape == x.shape[:1]), None)
    truth = classes(answer, predictor) if answer is not None and predictor.classes else None
    return Examples(path, "rows", x, truth)
