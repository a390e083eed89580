"""Array files as NumPy and others write them are read; damaged and hostile ones are one clear error."""

import io
import os
import socket
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp import array_file
from nnexp.array_file import ArrayFileError, map_array, read_array, read_arrays

ARRAYS = {
    "x": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 5), np.uint8),
    "text": np.array(["é", "日本", ""]),
    "bytes": np.array([b"a", b"bc"]),
    "big": np.arange(3, dtype=">i4"),
    "big_text": np.array(["a", "bc"], ">U2"),
    "flags": np.array([True, False]),
    "dates": np.array(["2024-01-01", "NaT"], "M8[D]"),
    "fields": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "layer/counts": np.ones(3),
    "ключ": np.ones(1),
}


def npz(write=np.savez, **arrays):
    file = io.BytesIO()
    write(file, **arrays)
    return file.getvalue()


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def header(text, data=b"", version=1):
    """An .npy file with that header."""
    content = text.encode("latin-1") if isinstance(text, str) else text
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(content)) + content + data


def fields(descr="'<f4'", order="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def archive(*entries, method=zipfile.ZIP_STORED):
    """A ZIP archive of these (name, content), whatever they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in entries:
            made.writestr(name, content)
    return file.getvalue()


def same(read, expected):
    assert list(read) == list(expected)
    for name, array in expected.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(read[name], array, equal_nan=array.dtype.kind in "fM")


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_reads_what_numpy_writes_from_a_path_and_from_an_open_file(tmp_path, write):
    path = tmp_path / "an ärray.npz"
    path.write_bytes(npz(write, **ARRAYS))
    same(read_arrays(path), ARRAYS)
    with path.open("rb") as file:
        file.seek(7)
        same(read_arrays(file), ARRAYS)
    same(read_arrays(io.BytesIO(npz(write))), {})


@pytest.mark.parametrize("array", ARRAYS.values(), ids=list(ARRAYS))
@pytest.mark.parametrize("read", [read_array, map_array])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_reads_and_maps_a_single_array(tmp_path, array, read, version):
    path = tmp_path / "a.npy"
    path.write_bytes(npy(array, version=version))
    same({"a": read(path)}, {"a": array})


def test_what_is_read_can_be_written_and_what_is_mapped_cannot(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert read_array(tmp_path / "a.npy").flags.writeable
    assert not map_array(tmp_path / "a.npy").flags.writeable


def test_a_header_of_python_2_is_read():
    assert read_array(io.BytesIO(header(fields(shape="(2L,)"), bytes(8)))).tolist() == [0, 0]


def test_sparse_images_at_a_ratio_of_many_hundreds_are_read():
    images = np.zeros((20_000, 28, 28), np.float32)
    images[:, 14, 14] = 1
    content = npz(np.savez_compressed, images=images)
    assert images.nbytes > 400 * len(content)
    assert np.array_equal(read_arrays(io.BytesIO(content))["images"], images)


GOOD = npy(np.zeros(2, np.float32))
HEADERS = {
    "terabytes": (header(fields(shape="(1000000, 1000000)")), "truncated: expected 4,000,000,000,000 bytes"),
    "more than 64 bits": (header(fields(shape=f"({10**30},)")), "damaged header"),
    "negative": (header(fields(shape="(-2, -1)"), bytes(8)), "damaged header"),
    "too many dimensions": (header(fields(shape=str((1,) * 40)), bytes(4)), "damaged header"),
    "no tuple": (header(fields(shape="2"), bytes(8)), "damaged header"),
    "a bool as length": (header(fields(shape="(True, 2)"), bytes(8)), "damaged header"),
    "no order": (header(fields(order="0"), bytes(8)), "damaged header"),
    "too short": (GOOD[:-1], "truncated: expected 8 bytes of data by its header, got 7"),
    "too long": (GOOD + b"x", "too long: expected 8 bytes of data by its header, got 9"),
    "empty": (b"", "not an array of NumPy: it starts with nothing"),
    "another start": (b"nonsense in a file", "not an array of NumPy: it starts with 6e 6f 6e 73"),
    "another version": (header(fields(), bytes(8), version=9), "not an array of NumPy"),
    "half a header": (GOOD[:40], "damaged header"),
    "a long header": (b"\x93NUMPY\2\0" + struct.pack("<I", 1 << 31), "a header of 2,147,483,648 bytes"),
    "no dictionary": (header("[1]"), "damaged header"),
    "a call": (header("__import__('os').system('true')"), "damaged header"),
    "deep": (header("(" * 5000), "damaged header"),
    "deep signs": (header("-" * 9000 + "1"), "damaged header"),
    "a large power": (header("9**9**9"), "damaged header"),
    "no UTF-8": (b"\x93NUMPY\3\0\1\0\0\0\xff", "damaged header"),
    "objects": (header(fields("'|O'"), bytes(16)), "holds Python objects"),
    "objects in a field": (header(fields("[('a', '|O')]"), bytes(16)), "holds Python objects"),
    "an array as dtype": (header(fields("'(2,)f4'", shape="(1,)"), bytes(8)), "damaged header"),
    "no dtype": (header(fields("None", shape="(1,)"), bytes(8)), "damaged header"),
    "unknown dtype": (header(fields("'<z9'"), bytes(8)), "damaged header"),
    "many rows of nothing": (header(fields(shape=f"({10**15}, 0)")), "an empty array"),
    "no Unicode": (header(fields("'<U1'", shape="(1,)"), b"\xff" * 4), "4,294,967,295, which Unicode lacks"),
}


@pytest.mark.parametrize(("content", "problem"), HEADERS.values(), ids=list(HEADERS))
def test_an_array_that_is_not_what_it_says_is_an_error_in_a_file_and_in_an_archive(
    tmp_path, content, problem
):
    path = tmp_path / "bad file.npy"
    path.write_bytes(content)
    with pytest.raises(ArrayFileError, match=r"bad file\.npy: ") as error:
        read_array(path)
    assert problem in str(error.value)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = archive(("good.npy", GOOD), ("bad.npy", content), method=method)
        with pytest.raises(ArrayFileError, match=r"^array file: 'bad\.npy' at offset \d+: ") as error:
            read_arrays(io.BytesIO(packed))
        assert problem in str(error.value)


def edited(content, old, new, at=-1):
    """Replace bytes of an archive, counted from its end where they are there twice."""
    head, _, tail = content.rpartition(old) if at < 0 else content.partition(old)
    return head + new + tail


ONE = archive(("a.npy", GOOD))
PACKED = npz(np.savez_compressed, a=np.arange(3000))
ARCHIVES = {
    "empty": (b"", "not an NPZ file: it starts with nothing"),
    "a single array": (GOOD, "not an NPZ file: it starts with 93 4e 55 4d"),
    "truncated": (ONE[:-30], "not an NPZ file, or a damaged one, at offset"),
    "without its end": (ONE[:-1], "a damaged one"),
    "more after it": (ONE + b"x", "something else follows the archive"),
    "a second archive after it": (ONE + ONE, "starts at offset 244, expected 0"),
    "no array": (archive(("a.npy", GOOD), ("b.txt", b"text")), "'b.txt' at offset 171: not an array"),
    "a folder": (archive(("a/", b"")), "not an array"),
    "a name twice": (edited(archive(("a.npy", GOOD), ("b.npy", GOOD)), b"b.npy", b"a.npy"), "a second array"),
    "above the folder": (archive(("../a.npy", GOOD)), "an unsafe name"),
    "from the root": (archive(("/etc/a.npy", GOOD)), "an unsafe name"),
    "of a drive": (archive(("C:a.npy", GOOD)), "an unsafe name"),
    "a backslash": (edited(edited(archive(("a_b.npy", GOOD)), b"_", b"\\"), b"_", b"\\"), "an unsafe name"),
    "a control character": (archive(("a\x1b.npy", GOOD)), "an unsafe name"),
    "another method": (archive(("a.npy", GOOD), method=zipfile.ZIP_BZIP2), "another method than deflate"),
    "encrypted": (edited(ONE, b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"), "encrypted"),
    "a wrong checksum": (edited(archive(("a.npy", npy(np.array(b"data")))), b"data", b"date"), "Bad CRC-32"),
    "a damaged stream": (PACKED[:80] + bytes(200) + PACKED[280:], "damaged"),
}


@pytest.mark.parametrize(("content", "problem"), ARCHIVES.values(), ids=list(ARCHIVES))
def test_an_archive_that_is_damaged_or_unsafe_is_an_error(tmp_path, content, problem):
    path = tmp_path / "bad file.npz"
    path.write_bytes(content)
    with pytest.raises(ArrayFileError, match=r"bad file\.npz: .*; fix: ") as error:
        read_arrays(path)
    assert problem in str(error.value)


def bomb(size):
    """An archive of few kilobytes whose array says, truly, that it has `size` bytes."""
    return archive(
        ("a.npy", header(fields("'|u1'", shape=f"({size},)"), bytes(size))), method=zipfile.ZIP_DEFLATED
    )


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(array_file, "MAX_UNPACKED", 1 << 16)
    content = bomb(1 << 18)
    assert read_arrays(io.BytesIO(bomb(1 << 15)))["a"].size == 1 << 15
    with pytest.raises(ArrayFileError, match=r"unpack to 262,144, more than 200 times.*fix: .*numpy\.savez"):
        read_arrays(io.BytesIO(content))


def test_more_than_allowed_or_free_is_refused_before_it_is_read(monkeypatch):
    assert read_arrays(io.BytesIO(ONE), max_bytes=8)
    with pytest.raises(ArrayFileError, match="arrays of 8 bytes, expected at most 7"):
        read_arrays(io.BytesIO(ONE), max_bytes=7)
    monkeypatch.setattr(array_file, "UNCHECKED", 4)
    monkeypatch.setattr(array_file, "available_memory", lambda: 5)
    with pytest.raises(ArrayFileError, match="more than the 5 bytes of memory that are free"):
        read_arrays(io.BytesIO(ONE))
    monkeypatch.setattr(array_file, "available_memory", lambda: None)  # the system does not say
    assert read_arrays(io.BytesIO(ONE))


def test_a_directory_that_claims_gigabytes_is_not_read():
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 2 << 20, 4, 0)
    with pytest.raises(ArrayFileError, match="a directory of 2,097,152 bytes, expected at most"):
        read_arrays(io.BytesIO(b"PK\3\4" + bytes(2 << 20) + end))


def test_an_archive_of_thousands_of_arrays_is_read_in_time():
    content = archive(*((f"{i}.npy", GOOD) for i in range(3000)))
    assert len(read_arrays(io.BytesIO(content))) == 3000


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device", "a folder", "no file"])
@pytest.mark.parametrize("read", [read_arrays, read_array, map_array])
def test_what_is_no_regular_file_is_an_error_that_never_waits(tmp_path, kind, read, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    path = tmp_path / "x"
    with socket.socket(socket.AF_UNIX) as made:
        if kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a socket":
            made.bind("x")
        elif kind == "a device":
            path.symlink_to("/dev/zero")
        elif kind == "a folder":
            path.mkdir()
        with pytest.raises(OSError, match=kind if kind != "no file" else "No such file"):
            read(path)


@given(st.data())
def test_a_changed_byte_is_an_error_or_does_no_harm(data):
    """Checksums guard the data; what can change is unused, or in the header of an array."""
    content = bytearray(data.draw(st.sampled_from([ONE, PACKED, npz(**ARRAYS)])))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        arrays = read_arrays(io.BytesIO(content))
    except ArrayFileError:
        return
    assert sum(array.nbytes for array in arrays.values()) < 30_000


@given(st.binary(max_size=300))
def test_any_header_is_an_error_or_an_array_of_its_size(text):
    for version in (1, 3):
        with suppress(ArrayFileError):
            assert read_array(io.BytesIO(header(text, bytes(64), version))).nbytes == 64
