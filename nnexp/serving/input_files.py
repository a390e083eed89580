"""Files as examples that a network takes: images, tables, arrays. N examples, I numbers each, T targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from nnexp.array_file import ArrayFileError, read_array, read_arrays
from nnexp.messages import plural
from nnexp.preprocessing.categories import encode_classes
from nnexp.preprocessing.errors import EncodingError, ImageFileError
from nnexp.preprocessing.images.folder import find_images, valid_text
from nnexp.preprocessing.images.image_file import SUFFIXES as IMAGES
from nnexp.preprocessing.images.pixels import decode_files
from nnexp.preprocessing.table_files import DELIMITED
from nnexp.regular_file import open_regular
from nnexp.serving.errors import BlankImageError, PredictorError
from nnexp.serving.image_input import as_stored, read_image, read_like_training
from nnexp.serving.trained_model import TrainedModel

if TYPE_CHECKING:
    from nnexp.data.tables.reader import ColumnType, TableReader

TABLES = (*DELIMITED, ".parquet")
ARRAYS = (".npz", ".npy")
CLASS_NAMES = ("label", "labels", "class", "target", "y")  # of the column or array of classes beside images
MAX_LISTED = 20  # damaged files in a message
Array = NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """The examples of a file."""

    path: Path
    x: Array  # (N, ...) as the data set stores them
    true: Array | None = None  # classes (N,), -1 for unknown ones, or numbers (N, T)
    is_image: bool = False
    notes: tuple[str, ...] = ()  # what was done to an image, what of a table was not seen in training
    ids: Array | None = None  # (N,) texts, None where a row has none


def read_examples(path: Path, predictor: TrainedModel, as_is: bool = False) -> Examples:
    """Read examples for a network from a file, by its suffix, or a folder; as_is: images are only resized.

    Raises:
        PredictorError: no such file, or nothing that the network takes.
    """
    if not path.exists():
        raise PredictorError(f"{path}: no such file")
    if path.is_dir():
        return read_folder(path, predictor, as_is)
    try:
        open_regular(path).close()
    except OSError as error:
        raise PredictorError(f"{path}: cannot be read: {error.strerror or error}") from error
    name = path.name.lower()
    spec = predictor.spec
    if name.endswith(IMAGES):
        x, notes = read_stored(path, predictor, as_is)
        return Examples(path, x[None], is_image=True, notes=notes)
    if name.endswith(TABLES) or (name.endswith(".npz") and spec.columns):
        return _read_table(path, predictor)
    if name.endswith(ARRAYS):
        return _read_array(path, predictor)
    raise PredictorError(f"{path}: expected a file named {', '.join((*IMAGES, *TABLES, *ARRAYS))}")


def read_stored(path: Path, predictor: TrainedModel, as_is: bool) -> tuple[Array, tuple[str, ...]]:
    """Read an image file as the data set stores one; also return what was done."""
    spec = predictor.spec
    if spec.columns or len(spec.shape) < 2:
        raise PredictorError(f"{path}: expected {predictor.expected}, got an image")
    if spec.resize is not None:
        return read_like_training(path, spec.shape, spec.resize)
    pixels, notes = read_image(path, spec.shape, None if as_is else spec.drawings)
    assert spec.pixel_scale is not None
    return as_stored(pixels, spec.pixel_scale, predictor.stored), notes


def read_folder(folder: Path, predictor: TrainedModel, as_is: bool) -> Examples:
    """Read all images of a folder and of those in it; the name of a class above one is its true class.

    Files that are damaged are left out, and named in the notes.
    """
    if predictor.spec.columns or len(predictor.spec.shape) < 2:
        raise PredictorError(f"{folder}: expected {predictor.expected}, got a folder")
    try:
        paths = list(find_images(folder))
    except OSError as error:
        raise PredictorError(f"{error.filename}: cannot be read: {error.strerror or error}") from error
    if not paths:
        raise PredictorError(f"{folder}: a folder without images, files named {', '.join(IMAGES)}")
    x, problems = read_images(paths, predictor, as_is)
    lines = [f"{valid_text(str(paths[i]))}: {problem}" for i, problem in problems.items()]
    if len(problems) == len(paths):
        heading = f"{folder}: none of {plural(len(paths), 'file')} is an image:"
        raise PredictorError("\n  ".join([heading, *lines[:MAX_LISTED]]))
    kept = [path for i, path in enumerate(paths) if i not in problems]
    numbers = {name: i for i, name in enumerate(predictor.spec.classes)}
    names = [valid_text(path.relative_to(folder).as_posix()) for path in kept]
    above = [(valid_text(folder.resolve().name), *name.split("/")[:-1]) for name in names]
    true = np.array([next((numbers[n] for n in reversed(folders) if n in numbers), -1) for folders in above])
    notes = tuple(f"not read: {line}" for line in lines)
    return Examples(folder, x, true if (true >= 0).any() else None, notes=notes, ids=np.array(names, object))


def read_images(paths: Sequence[Path], predictor: TrainedModel, as_is: bool) -> tuple[Array, dict[int, str]]:
    """Read image files as the data set stores them; those that cannot be read are left out, and explained."""
    spec = predictor.spec
    x = np.empty((len(paths), *spec.shape), predictor.stored)
    problems: dict[int, str] = {}
    if spec.resize is not None:
        problems = decode_files(paths, x, spec.resize)
    else:
        for i, path in enumerate(paths):
            try:
                x[i] = read_stored(path, predictor, as_is)[0]
            except (ImageFileError, BlankImageError) as error:
                problems[i] = str(error).removeprefix(f"{path}: ")
    return np.delete(x, list(problems), axis=0) if problems else x, problems


def _read_table(path: Path, predictor: TrainedModel) -> Examples:
    """Read a table's rows; for a network of images, a column for each pixel."""
    from nnexp.data.errors import DataError
    from nnexp.data.tables.formats import open_table

    try:
        reader = open_table(path)
        named = {column.name for column in predictor.spec.columns}
        if named and path.suffix.lower() == ".npz" and not named & set(reader.column_types):
            return _read_array(path, predictor)
        read = _read_named_columns if named else _read_pixel_columns
        return read(reader, path, predictor)
    except DataError as error:
        error.drop_settings(path)
        raise PredictorError(str(error)) from error
    except EncodingError as error:
        raise PredictorError(f"{path}: {error}") from error


