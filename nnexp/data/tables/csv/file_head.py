"""The first half megabyte of a file that should be CSV: compression, encoding, and what else it may be."""

import gzip
import io
import re
import zlib
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.bounded_stream import check_claimed_size, open_binary
from nnexp.data.tables.csv.dialect import NAMES_AND_ROWS

SAMPLE = 1 << 19  # bytes that the dialect and column types are inferred from
MIN_LINES = 3  # in the sample
LINE_END = re.compile(rb"\r\n|\n|\r")
SAVE = "save the table as CSV"
UNPACK = "unpack it, or compress it with gzip"
CONTENTS = [  # how files of other kinds begin, and what to do with them
    (rb"PK\x03\x04[\s\S]*(xl/|\[Content_Types\])", "an Excel workbook", SAVE),
    (rb"PK\x03\x04", "a ZIP archive", "unpack it"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", SAVE),
    (rb"PAR1", "a Parquet file", "rename it: its name must end in .parquet"),
    (rb"BZh\d", "compressed with bzip2", UNPACK),
    (rb"\xfd7zXZ", "compressed with xz", UNPACK),
    (rb"\x28\xb5\x2f\xfd", "compressed with zstd", UNPACK),
    (rb"%PDF", "a PDF document", SAVE),
    (rb"SQLite format 3", "an SQLite database", SAVE),
    (rb"version https://git-lfs", "a pointer of Git LFS", "get the file itself: git lfs pull"),
    (rb"(?i)\s*(<!doctype html|<html|<table|<\?xml)", "a web page or XML", f"{SAVE}, or download it again"),
    (rb"\s*(\{|\[\s*[\[{])", "JSON", SAVE),
    (rb"(?i)\s*(%[^\n]*\n\s*)*@relation", "an ARFF file", SAVE),
]
NO_ROWS = "the file has no rows below its header"
DAMAGED_GZIP = "download or write the gzip file again"
TRUNCATED = 4  # bytes at the end of the sample that may be half a character
MOSTLY = 0.8


def read_head(path: Path) -> tuple[bytes, bool]:
    """Read half a megabyte, unpacked, and at least some lines; and whether that is all."""
    try:
        check_claimed_size(path)
        with open_binary(path) as file:
            head = bytearray(file.read(SAMPLE))
            lines = len(LINE_END.findall(head))
            while lines < MIN_LINES and (more := file.read(SAMPLE)):
                head += more
                lines += len(LINE_END.findall(more))
            return bytes(head), not file.read(1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"damaged gzip file: {error}", DAMAGED_GZIP, path=path) from error


def check_content(head: bytes, path: Path) -> None:
    """Raise a `DataError` if a file is of another kind, whatever its name."""
    for beginning, kind, remedy in CONTENTS:
        if re.match(beginning, head):
            raise DataError(f"not a CSV file, but {kind}", remedy, path=path)


def detect_encoding(head: bytes) -> str:
    """Return UTF-8, or what spreadsheets write instead."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > MOSTLY * pairs:
        return "utf-16-le"
    if pairs and head[::2].count(0) > MOSTLY * pairs:
        return "utf-16-be"
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - TRUNCATED:
            return "cp1252"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def decode_head(head: bytes, encoding: str, complete: bool, path: Path) -> str:
    """Decode the complete lines of a file's head; a `DataError` if that is no text or has no rows."""
    text = head.decode(encoding, errors="ignore")
    if "\0" in text:
        raise DataError("not a CSV file: it holds binary data", SAVE, path=path)
    if not complete:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    if len([*io.StringIO(text.strip(), newline="")]) <= 1:
        problem = NO_ROWS if text.strip() else "the file is empty"
        raise DataError(problem, NAMES_AND_ROWS, path=path)
    return text
