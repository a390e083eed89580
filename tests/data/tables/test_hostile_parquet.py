"""Parquet files that are damaged, or small on disk and large in memory."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nnexp.data.errors import DataError
from nnexp.data.tables import parquet_reader
from nnexp.data.tables.table import Table

N = 1000


def write(**columns):
    pq.write_table(pa.table(columns), "t.parquet", compression="zstd")
    return Path("t.parquet")


def error_of(path=Path("t.parquet")):
    with pytest.raises(DataError) as error:
        Table(path=str(path), target="y").load()
    assert str(error.value).count("t.parquet") == 1
    return str(error.value)


def test_a_claim_of_very_many_values_is_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(parquet_reader, "MAX_UNPACKED", 1 << 20)
    monkeypatch.setattr(parquet_reader, "MAX_RATIO", 50)
    zeros = np.zeros(3_000_000)
    path = write(a=zeros, y=pa.array(zeros))
    message = error_of()
    assert "3,000,000 rows that unpack to 24,000,000 bytes, over 50 times the" in message
    assert f"{path.stat().st_size:,} of the file; fix: write the file again" in message


def test_a_long_text_in_a_dictionary_is_decoded_piece_by_piece(monkeypatch):
    monkeypatch.setattr(parquet_reader, "MAX_TEXT", 1 << 20)
    texts = [f"{'uv'[n % 2]}{'x' * 100_000}" for n in range(2)] * (N // 2)
    write(a=pa.array(texts).dictionary_encode(), y=["p", "q"] * (N // 2))
    before = pa.total_allocated_bytes()
    dataset = Table(path="t.parquet", target="y").load()
    assert len(dataset.features) == 2
    assert pa.total_allocated_bytes() - before < 1 << 21


def test_a_long_text_that_is_repeated_very_often_is_refused(monkeypatch):
    monkeypatch.setattr(parquet_reader, "MAX_UNPACKED", 1 << 20)
    texts = pa.array([f"{letter}{'x' * 100_000}" for letter in "uv"])
    write(a=pa.DictionaryArray.from_arrays(np.arange(N, dtype=np.int32) % 2, texts), y=["p", "q"] * (N // 2))
    assert "repeated texts that unpack to 100,002,000 bytes or more, over 500 times the file" in error_of()


def test_text_that_is_not_utf8_is_damage():
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
    )
    write(a=texts, y=["p", "q"])
    assert "damaged Parquet file: Invalid UTF8" in error_of()
    path = write(aaaa=[1, 2], y=["p", "q"])
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"\xffaa\xfe"))
    assert "not a Parquet file, or incomplete: " in error_of()


@pytest.mark.parametrize("size", [0, 4, 11, 100, -1, -9])
def test_a_file_that_breaks_off_is_not_parquet(size):
    path = write(a=range(N), y=["p", "q"] * (N // 2))
    path.write_bytes(path.read_bytes()[:size])
    assert "not a Parquet file, or incomplete" in error_of()


def test_nested_columns_are_refused_by_their_name():
    write(a=[{"b": [1]}, {"b": [2]}], c=[1, 2], y=["p", "q"])
    assert "the column 'a' holds struct<b: list<element: int64>>" in error_of()
