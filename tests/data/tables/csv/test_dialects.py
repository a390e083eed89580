"""CSV files of spreadsheets, databases and other programs are read as the plain table, or refused."""

import bz2
import gzip
import io
import re
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnexp.data.errors import DataError
from nnexp.data.tables.formats import open_table
from nnexp.data.tables.table import Table

N = 40
FRAME = pd.DataFrame(
    {
        "size": np.arange(N) * 7 % 23 + 0.5,
        "count": np.arange(N) * 5 % 11 + 1,
        "colour": np.array(["red", "light green", "blue, dark", 'the "best"'] * 10),
        "kind": np.array(["cat", "dog"] * 20),
    }
)
PLAIN = FRAME.to_csv(index=False)
HEADER, *ROWS = PLAIN.splitlines(keepends=True)
BODY = "".join(ROWS)
SIMPLE = FRAME.assign(colour=np.array(["red", "green", "blue", "white"] * 10))


def load(content, name="t.csv", target="kind", **options):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return Table(path=name, target=target, **options).load()


def error_of(content, name="t.csv", **options):
    with pytest.raises(DataError) as error:
        load(content, name, **options)
    return str(error.value)


def written(frame=FRAME, **options):
    return frame.to_csv(index=False, **options)


def spaced(frame):
    return frame.to_string(index=False) + "\n"


def spaced_bars(frame, rule):
    header, *rows = written(frame, sep="|").replace("|", " | ").splitlines()
    return "\n".join([f" {header} ", rule, *(f" {row} " for row in rows)]) + "\n"


