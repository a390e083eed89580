import gzip
import struct
import tracemalloc
from contextlib import nullcontext
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.data.errors import DataError
from nnexp.data.images.idx import read_idx


def idx(array, magic=8):
    head = struct.pack(f">HBB{array.ndim}I", 0, magic, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


HUGE = struct.pack(">HBB3I", 0, 8, 3, *[(1 << 32) - 1] * 3)  # more bytes than there are
IMAGES = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
@pytest.mark.parametrize("array", [IMAGES, np.arange(7, dtype=np.uint8)], ids=["images", "labels"])
def test_reads_what_was_written(tmp_path, array, pack):
    path = tmp_path / "file"
    path.write_bytes(pack(idx(array)))
    loaded, checksum = read_idx(path, array.ndim)
    np.testing.assert_array_equal(loaded, array)
    assert checksum == sha256(idx(array)).hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"<html>", "not an IDX file"),
        (idx(IMAGES, magic=13), "not an IDX file of bytes"),
        (idx(IMAGES[0, 0]), "check whether two files are swapped"),
        (idx(IMAGES)[:10], "truncated: it ends in its header"),
        (idx(IMAGES)[:-1], "truncated: expected 60 bytes of data from offset 16 on, got 59"),
        (idx(IMAGES) + b"x", "too long: expected 60 bytes of data from offset 16 on, got 61"),
        (
            gzip.compress(idx(IMAGES)[:-1], mtime=0),
            "truncated: expected 60 bytes of data from offset 16 on, got 59",
        ),
        (
            gzip.compress(idx(IMAGES) + bytes(9), mtime=0),
            "too long: expected 60 bytes of data from offset 16 on, got 61",
        ),
        (gzip.compress(idx(IMAGES), mtime=0)[:-9], "damaged gzip file: truncated at offset"),
        (gzip.compress(idx(IMAGES), mtime=0) + b"more", "damaged gzip file near offset"),
        (b"\x1f\x8bnonsense", "damaged gzip file near offset 10"),
        (HUGE, "truncated: expected 79,228,162,458,924,105,385,300,197,375 bytes"),
        (
            gzip.compress(HUGE, mtime=0),
            "that unpack to 79,228,162,458,924,105,385,300,197,375, more than 200 times",
        ),
    ],
)
def test_says_what_is_wrong_and_in_which_file(tmp_path, content, message):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images\.gz") as error:
        read_idx(path, 3)
    assert message in str(error.value)


@given(st.integers(0, len(gzip.compress(idx(IMAGES))) - 1), st.integers(0, 7))
def test_a_flipped_bit_in_a_gzip_file_never_passes_unnoticed(tmp_path_factory, position, bit):
    damaged = bytearray(gzip.compress(idx(IMAGES), mtime=0))
    damaged[position] ^= 1 << bit
    path = tmp_path_factory.mktemp("idx") / "images.gz"
    path.write_bytes(damaged)
    try:
        loaded, checksum = read_idx(path, 3)
    except DataError:
        return
    assert checksum == sha256(idx(IMAGES)).hexdigest(), (
        "only the gzip header's own remarks may change without harm"
    )
    np.testing.assert_array_equal(loaded, IMAGES)


def test_several_members_of_gzip_and_padding_are_one_file(tmp_path):
    content = idx(IMAGES)
    path = tmp_path / "images.gz"
    path.write_bytes(b"".join(gzip.compress(each) for each in (content[:9], b"", content[9:])) + bytes(512))
    np.testing.assert_array_equal(read_idx(path, 3)[0], IMAGES)


def test_a_bomb_is_not_unpacked_and_a_large_file_takes_its_size_in_memory(tmp_path):
    images = np.zeros((300, 100, 100), np.uint8)
    path = tmp_path / "images.gz"
    for content, fits in ((idx(images), True), (idx(IMAGES) + bytes(30_000_000), False)):
        path.write_bytes(gzip.compress(content, 1))
        tracemalloc.start()
        with nullcontext() if fits else pytest.raises(DataError, match="too long"):
            read_idx(path, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < images.nbytes + 1_000_000


def test_a_header_of_gzip_may_be_long_without_taking_time_and_a_folder_is_no_file(tmp_path):
    path = tmp_path / "images.gz"
    packed = gzip.compress(idx(IMAGES))
    path.write_bytes(
        packed[:3] + b"\x08" + packed[4:10] + b"n" * 30_000_000 + b"\0" + packed[10:]
    )  # its name
    np.testing.assert_array_equal(read_idx(path, 3)[0], IMAGES)
    with pytest.raises(DataError, match=f"{tmp_path.name}: cannot be read: this is a folder"):
        read_idx(tmp_path, 3)
