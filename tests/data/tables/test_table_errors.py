"""An error of a table names the file, the problem and a remedy."""

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
LONG = "a,y\n" + "u,1\nv,2\n" * 100_000
LATE = "a b,y\n" + "1,2\n" * 200_000 + "x,2\n"


def error_of(content, target="y", name="t.csv", **options):
    """The error of loading a file with that content; None: of the file that is there."""
    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as error:
        Table(path=name, target=target, **options).load()
    assert error.value.path == Path(name).resolve()
    assert str(error.value).count(str(error.value.path)) == 1
    return error.value


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "the file is empty"),
        ("a,y\n", "no rows below its header"),
        ("a,y", "no rows below its header"),
        ("a,a,y\n1,2,3\n", "more than one column is called 'a'"),
        ("y\n1\n2\n", "no columns are left as inputs"),
        ("a,y\n1,u\n2,v,3\n", "expected 2 fields, got 3 in row 2 below the header"),
        ("a,y\n1,u\ninf,v\n", "a number is infinite or too large for float32: the column 'a' in row 2"),
        ("a,y\n1,u\n-1e39,v\n", "the column 'a' in row 2"),
        ("a,y\n1,1.5\n2,\n3,-1e40\n", "the column 'y' in row 3 below the header"),
        ("a,y\n" + "1,2.5\n" * 200_000 + "x,2\n", "number in the column 'a', got 'x' in row 200,001 below"),
        ("a,y\n1.5,u\n2.5,v\na,u\n", "expected a number in the column 'a', got 'a' in row 3 below"),
        ("a,y\n" + "".join(f"{i}.5,u\n,v\n" for i in range(30)) + "oops,v\n", "'a', got 'oops' in row 61"),
        ("a,y\n" + "".join(f"u,{i}.5\nv,{i}\n" for i in range(30)) + "u,oops\n", "'y', got 'oops' in row 61"),
        ("a,y\n" + "".join(f"{i}x,{i % 2}\n" for i in range(101)), "'a' has 101 distinct values in 101 rows"),
        ("a,y\n" + "".join(f"{i}x,{i % 2}\n" for i in range(99_999)), "distinct values in"),
        ("a,y\n" + "".join(f"{i}x,{i % 2}\n" for i in range(20)), "'a' has 20 distinct values in 20 rows"),
        ("a,y\n" + "".join(f"{i},{i}x\n" for i in range(50)), "'y' has 50 distinct values in 50 rows"),
        ("a,y\n1,u\n2,u\n", "the target 'y' has only one class, 'u'"),
        ("a,y\n1,\n2,\n", "no row has a value of the target 'y'"),
        ("a,y\n1,u\n2,v\n3,w\n", "0.2 of 3 examples in 3 classes cannot be split off"),
        ("1,2,3\n" * 9, "data.target=y: no such column"),
        (b"a,y\n\0\0\0,1\n", "binary data"),
        (GOOD.encode() * 3, "the first line is repeated in row 41 below it"),
        (LONG.encode() + b"\xe9\xe8,1\n", "invalid UTF-8 after row"),
        (LONG + '"u,1\n' + LONG, "the row that begins in line 200,002: its quote is not closed"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-30], "damaged gzip file"),
    ],
)
def test_a_csv_file_that_cannot_be_used(content, problem):
    assert problem in error_of(content).problem


@pytest.mark.parametrize(
    ("content", "remedy", "setting"),
    [
        ("a,y\n1,u\ninf,v\n", "correct it", "'data.drop=[a]'"),
        ("a,y\n1,1.5\n2,inf\n", "correct it", ""),
        (LATE, "correct", """'data.drop=["a b"]' or 'data.categorical=["a b"]'"""),
        ("a,y\n1,u\n2,u\n", "add rows of other classes", ""),
        ("1,2,3\n" * 9, "write the names of the columns in the first line", ""),
        (b"PK\3\4\0\0", "unpack it", ""),
    ],
)
def test_an_error_proposes_a_change_of_the_file_and_a_setting_of_the_run(content, remedy, setting):
    error = error_of(content)
    assert remedy in error.remedy
    assert error.setting == setting
    assert str(error).endswith(setting or error.remedy)


