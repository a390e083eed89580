"""CSV files that are damaged or hostile: one message that names the line, in bounded memory and time."""

import gzip
import os
from pathlib import Path

import pytest

from nnexp.data.errors import DataError
from nnexp.data.tables.csv import bounded_stream, surplus_rows
from nnexp.data.tables.table import Table

ROWS = b"".join(b"%d,%d,%s\n" % (i % 7, i % 5, b"uv"[i % 2 : i % 2 + 1]) for i in range(1000))
TABLE = b"a,b,y\n" + ROWS
LONG = b"x" * (17 << 20)
LATE = b"y,a\n" + b"1,u\n2,v\n" * 80_000  # longer than the sample


def error_of(content, name="t.csv", target="y"):
    """The message about a file of that content, without the address of the file."""
    Path(name).write_bytes(content)
    with pytest.raises(DataError) as error:
        Table(path=name, target=target).load()
    assert "\n" not in str(error.value)
    assert error.value.fix
    return str(error.value).partition(".csv: ")[2] or str(error.value).partition(".gz: ")[2]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (LONG, "line 1 is longer than 16,777,216 bytes; fix: look for line ends that are missing"),
        (b"a," + LONG + b",y\n" + ROWS, "line 1 is longer than 16,777,216 bytes"),
        (TABLE + b'1,"' + LONG + b'",u\n' + ROWS, "line 1,002 is longer than 16,777,216 bytes"),
        (TABLE + b"1," + LONG + b",u\n" + ROWS, "line 1,002 is longer"),
        (b"'a';'b';'y'\n" + b"'1';'2';'u'\n" * 99 + b"'1';'" + LONG + b"';'v'\n", "line 101 is longer"),
        (TABLE + b'1,"' + ROWS * 3000, "the row that begins in line 1,002: it is longer than 16,777,216"),
        (b'a,b,y\n1,"2,u\n' + ROWS * 200, "a quote is not closed in line 2, '1,\"2,u'; fix: close it"),
        (LATE + b'1,"u\n' + b"1,u\n" * 9, "the row that begins in line 160,002: its quote is not closed"),
        (LATE + b'1,"u\n', "the row that begins in line 160,002: its quote is not closed"),
        (LATE + b'"u,1\n' + b"1,u\n" * 9, "expected 2 fields, got 1 in row 160,001"),
        (b"," * 1_000_000 + b"\n" + (b"," * 1_000_000 + b"\n") * 2, "1,000,001 columns, expected at most"),
        (b"\0" * (1 << 21), "binary data"),
        (TABLE + b"1," * 9000 + b"u\n", "expected 3 fields, got 9,001 in row 1,001"),
        (TABLE + ROWS * 99 + b"1,\0\0,u\n", "expected a number in the column 'b', got '\\x00\\x00' in row"),
        (b"\xff\xfe" + "a,b,y\n1,2,u\n2,3,v\n".encode("utf-16-le") + b"\n", "text that is not UTF-16"),
        (LATE + b"1,2,\xff\n", "a row of another width than the names is not UTF-8; fix: save the file as"),
        ("a,b,y\n1,2,u\n".encode("utf-32") * 9, "not a CSV file: it holds binary data"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named_with_its_line(content, problem):
    assert problem in error_of(content)


def test_comments_between_the_rows_are_limited(monkeypatch):
    monkeypatch.setattr(surplus_rows, "MAX_UNUSABLE", 1000)
    message = error_of(TABLE + b"#\n" * 1001)
    assert message == "more than 1,000 rows that are comments or empty; fix: delete them"


def test_a_gzip_file_that_unpacks_to_very_much_is_to_be_unpacked_first(monkeypatch):
    monkeypatch.setattr(bounded_stream, "MAX_UNPACKED", 1 << 20)
    packed = gzip.compress(TABLE + ROWS * 999, mtime=0)
    message = error_of(packed, "t.csv.gz")
    assert message.startswith(f"{len(packed):,} bytes that unpack to ")
    assert message.endswith("over 100 times as many; fix: if that is what you expect, unpack it: "
                            "gunzip -c t.csv.gz > table.csv")  # fmt: skip
    understated = packed + gzip.compress(b"1,2,u\n")  # the size at the end is that of the last member
    assert "over 100 times" in error_of(understated, "t.csv.gz")
    assert "damaged gzip file" in error_of(gzip.compress(TABLE)[:-4] + b"\xff" * 4, "t.csv.gz")


def test_cells_of_some_megabytes_and_thousands_of_columns_are_read():
    texts = [f"{n}{'x' * (1 << 21)}" for n in (1, 2)]
    late = LATE + f'1,"{texts[0]}"\n2,"{texts[1]}"\n'.encode()
    for content in (late, b"y,a\n" + late[len(LATE) :] * 8):
        Path("t.csv").write_bytes(content)
        dataset = Table(path="t.csv", target="y", categorical="a").load()
        assert f"a={texts[0]}" in dataset.features
    wide = ",".join(f"c{n}" for n in range(5000)) + ",y\n" + ("1," * 5000 + "u\n" + "2," * 5000 + "v\n") * 8
    Path("t.csv").write_text(wide, encoding="utf-8")
    assert len(Table(path="t.csv", target="y").load().features) == 5000


def fifo(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (fifo, "this is a pipe (FIFO), expected a regular file; fix: write its content to a file"),
        (lambda path: path.symlink_to("/dev/zero"), "this is a device, expected a regular file"),
        (lambda path: path.symlink_to(path.name), "no such file, but a symbolic link to nothing or to"),
        (lambda path: path.mkdir(), "this is a folder; fix: name a file"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_only_regular_files_are_opened(make, problem, ending):
    make(Path(f"t.{ending}"))
    for paths in ({"path": f"t.{ending}"}, {"path": "good.csv", "test_path": f"t.{ending}"}):
        Path("good.csv").write_bytes(TABLE)
        with pytest.raises(DataError) as error:
            Table(target="y", **paths).load()
        expected = "not a Parquet file" if ending == "parquet" and "empty" in problem else problem
        assert expected in str(error.value)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("https://example.org/t.csv", "is a URL, expected a file on this machine; fix: download the file"),
        ("s3://bucket/t.parquet", "is a URL"),
        ("a\0b.csv", "holds a NUL character"),
        ("n" * 5000 + ".csv", "File name too long"),
    ],
)
def test_what_names_no_file_is_refused(name, problem):
    Path("good.csv").write_bytes(TABLE)
    for paths in ({"path": name}, {"path": "good.csv", "test_path": name}):
        with pytest.raises(DataError) as error:
            Table(target="y", **paths).load()
        assert problem in str(error.value)