def _read_named_columns(reader: "TableReader", path: Path, predictor: TrainedModel) -> Examples:
    """Read the network's columns, that of the ids if it is there, and all of the true values or none."""
    from nnexp.data.tables.encoded_table import read_encoded_table

    spec = predictor.spec
    table = read_encoded_table(reader, spec.columns, spec.target_columns, spec.classes, spec.id_column)
    unseen = [table.unseen.describe()] if table.unseen.counts else []
    return Examples(path, table.x, table.true, notes=(*table.notes, *unseen), ids=table.ids)


def _read_pixel_columns(reader: "TableReader", path: Path, predictor: TrainedModel) -> Examples:
    """Read a column for each pixel, and one of classes if there is one more."""
    from nnexp.data.tables.encoded_table import read_columns, stack_numbers

    width = prod(predictor.spec.shape)
    pixels = list(reader.column_types)
    classes = [name for name in pixels if name.lower() in CLASS_NAMES][: len(pixels) - width]
    pixels = [name for name in pixels if name not in classes]
    if len(pixels) != width:
        expected = f"expected {predictor.expected}: {plural(width, 'column')}"
        raise PredictorError(f"{path}: {expected}, got {len(reader.column_types):,}")
    types: dict[str, ColumnType] = dict.fromkeys(pixels, "number")
    classes = classes if predictor.spec.classes else []
    table = read_columns(reader, types | dict.fromkeys(classes, "text"))
    true = encode_classes(table[classes[0]], predictor.spec.classes) if classes else None
    return Examples(path, stack_numbers(reader, table, pixels), true)


def class_indices(labels: Array, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the indices of classes (N,), -1 for unknown ones.

    They are given by name, or by index where they are whole numbers and no name is a number.
    """
    if labels.dtype.kind not in "iu" or any(name.isdecimal() for name in classes):
        return encode_classes(labels, classes)
    indices = labels.astype(np.int64)
    indices[(labels < 0) | (labels >= len(classes))] = -1
    return indices


def _read_array(path: Path, predictor: TrainedModel) -> Examples:
    """Read an NPY or NPZ file: the array x, images, or the only one, and classes named y, labels, ..."""
    try:
        is_archive = path.suffix.lower() == ".npz" or is_zipfile(path)
        arrays = read_arrays(path) if is_archive else {"x": read_array(path)}
    except ArrayFileError as error:
        raise PredictorError(f"{path}: cannot be read as an array of numbers: {error.advice}") from error
    except OSError as error:
        raise PredictorError(f"{path}: cannot be read: {error.strerror or error}") from error
    only = next(iter(arrays)) if len(arrays) == 1 else None
    name = next((name for name in ("x", "images") if name in arrays), only)
    if name is None:
        raise PredictorError(f"{path}: holds the arrays {', '.join(arrays)}; fix: name the one of examples x")
    x = arrays[name]
    shape = predictor.spec.shape
    if x.ndim == 0 or not x.size:
        raise PredictorError(f"{path}: the array {name} is empty; expected {predictor.expected}")
    x = x[None] if x.shape in (shape, (prod(shape),)) else x
    classes = [arrays[key] for key in CLASS_NAMES if key in arrays and arrays[key].shape == x.shape[:1]]
    if not (classes and predictor.spec.classes):
        return Examples(path, x)
    try:
        return Examples(path, x, class_indices(classes[0], predictor.spec.classes))
    except UnicodeDecodeError as error:
        raise PredictorError(f"{path}: the array of classes is no text: {error}") from error