READABLE = {
    "sep line": ("sep=;\n" + written(sep=";"), FRAME, ""),
    "sep line, quoted, CRLF": ('"sep=;"\r\n' + written(sep=";", lineterminator="\r\n"), FRAME, ""),
    "sep line of a tab": ("SEP=\t\n" + written(sep="\t"), FRAME, ""),
    "sep line of a mark beyond ASCII": ("sep=\u00a6\n" + written(sep="\u00a6"), FRAME, ""),
    "sep line of another mark": ("sep=^\n" + written(sep="^"), FRAME, ""),
    "pipes": (written(sep="|"), FRAME, ""),
    "tabs in a file named csv": (written(sep="\t"), FRAME, ""),
    "columns aligned by spaces": (spaced(SIMPLE), SIMPLE, ""),
    "comments": (
        "# made by a sensor, 3 of them\n#\n" + PLAIN,
        FRAME,
        "2 lines before the column names left out",
    ),
    "names in a comment": (
        f"# date: today\n# {','.join(SIMPLE)}\n" + written(SIMPLE, header=False),
        SIMPLE,
        "1 line before",
    ),
    "a title": ("Sizes of animals\n\n" + PLAIN, FRAME, "1 line before the column names left out"),
    "a title of a spreadsheet": ("Sizes of animals,,,\n,,,\n" + PLAIN, FRAME, "2 lines before"),
    "several titles": ("Sizes\nOf, animals\nThis, is, 2026\n\n" + written(sep=";"), FRAME, "3 lines before"),
    "pairs above the names": (
        "Station,Berlin,of 3\nDevice,X12,new\n\n" + PLAIN,
        FRAME,
        "2 lines before the column names left out",
    ),
    "pairs of a spreadsheet": ("Device,X12,,\nMade,2026,,\n,,,\n" + PLAIN, FRAME, "3 lines before"),
    "a footer": (
        PLAIN + "(40 rows affected)\n\n",
        FRAME,
        "1 line below the table left out: (40 rows affected)",
    ),
    "a footer of two lines": (PLAIN + "\nSource: the zoo\nDate: today\n", FRAME, "2 lines below the table"),
    "a footer of a spreadsheet": (written(sep=";") + "\nSource: the zoo;;\n", FRAME, "1 line below"),
    "comments between rows": (PLAIN.replace(ROWS[3], f"{ROWS[3]}# checked\n"), FRAME, "1 comment between"),
    "blank lines": (PLAIN.replace("\n", "\n\n"), FRAME, ""),
    "lines of spaces": (PLAIN.replace("\n", "\n   \n"), FRAME, ""),
    "the end of file of DOS": (PLAIN + "\x1a", FRAME, ""),
    "trailing delimiters": (PLAIN.replace("\n", ",\n"), FRAME, "1 column without a name left out"),
    "trailing delimiters, not in the names": (HEADER + BODY.replace("\n", ",\n"), FRAME, ""),
    "a trailing delimiter in the names": (HEADER.replace("\n", ",\n") + BODY, FRAME, ""),
    "trailing empty columns": (PLAIN.replace("\n", ",,,\n"), FRAME, "3 columns without a name left out"),
    "old Mac line ends": (written(lineterminator="\r"), FRAME, ""),
    "mixed line ends": (PLAIN.replace(ROWS[4], ROWS[4].replace("\n", "\r\n")), FRAME, ""),
    "spaces before quotes": (written(quoting=1).replace('","', '", "'), FRAME, ""),
    "spaces around delimiters": (written(SIMPLE).replace(",", " , "), SIMPLE, ""),
    "single quotes": (written(SIMPLE, quoting=1, quotechar="'"), SIMPLE, ""),
    "backslashes before quotes": (written(quoting=1, doublequote=False, escapechar="\\"), FRAME, ""),
    "all quoted": (written(quoting=1), FRAME, ""),
    "backslash N for missing": (
        PLAIN.replace("\n0.5,", "\n\\N,"),
        FRAME.replace({"size": {0.5: np.nan}}),
        "",
    ),
    "row names of R": (
        '"size" "count" "colour" "kind"\n'
        + SIMPLE.to_csv(sep=" ", header=False, quoting=2).replace("\r", ""),
        SIMPLE,
        "row numbers",
    ),
    "row names of R, separated by tabs": (
        "size\tcount\tcolour\tkind\n"
        + SIMPLE.rename(index=lambda n: f"animal {n}").to_csv(sep="\t", header=False),
        SIMPLE,
        "without a name",
    ),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), FRAME, ""),
    "UTF-16 without a mark, big endian": (PLAIN.encode("utf-16-be"), FRAME, ""),
    "UTF-16 in another dialect": (("sep=;\n" + written(sep=";")).encode("utf-16"), FRAME, ""),
    "a mark and a sep line": (("\ufeffsep=;\n" + written(sep=";")), FRAME, ""),
    "gzip in another dialect": (
        gzip.compress(written(SIMPLE, quotechar="'", quoting=1).encode(), mtime=0),
        SIMPLE,
        "",
    ),
    "cells of several lines": (
        written(FRAME.replace("light green", "light\ngreen")),
        FRAME.replace("light green", "light\ngreen"),
        "",
    ),
    "printed by PostgreSQL": (
        spaced_bars(SIMPLE, "-----+----+---") + "(40 rows)\n",
        SIMPLE,
        "1 line below the table left out",
    ),
    "printed by MySQL": ("+---+---+\n" + spaced_bars(SIMPLE, "+---+---+") + "+---+---+\n", SIMPLE, ""),
    "a title before names separated by spaces, too": (
        "Report 2026\n" + written(SIMPLE).replace(",", ", "),
        SIMPLE,
        "1 line before",
    ),
    "lists in cells": (
        written(SIMPLE.replace("red", "['1', '2']"), sep=";"),
        SIMPLE.replace("red", "['1', '2']"),
        "",
    ),
}


@pytest.mark.parametrize(("content", "frame", "note"), READABLE.values(), ids=READABLE)
def test_a_file_of_another_program_is_read_as_the_plain_table(content, frame, note):
    plain = load(written(frame), "plain.csv")
    dataset = load(content)
    assert dataset.features == plain.features
    np.testing.assert_array_equal(dataset.x, plain.x)
    assert dataset.sha256 == plain.sha256
    assert note in "\n".join(dataset.notes)
    assert len(dataset.notes) - len(plain.notes) == bool(note)


@pytest.mark.parametrize("name", ["t.txt", "t.data", "t.dat", "t.tab", "t.psv", "t.TXT"])
def test_text_files_of_other_endings_are_read(name):
    assert load(written(sep="|"), name).sha256 == load(PLAIN).sha256


def workbook():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("t.csv", PLAIN)
    return content.getvalue()


