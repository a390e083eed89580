"""The dialect of a CSV file, decided from its first half megabyte: compression, encoding, delimiter."""

import csv
import gzip
import io
import zlib
from itertools import islice
from pathlib import Path

from nnexp.data.errors import DataError

SAMPLE = 1 << 19  # bytes that delimiter and column types are inferred from
DELIMITERS = ",;\t|"
DAMAGED_GZIP = "download or write the gzip file again"


def read_head(path: Path) -> tuple[bytes, bool, str | None]:
    """Read half a megabyte, unpacked, and at least some lines; whether that is all; the compression."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            with gzip.open(file) if packed else file as unpacked:
                head = unpacked.read(SAMPLE)
                while head.count(b"\n") < 3 and (more := unpacked.read(SAMPLE)):
                    head += more
                return head, not unpacked.read(1), "gzip" if packed else None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"damaged gzip file: {error}", DAMAGED_GZIP, path=path) from error


def detect_encoding(head: bytes) -> str:
    """Return UTF-8, or what Excel writes instead."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else the end of the sample cuts a character
            return "cp1252"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def detect_delimiter(text: str) -> str:
    """Return the mark that cuts the first rows into most columns, equally many in most rows."""

    def columns(mark: str) -> int:
        try:
            widths = [len(row) for row in islice(csv.reader(io.StringIO(text), delimiter=mark), 50) if row]
        except csv.Error:
            return 1
        return widths[0] if 2 * widths.count(widths[0]) > len(widths) else 1

    return max(DELIMITERS, key=columns)
