import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.data.errors import DataError
from nnexp.data.images.idx import read_idx


def idx(array, magic=8):
    head = struct.pack(f">HBB{array.ndim}I", 0, magic, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


IMAGES = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
@pytest.mark.parametrize("array", [IMAGES, np.arange(7, dtype=np.uint8)], ids=["images", "labels"])
def test_reads_what_was_written(tmp_path, array, pack):
    path = tmp_path / "file"
    path.write_bytes(pack(idx(array)))
    loaded, content = read_idx(path, array.ndim)
    np.testing.assert_array_equal(loaded, array)
    assert content == idx(array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"<html>", "not an IDX file"),
        (idx(IMAGES, magic=13), "not an IDX file of bytes"),
        (idx(IMAGES[0, 0]), "check whether two files are swapped"),
        (idx(IMAGES)[:10], "truncated: it ends in its header"),
        (idx(IMAGES)[:-1], "truncated: expected 60 bytes of data by its header, got 59"),
        (idx(IMAGES) + b"x", "too long: expected 60 bytes of data by its header, got 61"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-9], "damaged gzip file"),
        (b"\x1f\x8bnonsense", "damaged gzip file"),
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
        loaded, content = read_idx(path, 3)
    except DataError:
        return
    assert content == idx(IMAGES), "only the gzip header's own remarks may change without harm"
    np.testing.assert_array_equal(loaded, IMAGES)
