"""Read an array in the .npy format, a file or an entry of an archive, that may be damaged or hostile.

Source of the format: numpy.lib.format.
"""

import ast
import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.errors import UserError
from nnexp.messages import first_line

Array = NDArray[Any]
MAGIC = b"\x93NUMPY"
LENGTHS = {1: 2, 2: 4, 3: 4}  # bytes of the length of the header, by version of the format
MAX_HEADER = 10_000  # bytes, as in NumPy
MAX_DIMENSIONS = 32
MAX_EMPTY = 1 << 24  # rows that hold nothing
CHUNK = 1 << 20  # bytes that are read at once
MAX_CODE_POINT = 0x10FFFF
PYTHON_2_INTEGER = re.compile(r"(?<=\d)L\b")
PARSE_ERRORS = (SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError, MemoryError)
WRITE_AGAIN = "download or write the file again"


class ArrayFileError(UserError, ValueError):
    """An array file that is damaged, unsafe, too large or not what its name says.

    Attributes:
        path: of the file.
        problem: what is wrong, in which entry and at which offset in bytes.
        fix: what to do.
    """

    def __init__(self, path: Path | str, problem: str, fix: str = WRITE_AGAIN) -> None:
        super().__init__(f"{path}: {problem}; fix: {fix}")
        self.path, self.problem, self.fix = path, problem, fix

    @property
    def advice(self) -> str:
        """The message without the path."""
        return f"{self.problem}; fix: {self.fix}"


@dataclass
class StoredArray:
    """An array in the .npy format, which is a whole file or an entry of an archive."""

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int  # bytes, header included
    path: Path | str
    where: str = ""  # in the file

    def error(self, problem: str, fix: str = WRITE_AGAIN) -> ArrayFileError:
        return ArrayFileError(self.path, f"{self.where}{problem}", fix)

    @property
    def nbytes(self) -> int:
        """The bytes of its data."""
        dtype, shape, _ = self.header
        return prod(shape) * dtype.itemsize

    @cached_property
    def header(self) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
        """Its dtype, shape and whether it is in Fortran's order, which agree with its size."""
        with self.open() as file:
            magic = file.read(len(MAGIC) + 2)
            length_size = LENGTHS.get(magic[-2], 0) if len(magic) == len(MAGIC) + 2 else 0
            if not (length_size and magic.startswith(MAGIC)):
                raise self.error(f"not an array of NumPy: it starts with {magic.hex(' ') or 'nothing'}")
            length = int.from_bytes(file.read(length_size), "little")
            if length > MAX_HEADER:
                raise self.error(f"a header of {length:,} bytes, expected at most {MAX_HEADER:,}")
            text = file.read(length)
        try:
            dtype, shape, fortran_order = parse_header(text.decode("utf-8" if magic[-2] == 3 else "latin-1"))
        except PARSE_ERRORS as error:
            raise self.error(f"a damaged header: {first_line(error)[:100]}") from error
        if dtype.hasobject:
            fix = "save arrays of numbers or text"
            raise self.error("holds Python objects, which are not loaded for safety", fix)
        self.start = len(magic) + length_size + length
        expected, got = prod(shape) * dtype.itemsize, self.size - self.start
        if got != expected:
            state = "truncated" if got < expected else "too long"
            raise self.error(f"{state}: expected {expected:,} bytes of data by its header, got {got:,}")
        if not expected and max(shape, default=0) > MAX_EMPTY:
            raise self.error(f"an empty array of the shape {shape}")
        return dtype, shape, fortran_order

    def read(self) -> Array:
        """Read its data, and check that nothing is missing."""
        dtype, shape, fortran_order = self.header
        buffer = np.empty(self.nbytes, np.uint8)  # whose pages are taken as data arrive
        done = 0
        with self.open() as file:
            file.read(self.start)
            view = memoryview(buffer.data)
            while count := file.readinto(view[done : done + CHUNK]):  # type: ignore[attr-defined]
                done += count
            file.read(1)  # the end of an entry is where its checksum is compared
        if done < self.nbytes:
            raise self.error(f"truncated: expected {self.nbytes:,} bytes of data, got {done:,}")
        if not done:
            return np.empty(shape, dtype)
        if dtype.kind == "U":
            code = int(buffer.view(np.dtype(np.uint32).newbyteorder(dtype.byteorder)).max())
            if code > MAX_CODE_POINT:
                raise self.error(f"text with the character number {code:,}, which Unicode lacks")
        return buffer.view(dtype).reshape(shape, order="F" if fortran_order else "C")


@lru_cache(64)  # the arrays of a file are often of one kind
def parse_header(header: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Return the dtype, the shape and the order that a header holds; an error if they are not valid."""
    with warnings.catch_warnings(action="ignore"):  # of unusual literals
        fields = ast.literal_eval(PYTHON_2_INTEGER.sub("", header).strip())
        dtype = np.lib.format.descr_to_dtype(fields["descr"])
    shape, fortran_order = fields["shape"], fields["fortran_order"]
    if not isinstance(fields["descr"], str | list) or dtype.shape:
        raise ValueError(f"descr {fields['descr']}")
    if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"shape {shape}")
    if not all(type(length) is int and 0 <= length < 1 << 62 for length in shape):
        raise ValueError(f"shape {shape}")
    if type(fortran_order) is not bool:
        raise ValueError(f"fortran_order {fortran_order}")
    return dtype, shape, fortran_order
