"""What is wrong with a table is told in one message: what, where, and the remedy."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table

N = 40
GOOD = "a,b,y\n" + "".join(f"{i % 7}.5,{i % 5},{'nay' if i % 2 else 'yea'}\n" for i in range(N))


def message(content, target="y", name="t.csv", **options):
    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as error:
        Table(path=name, target=target, **options).load()
    assert str(error.value).startswith(str(Path(name).expanduser().resolve())), "it says in which file"
    assert str(error.value).count(str(Path(name).resolve())) < 3
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty; a table has a line of column names"),
        ("\n\n", "is empty"),
        ("a,y\n", "has no rows below its header"),
        ("a,y", "has no rows below its header"),
        ("a,a,y\n1,2,3\n", "more than one column is called 'a': rename all but one"),
        ("y\n1\n2\n", "no columns are left to learn from"),
        (
            "a,y\n1,u\n2,v,3\n",
            "row 2 below the header has 3 fields where the header has 2; is a quote missing",
        ),
        (
            "a,y\n1,u\ninf,v\n",
            "'a' holds an infinite number, or one too large for float32, in row 2 below the header; mend it, or leave",
        ),
        ("a,y\n1,u\n-1e39,v\n", "'a' holds an infinite number"),
        ("a,y\n1,1.5\n2,inf\n", "'y' holds an infinite number"),
        (
            "a,y\n1,1.5\n2,\n3,-1e40\n",
            "'y' holds an infinite number, or one too large for float32, in row 3 below the header; mend it",
        ),
        (
            "a,y\n" + "1,2.5\n" * 200_000 + "x,2\n",
            "'a' holds numbers, and 'x' in row 200,001 below the header; mend it, or take the column as",
        ),
        ("a b,y\n" + "1,2.5\n" * 200_000 + "x,2\n", """'data.categorical=["a b"]', or 'data.drop=["a b"]'"""),
        ("a,y\n1.5,u\n2.5,v\na,u\n", "'a' holds numbers, and 'a' in row 3 below the header"),
        (
            "a,y\n" + "".join(f"{i}.5,u\n,v\n" for i in range(30)) + "oops,v\n",
            "'a' holds numbers, and 'oops' in row 61 below the header",
        ),
        (
            "a,y\n" + "".join(f"u,{i}.5\nv,{i}\n" for i in range(30)) + "u,oops\n",
            "'y' holds numbers, and 'oops' in row 61 below",
        ),
        (
            "a,y\n" + "".join(f"{i}x,{i % 2}\n" for i in range(101)),
            "'a' has more than 100 different values ('0x', '1x', '2x', ...); leave it",
        ),
        ("a,y\n" + "".join(f"{i}x,{i % 2}\n" for i in range(20)), "'a' has 20 different values in 20 rows"),
        (
            "a,y\n" + "".join(f"{i},{i}x\n" for i in range(50)),
            "'y' has 50 different values in 50 rows: these are no classes",
        ),
        ("a,y\n1,u\n2,u\n", "the target 'y' is 'u' in every row: there is nothing to tell apart"),
        ("a,y\n1,\n2,\n", "no row has a value of the target 'y'; take another: data.target=COLUMN"),
        (
            "a,y\n1,u\n2,v\n3,w\n",
            "0.2 of 3 examples cannot be split off so that at least one of each class is left",
        ),
        ("1,2,3\n" * 9, "the first line must name the columns"),
        ("<!DOCTYPE html><html></html>", "not a CSV file but a web page"),
        (b"PK\3\4...", "not a CSV file but an Excel workbook, or another zip archive; save it as CSV"),
        (b"\xd0\xcf\x11\xe0...", "an old Excel workbook"),
        (b"PAR1...", "let its name end in .parquet"),
        (b"a,y\n\0\0\0,1\n", "it holds bytes that are no text"),
        (GOOD.encode() * 3, "'a' holds numbers, and 'a' in row 41 below the header"),
        (
            ("a,y\n" + "u,1\nv,2\n" * 100_000).encode() + b"\xe9\xe8,1\n",
            "it is no longer UTF-8 text; save it as UTF-8",
        ),
        (
            "a,y\n" + "u,1\nv,2\n" * 100_000 + '"u,1\n' + "u,1\nv,2\n" * 100_000,
            "does not end; is a quote left open?",
        ),
        (gzip.compress(GOOD.encode(), mtime=0)[:-30], "damaged gzip file"),
    ],
)
def test_a_csv_file_that_is_none(content, says):
    assert says.lower() in message(content).lower()


def test_a_gzip_file_that_breaks_off_late_is_told():
    rng = np.random.default_rng(0)
    text = "a,y\n" + "".join(
        f"{a:.9f},{b}\n" for a, b in zip(rng.normal(size=200_000), rng.integers(2, size=200_000), strict=True)
    )
    assert "Truncated compressed stream" in message(gzip.compress(text.encode(), 1)[:-1000], name="t.csv.gz")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target": "Y "}, "data.target=Y : there is no such column; did you mean y? there are: a, b, y"),
        ({"target": "species"}, "data.target=species: there is no such column; there are: a, b, y"),
        ({"drop": ["aa"]}, "data.drop=aa: there is no such column; did you mean a?"),
        ({"categorical": ["q"]}, "data.categorical=q"),
        ({"split": "part"}, "data.split=part: there is no such column"),
        ({"group": "who"}, "data.group=who: there is no such column"),
        ({"drop": ["a", "b"]}, "no columns are left to learn from"),
        ({"task": "regression"}, "the target 'y' holds text, and a regression needs numbers"),
        ({"target": ["a", "y"]}, "the target 'y' holds text, and a regression needs numbers"),
        (
            {"split": "b"},
            "the column 'b' says '0'; data.split names a column that says train, training, validation",
        ),
        ({"group": "y", "target": "b", "test": 0.01, "task": "classification"}, None),
    ],
)
def test_columns_that_there_are_not_or_that_cannot_be_that(options, says):
    if says is None:
        Path("t.csv").write_text(GOOD)
        assert Table(path="t.csv", **options).load().groups is not None
        return
    assert says in message(GOOD, **options)


@pytest.mark.parametrize(
    ("parts", "options", "says"),
    [
        (["train", "what"], {}, "the column 'part' says 'what'"),
        (
            ["train", ""],
            {},
            "the column 'part' says nothing in row 2 below the header; say train, validation or test there",
        ),
        (["test", "val"], {}, "the column 'part' leaves no rows to train"),
        (["train", "val"], {"test": None}, "the column 'part' names no test rows"),
        (
            ["train", "test"],
            {"group": "b"},
            "the group '0' is in training and in test; mend the column 'part', or data.group=null",
        ),
    ],
)
def test_a_split_column_that_does_not_split(parts, options, says):
    header, *rows = GOOD.splitlines()
    lines = [f"{header},part", *(f"{row},{parts[i % 2]}" for i, row in enumerate(rows))]
    assert says in message("\n".join(lines), split="part", **options)


def test_a_single_group_cannot_be_divided():
    assert "cannot be split without dividing a group" in message("a,g,y\n" + "1,p,0\n2,p,1\n" * 9, group="g")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("goof.csv", "no such file; did you mean good.csv?"),
        ("nowhere/x.csv", "no such file; data.path names the file to learn from"),
        ("folder", "this is a folder; name a file in it"),
        (
            "good.xlsx",
            "its name does not say what kind of table it is; these can be read: .csv, .csv.gz, .tsv, .tsv.gz, .parquet, .npz",
        ),
    ],
)
def test_a_path_that_leads_to_no_table(name, says):
    Path("folder").mkdir()
    for there in ("good.csv", "good.xlsx"):
        Path(there).write_text(GOOD)
    assert says in message(None, name=name)


@pytest.mark.parametrize("content", [b"", b"PAR1 broken", b"nonsense"])
def test_a_broken_parquet_file(content):
    assert "not a Parquet file, or not all of it" in message(content, name="t.parquet")


def test_a_parquet_file_that_is_cut(tmp_path):
    pq.write_table(
        pa.table({"a": np.random.default_rng(0).normal(size=1000), "y": np.arange(1000) % 2}), "t.parquet"
    )
    content = Path("t.parquet").read_bytes()
    assert "not a Parquet file" in message(content[:-100], name="t.parquet")


def test_columns_that_hold_neither_numbers_nor_text():
    pq.write_table(pa.table({"a": [[1.0]] * 20, "b": range(20), "y": ["u", "v"] * 10}), "t.parquet")
    assert "the column 'a' holds list<element: double>, neither numbers nor text" in message(
        None, name="t.parquet"
    )
    assert Table(path="t.parquet", target="y", drop=["a"]).load().features == ("b",)
    np.savez("t.npz", x=np.ones((20, 2)) * 1j, y=np.arange(20) % 2)
    assert "the column 'x0' holds complex128" in message(None, name="t.npz")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (
            {"x": np.array([None] * N), "y": np.arange(N)},
            "holds Python objects, which are not read for safety; save arrays of numbers",
        ),
        (
            {"x": np.zeros((3, 2)), "y": np.arange(N)},
            "its arrays must have one row per example each, and have x 3, y 40",
        ),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "it has no rows"),
        ({"x": np.zeros((N, 2)), "x0": np.zeros(N), "y": np.zeros(N)}, "more than one column is called 'x0'"),
        ({"x": np.zeros((N, 2)), "labels": np.zeros(N)}, "data.target=y: there is no such column"),
        (
            {"x": np.full((N, 2), np.inf), "y": np.arange(N) % 2},
            "'x0' holds an infinite number, or one too large for float32, in row 1;",
        ),
    ],
)
def test_arrays_that_are_no_table(arrays, says):
    np.savez("t.npz", **arrays)
    assert says in message(None, name="t.npz")


@pytest.mark.parametrize("content", [b"", b"PK\3\4 broken", b"nonsense"])
def test_a_broken_npz_file(content):
    assert "write or fetch it anew" in message(content, name="t.npz")


def test_a_lone_array_is_no_npz_file():
    np.save("t.npy", np.zeros(3))
    Path("t.npy").rename("t.npz")
    assert "not an NPZ file" in message(None, name="t.npz")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"test": None}, "data.test=null: give it a ratio, or name the column"),
        ({"target": ["a", "b"], "task": "classification"}, "a classification has one target"),
        ({"drop": ["y"]}, "the column y can be only one of data.target, data.split, data.group, data.drop"),
        ({"split": "g", "group": "g"}, "the column g can be only one of"),
        ({"folds": 2, "fold": 5}, "has the folds 0 to 1"),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_anything_is_read(options, says):
    with pytest.raises(ValueError, match=says):
        Table(path="nowhere.csv", **({"target": "y"} | options))