IRIS = "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n7.0,3.2,4.7,1.4,versicolor\n" * 9
REFUSED = {
    "no names, numbers": (
        written(header=False),
        "the first line holds values, not column names: 0.5, 1, red",
    ),
    "no names, numbers only": ("5,0,3,7\n1,2,9,4\n3,1,8,6\n" * 9, "the first line holds values"),
    "no names, equal numbers": (
        "5,0,0,7\n1,2,9,4\n3,1,8,6\n" * 9,
        "the first line holds numbers, not column names",
    ),
    "no names, text": (
        "male,yes,b\nfemale,no,b\nmale,no,a\nfemale,yes,a\nmale,no,b\n" * 9,
        "the first line is repeated",
    ),
    "no names, Mushrooms": ("p,x,s,n,t\ne,x,s,y,t\ne,b,s,w,t\np,x,y,w,f\n" * 9, "the first line is repeated"),
    "no names, Cars": (
        "vhigh,vhigh,2,2,small\nhigh,low,3,4,big\n" * 9,
        "add a line of column names if there is none",
    ),
    "no names, Iris": (IRIS, "the first line holds values, not column names: 5.1, 3.5, 1.4, 0.2, setosa"),
    "no names, decimal commas": ("5,1;3,5;a\n4,9;3,0;b\n" * 9, "the first line holds values"),
    "repeated names": ("a,b,a,kind\n" + "1,2,3,u\n2,3,4,v\n" * 9, "more than one column is called 'a'"),
    "two files in one": (PLAIN * 2, "the first line is repeated in row 41 below it"),
    "a total": (
        PLAIN + "Total,300,,\n",
        "the last row is a total or a mean: 'Total,300,,'; fix: delete it; if it is none, move it up",
    ),
    "a German total": (written(sep=";") + "Summe;300;;\n", "the last row is a total"),
    "too few names": (
        "a,kind\n" + "1,2,u\n2,5,v\n" * 9,
        "the line of column names has 2 fields, most rows have 3",
    ),
    "too many names": (
        "a,b,c,kind\n" + "1,u\n2,v\n" * 9,
        "the line of column names has 4 fields, most rows have 2",
    ),
    "a mean": (PLAIN + "Mean,3.5,,\n", "the last row is a total or a mean: 'Mean,3.5,,'"),
    "an open quote": (
        written(SIMPLE).replace("red,cat", '"red,cat', 1),
        "a quote is not closed in line 2, '0.5,1,\"red,cat'",
    ),
    "a ragged row": (
        PLAIN.replace(ROWS[9], "1,2,3,4,5\n"),
        "expected 4 fields, got 5 in row 10 below the header: '1,2,3,4,5'",
    ),
    "a line between the rows": (
        PLAIN.replace(ROWS[9], "oops\n"),
        "expected 4 fields, got 1 in row 10 below the header: 'oops'",
    ),
    "a workbook": (workbook(), "not a CSV file, but an Excel workbook; fix: save the table as CSV"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an Excel workbook"),
    "an archive": (archive(), "a ZIP archive; fix: unpack it"),
    "a web page": ("<!DOCTYPE html>\n<html>\n<body>Not found</body></html>", "a web page or XML"),
    "an HTML table": ("\n<table>\n<tr><td>1</td></tr>\n</table>", "a web page or XML"),
    "JSON": ('[{"a": 1, "kind": "u"},\n {"a": 2, "kind": "v"}]', "not a CSV file, but JSON"),
    "JSON, an object": ('{"a": [1, 2],\n "kind": [0, 1]}', "not a CSV file, but JSON"),
    "Parquet": (b"PAR1" + bytes(100), "a Parquet file; fix: rename it"),
    "bzip2": (bz2.compress(PLAIN.encode()), "compressed with bzip2"),
    "a pointer of Git LFS": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
        "git lfs pull",
    ),
    "ARFF": ("% Iris\n@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n1\n", "an ARFF file"),
    "NUL bytes": (PLAIN.encode().replace(b"red", b"r\0d"), "binary data"),
    "dashes only": ("---\n---\n", "its first rows cannot be parsed"),
    "text in no encoding of spreadsheets": (
        b"size;kind\n" + b"1.5;\x81\n2.5;\x90\n" * 9,
        "text that is not UTF-8",
    ),
    "nothing": ("", "the file is empty"),
    "blank lines only": ("\n\n  \n", "the file is empty"),
    "comments only": ("# a\n# b\n", "the file holds only comments"),
    "names only": (HEADER, "no rows below its header"),
    "another delimiter": (
        written(SIMPLE, sep="^"),
        "the columns are separated by '^': 'size^count^colour^kind'; "
        "fix: separate the columns by commas, or write a first line sep=^",
    ),
    "rows quoted as a whole": (
        "".join(f'"{line}"\n' for line in written(SIMPLE).splitlines()),
        "each row is quoted as a whole: 'size,count,colour,kind'; fix: delete these quotes",
    ),
    "units below the names": (
        HEADER + "mm,1/s,-,-\n" + BODY,
        "row 1 below the header holds text above columns of numbers: 'mm' in 'size', '1/s' in 'count'; "
        "fix: delete it if it holds units, else correct the values",
    ),
    "one column": ("kind\n" + "u\nv\n" * 9, "no columns are left as inputs"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_is_refused_in_one_line(content, message):
    printed = error_of(content)
    assert message in printed
    assert printed.startswith(f"{Path('t.csv').resolve()}: ")
    assert "\n" not in printed


@pytest.mark.parametrize(
    "names",
    [
        [*map(str, range(64))],
        [*map(str, range(1, 20)), "kind"],
        ["2019", "2020", "2021"],
        ["400.5", "402.5", "404.5"],
        ["1100", "1102.5", "1120"],
        ["1", "2", "5", "10"],
        ["0", "label"],
        ["size", "1", "2"],
    ],
    ids=lambda names: ",".join(names[:3]),
)
def test_names_may_be_numbers(names):
    is_text = [name.isalpha() and name != "size" for name in names]
    rows = [",".join("xy"[n % 2] if text else f"{n * 7 % 17}" for text in is_text) for n in range(30)]
    Path("t.csv").write_text("\n".join([",".join(names), *rows]), encoding="utf-8")
    assert list(open_table(Path("t.csv")).column_types) == names


def test_a_name_may_be_a_value_of_its_column():
    rows = "A,B,winner\n" + "A,B,first\nB,A,second\nC,B,first\n" * 9
    assert load(rows, target="winner").features == ("A=A", "A=B", "A=C", "B=A", "B=B")


def test_thousands_of_columns_are_read():
    x = np.arange(6000).reshape(2, 3000) % 17
    names = [f"c{n}" for n in range(3000)]
    rows = [",".join([*map(str, x[n % 2]), "uv"[n % 2]]) for n in range(20)]
    dataset = load("\n".join([",".join([*names, "kind"]), *rows]))
    assert dataset.features == tuple(names)
    np.testing.assert_array_equal(
        np.unique(np.concatenate([dataset.x, dataset.x_test]), axis=0), np.unique(x, axis=0)
    )


def test_a_column_without_a_name_is_left_out_and_noted():
    frame = FRAME.rename(columns={"count": ""})
    dataset = load(written(frame))
    assert "count" not in dataset.features
    assert "1 column without a name left out: 2" in dataset.notes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t.xlsx", "a workbook is not read; expected one of .csv"),
        ("t.json", "a document is not read"),
        ("t.zip", "an archive is not read"),
        ("t.csv.bz2", "a compressed file is not read"),
        ("t.sav", "this kind of file is not read"),
        ("t.npy", "fix: save it with numpy.savez"),
        ("t", "unknown ending; expected one of"),
    ],
)
def test_files_of_other_endings_are_refused_with_what_to_do(name, message):
    assert message in error_of(PLAIN, name)


def test_rows_are_numbered_below_whatever_is_above_the_names():
    lines = ["sep=;", "# note", "size;kind", "", *(["1.5;u", "2.5;v"] * 10), "oops;u"]
    printed = error_of("\n".join(lines))
    assert re.search(
        r"expected a number in the column 'size', got 'oops' in row 21 below the header", printed
    )


pieces = st.sampled_from(
    ["a", "1", "1.5", "1,250", ",", ";", "\t", " ", "'", '"', "\\", "\n", "\r\n", "\r", "#", "-", "--"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(pieces, max_size=8).map("".join),
    st.integers(0, len(PLAIN)),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_any_text_is_read_or_refused(text, position, encoding):
    damaged = PLAIN[:position] + text + PLAIN[position:]
    with suppress(DataError):
        load(damaged.encode(encoding))


def test_no_thread_holds_the_handler_of_rows_once_a_file_is_read():
    Path("t.csv").write_text(PLAIN, encoding="utf-8")
    reader = open_table(Path("t.csv"))
    for _ in range(20):
        assert len([*reader.iter_blocks({"size": "number", "kind": "text"})]) == 1
        assert reader.rows.surplus.reference() is None
