"""Unpack gzip with bounded memory and in bounded time: the standard library is slow at unusual headers."""

import io
import zlib
from typing import IO, Any

GZIP = b"\x1f\x8b"  # the start of a file
WINDOW = 31  # of zlib, for data in the gzip format, whose checksums it compares
PADDING = b"\0"  # that may follow a member
CHUNK = 1 << 16  # bytes that are read at once


class GzipStream(io.RawIOBase):
    """The unpacked content of a file that is compressed with gzip, in one member or several."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.packed = b""  # read, but not unpacked
        self.offset = 0  # of what is not read
        self.member: Any = None  # the decompressor of the current one

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack some bytes, none only at the end.

        Raises:
            ValueError: the file is damaged or truncated.
        """
        target = memoryview(buffer)
        while target and self._fill():
            self.member = self.member or zlib.decompressobj(WINDOW)
            try:
                content = self.member.decompress(self.packed, len(target))
            except zlib.error as error:
                raise ValueError(f"damaged gzip file near offset {self.offset:,}: {error}") from error
            self.packed = self.member.unconsumed_tail
            if self.member.eof:
                self.packed = self.member.unused_data.lstrip(PADDING)
                self.member = None
            if content:
                target[: len(content)] = content
                return len(content)
        return 0

    def _fill(self) -> bool:
        """Read until there is something to unpack; return whether there is, which at the end is an error."""
        while not self.packed:
            chunk = self.file.read(CHUNK)
            if not chunk and self.member is not None:
                raise ValueError(f"damaged gzip file: truncated at offset {self.offset:,}")
            if not chunk:
                return False
            self.offset += len(chunk)
            self.packed = chunk if self.member is not None else chunk.lstrip(PADDING)
        return True