UNTIDY = "id,name,size,price,kind,y\n" + "".join(
    f"{'abc'[i % 3]}{i},n{i},{'oops' if i == 70 else i / 4},{'1e40' if i == 9 else i},{'uv'[i % 2]},{i % 2}\n"
    for i in range(80)
)


def test_all_problems_of_a_table_are_reported_at_once_with_one_advice():
    message = str(error_of(UNTIDY, drop=["kind"]))
    lines = message.splitlines()
    assert lines[0].endswith("t.csv: 4 problems:")
    assert [line.strip()[:20] for line in lines[1:4]] == [
        "the column 'id' has ",
        "the column 'name' ha",
        "expected a number in",
    ]
    assert "the column 'price' in row 10 below the header" in lines[4]
    assert lines[5].startswith(
        "  fix: correct the value and correct it, or set 'data.drop=[kind,id,name,size,price]'"
    )
    assert lines[5].endswith(" or 'data.categorical=[id,name,size]' 'data.drop=[kind,price]'")
    assert Table(path="t.csv", target="y", drop=["kind", "id", "name", "size"], categorical=["price"]).load()


def test_a_problem_of_the_target_is_among_those_of_the_table_and_has_no_advice_to_drop_it():
    rows = "".join(f"n{i},{i % 7}.5,{'oops' if i == 30 else i / 4}\n" for i in range(60))
    message = str(error_of("name,size,y\n" + rows, drop=["size"]))
    assert message.splitlines()[0].endswith("2 problems:")
    assert (
        "expected a number in the column 'y', got 'oops' in row 31 below the header; fix: correct the value"
        in message
    )
    assert "data.drop=[size,name]" in message
    late = "name,y\n" + "u,1.5\nv,2.5\n" * 100_000 + "u,oops\n"
    assert str(error_of(late)).endswith("got 'oops' in row 200,001 below the header; fix: correct the value")


def test_all_names_of_no_column_are_reported_at_once_with_one_advice():
    message = str(error_of(GOOD, target="Y", drop=["A"], group="B"))
    assert message.endswith("fix: set data.target=y data.group=b 'data.drop=[a]'")
    assert message.count("no such column") == 3


def test_a_gzip_file_that_breaks_off_late_is_damaged():
    rng = np.random.default_rng(0)
    numbers = zip(rng.normal(size=200_000), rng.integers(2, size=200_000), strict=True)
    text = "a,y\n" + "".join(f"{a:.9f},{b}\n" for a, b in numbers)
    assert "damaged gzip" in error_of(gzip.compress(text.encode(), 1)[:-1000], name="t.csv.gz").problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"target": "Y "}, "data.target=Y : no such column; did you mean y? columns: a, b, y"),
        ({"target": "species"}, "data.target=species: no such column; columns: a, b, y"),
        ({"drop": ["aa"]}, "data.drop=aa: no such column; did you mean a?"),
        ({"categorical": ["q"]}, "data.categorical=q"),
        ({"split": "part"}, "data.split=part: no such column"),
        ({"group": "who"}, "data.group=who: no such column"),
        ({"drop": ["a", "b"]}, "no columns are left as inputs"),
        ({"task": "regression"}, "the target 'y' holds text, and data.task=regression needs numbers"),
        ({"target": ["a", "y"]}, "the target 'y' holds text"),
        ({"split": "b"}, "expected one of train, training, validation, valid, val, dev, test, testing"),
    ],
)
def test_columns_that_do_not_exist_or_do_not_suit_their_role(options, problem):
    assert problem in error_of(GOOD, **options).problem


@pytest.mark.parametrize(
    ("names", "options", "problem"),
    [
        (["train", "what"], {}, "in the column 'part', got 'what'"),
        (["train", ""], {}, "the column 'part' is empty in row 2 below the header"),
        (["test", "val"], {}, "the column 'part' names no training rows"),
        (["train", "val"], {"test": None}, "the column 'part' names no test rows"),
        (["train", "test"], {"group": "b"}, "the group '0' is in training and in test"),
    ],
)
def test_a_split_column_that_does_not_split(names, options, problem):
    header, *rows = GOOD.splitlines()
    lines = [f"{header},part", *(f"{row},{names[i % 2]}" for i, row in enumerate(rows))]
    assert problem in error_of("\n".join(lines), split="part", **options).problem


PATHS = {"goof.csv": "no such file; did you mean good.csv?", "nowhere/x.csv": "no such file"}
PATHS |= {"folder": "this is a folder"}
PATHS |= {"good.xlsx": "a workbook is not read; expected one of .csv, .tsv, .tab, .psv, .txt, .dat, .data"}


@pytest.mark.parametrize(("name", "problem"), PATHS.items())
def test_a_path_without_a_table(name, problem):
    Path("folder").mkdir()
    for existing in ("good.csv", "good.xlsx"):
        Path(existing).write_text(GOOD, encoding="utf-8")
    with pytest.raises(DataError) as error:
        Table(path=name, target="y").load()
    assert problem in error.value.problem


@pytest.mark.parametrize("content", [b"", b"PAR1 broken", b"PK\3\4 broken", b"nonsense"])
@pytest.mark.parametrize(("suffix", "kind"), [("parquet", "a Parquet"), ("npz", "an NPZ")])
def test_a_broken_binary_file(content, suffix, kind):
    assert f"not {kind} file" in error_of(content, name=f"t.{suffix}").problem


def test_a_truncated_parquet_file_and_a_single_array():
    pq.write_table(pa.table({"a": np.arange(1000) / 3, "y": np.arange(1000) % 2}), "t.parquet")
    content = Path("t.parquet").read_bytes()[:-100]
    assert "not a Parquet file" in error_of(content, name="t.parquet").problem
    np.save("t.npy", np.zeros(3))
    assert "not an NPZ file" in error_of(Path("t.npy").read_bytes(), name="t.npz").problem


def test_columns_of_other_types_can_be_dropped():
    pq.write_table(pa.table({"a": [[1.0]] * 20, "b": range(20), "y": ["u", "v"] * 10}), "t.parquet")
    error = error_of(None, name="t.parquet")
    assert "the column 'a' holds list<element: double>" in error.problem
    assert error.setting == "'data.drop=[a]'"
    assert Table(path="t.parquet", target="y", drop=["a"]).load().features == ("b",)
    np.savez("t.npz", x=np.ones((20, 2)) * 1j, y=np.arange(20) % 2)
    assert "the column 'x0' holds complex128" in error_of(None, name="t.npz").problem


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": np.array([None] * N), "y": np.arange(N)}, "holds Python objects"),
        ({"x": np.zeros((3, 2)), "y": np.arange(N)}, "the arrays differ in length (x: 3, y: 40)"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "the file has no rows"),
        ({"x": np.zeros((N, 2)), "x0": np.zeros(N), "y": np.zeros(N)}, "more than one column is called 'x0'"),
        ({"x": np.zeros((N, 2)), "labels": np.zeros(N)}, "data.target=y: no such column"),
        ({"x": np.full((N, 1), np.inf), "y": np.arange(N) % 2}, "the column 'x' in row 1"),
        ({"x": np.zeros((N, 0)), "y": np.arange(N) % 2}, "no columns are left as inputs"),
        (
            {"x": np.array([b"\xff"] * N), "y": np.arange(N) % 2},
            "the column 'x' holds no text, rows 1 on: 'utf-8'",
        ),
        ({"x": np.array(["\ud800"] * N), "y": np.arange(N) % 2}, "the column 'x' holds no text, rows 1 on"),
        ({"x": np.arange(N).astype("M8"), "y": np.arange(N) % 2}, "the column 'x' holds no text, rows 1 on"),
        ({"x": np.zeros((2, 1 << 18), bool), "y": np.arange(2)}, "262,144 columns, expected at most 131,072"),
    ],
)
def test_arrays_that_are_no_table(arrays, problem):
    np.savez("t.npz", **arrays)
    assert problem in error_of(None, name="t.npz").problem


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": None}, "data.test=null needs a column of test rows"),
        ({"target": ["a", "b"], "task": "classification"}, "a classification has one target"),
        ({"drop": ["y"]}, "the column y can be only one of data.target, data.split, data.group, data.drop"),
        ({"split": "g", "group": "g"}, "the column g can be only one of"),
        ({"folds": 2, "fold": 5}, "has the folds 0 to 1"),
        ({"decimal": ",", "thousands": ","}, "are both ','; fix: 'data.thousands=\".\"' or 'data.decimal"),
    ],
)
def test_contradicting_options_are_refused_before_the_file_is_read(options, message):
    with pytest.raises(ValueError, match=message):
        Table(path="nowhere.csv", **({"target": "y"} | options))
