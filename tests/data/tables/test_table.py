"""A table from a file: read, partitioned, arranged; the notes list what was decided."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from nnexp.data.batches import Batches
from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table

RNG = np.random.default_rng(0)
N = 60
COLUMNS = {
    "height": RNG.normal(170, 10, N).round(4),
    "colour": np.array(["red", "green", "blue"] * 20),
    "member": np.array([True, False] * 30),
    "species": np.array(["cat", "dog", "cat", "bird"] * 15),
}


def write(path, columns, mark=","):
    rows = (mark.join(map(cell, row)) for row in zip(*columns.values(), strict=True))
    path.write_text("\n".join([mark.join(columns), *rows]) + "\n")
    return path


def cell(value):
    """A value as CSV files have it; None and NaN are empty."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return "" if value in (None, "") or value != value else str(value)


def load(table=COLUMNS, target="species", **options):
    path = write(Path("pets.csv"), table) if isinstance(table, dict) else table
    return Table(path=str(path), target=target, **options).load()


def split(dataset, seed=0, **options):
    return Table(path="", target="", **options).train_validation_split(dataset, np.random.default_rng(seed))


def rows_of(dataset):
    return sorted(map(tuple, np.concatenate([dataset.x, dataset.x_test]).tolist()))


def expect(dataset):
    colours = ("colour=blue", "colour=green", "colour=red")
    assert dataset.features == ("height", *colours, "member=false", "member=true")
    assert (dataset.task, dataset.outputs, dataset.names) == ("classification", 3, ("bird", "cat", "dog"))
    assert (dataset.x.shape, dataset.x_test.shape) == ((48, 6), (12, 6))
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int64)
    assert list(dataset.numeric) == [True] + [False] * 5
    assert list(np.bincount(dataset.y_test)) == [3, 6, 3], "stratified"
    kinds = {"red": (0, 0, 1), "green": (0, 1, 0), "blue": (1, 0, 0)}
    height, colour, member, species = COLUMNS.values()
    height = height.astype(np.float32).tolist()
    rows = zip(height, colour, member, strict=True)
    assert rows_of(dataset) == sorted((h, *kinds[c], int(not m), int(m)) for h, c, m in rows)
    species_of = dict(zip(height, species, strict=True))
    for x, y in zip([*dataset.x, *dataset.x_test], [*dataset.y, *dataset.y_test], strict=True):
        assert dataset.classes[y] == species_of[float(x[0])], "rows keep their classes"


def test_a_csv_file_becomes_a_data_set():
    dataset = load()
    expect(dataset)
    assert dataset.name == "pets"
    assert dataset.notes == ("categories become columns of 0 and 1: colour (3), member (2)",)


def test_training_and_test_rows_share_one_array_and_keep_the_order_of_the_file():
    columns = {"a": np.arange(100) ** 2, "y": np.arange(100) % 2}
    dataset = load(columns, "y")
    assert dataset.x.base is dataset.x_test.base is not None
    assert (np.diff(dataset.x[:, 0]) > 0).all()
    assert (np.diff(dataset.x_test[:, 0]) > 0).all()


def test_every_format_gives_the_same_data_set(tmp_path):
    plain = load()
    packed = tmp_path / "pets.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "pets.csv").read_bytes()))
    tabs = write(tmp_path / "pets.tsv", COLUMNS, "\t")
    semicolons = write(tmp_path / "semi.csv", COLUMNS, ";")
    pq.write_table(pa.table(COLUMNS), tmp_path / "pets.parquet")
    categories = COLUMNS | {"colour": pa.array(COLUMNS["colour"]).dictionary_encode()}
    pq.write_table(pa.table(categories), tmp_path / "categories.parquet")
    np.savez(tmp_path / "pets.npz", **COLUMNS)
    binary = [tmp_path / name for name in ("pets.parquet", "categories.parquet", "pets.npz")]
    for path in (packed, tabs, semicolons, *binary):
        expect(load(path))
        assert load(path).sha256 == plain.sha256


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda text: ("﻿" + text).encode(), None),
        (lambda text: (text + "\n\n\n").encode(), None),
        (lambda text: text.replace("\n", "\r\n").encode(), None),
        (lambda text: text.replace("red", '"red"').replace("height", '"height"').encode(), None),
        (lambda text: text.replace(",", ", ").encode(), None),
        (lambda text: text.replace(",", ";").replace(".", ",").encode(), " is read as 1"),
        (lambda text: text.encode("utf-16"), None),
        (lambda text: text.rstrip().encode(), None),
    ],
    ids=["bom", "blank lines", "crlf", "quotes", "spaces", "decimal comma", "utf-16", "no last newline"],
)
def test_csv_files_of_spreadsheets_are_read(tmp_path, change, note):
    path = write(tmp_path / "pets.csv", COLUMNS)
    path.write_bytes(change(path.read_text()))
    dataset = load(path)
    expect(dataset)
    assert note is None or any(note in other for other in dataset.notes)


def test_cp1252_text_is_read_and_noted(tmp_path):
    (tmp_path / "a.csv").write_bytes(("a,y\n" + "1,café\n2,thé\n" * 10).encode("cp1252"))
    dataset = load(tmp_path / "a.csv", "y")
    assert dataset.classes == ("café", "thé")
    assert "read as cp1252: it is not UTF-8" in dataset.notes


def test_a_path_is_relative_to_the_working_directory_or_to_the_home(tmp_path, monkeypatch):
    write(tmp_path / "pets.csv", COLUMNS)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("pets.csv").sha256 == load("~/pets.csv").sha256 == load(tmp_path / "pets.csv").sha256


@pytest.mark.parametrize("load_real", [load_iris, load_wine, load_breast_cancer])
def test_real_data_sets_are_read_completely(load_real):
    real = load_real()
    columns = {str(name): column for name, column in zip(real.feature_names, real.data.T, strict=True)}
    dataset = load(columns | {"class": real.target_names[real.target]}, "class")
    assert dataset.classes == tuple(sorted(real.target_names))
    assert dataset.features == tuple(columns)

    assert rows_of(dataset) == sorted(map(tuple, real.data.astype(np.float32).tolist()))
    assert dataset.notes == ()


def test_a_regression_keeps_its_targets():
    real = load_diabetes()
    columns = dict(zip(real.feature_names, real.data.T, strict=True))
    dataset = load(columns | {"progression": real.target}, "progression")
    assert (dataset.task, dataset.outputs, dataset.names) == ("regression", 1, ("progression",))
    assert (dataset.y.shape, dataset.y.dtype, dataset.y_test.shape) == ((354, 1), np.float64, (88, 1))
    assert sorted([*dataset.y[:, 0], *dataset.y_test[:, 0]]) == sorted(real.target)
    assert "data.task=classification" in "".join(dataset.notes)


def test_an_array_of_an_npz_file_gives_several_inputs(tmp_path):
    x, y = RNG.normal(size=(N, 2, 2)).astype(np.float32), RNG.normal(size=(N, 3))
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    dataset = load(tmp_path / "arrays.npz", "y")
    assert (dataset.features, dataset.targets) == (("x0", "x1", "x2", "x3"), ("y0", "y1", "y2"))
    assert rows_of(dataset) == sorted(map(tuple, x.reshape(N, 4).tolist()))


@pytest.mark.parametrize(
    ("values", "task", "classes", "guess"),
    [
        ([3, 1, 10], "auto", ("1", "3", "10"), "taken as classes"),
        ([1.0, 2.0], "auto", ("1", "2"), "taken as classes"),
        ([1.5, 2.5], "auto", (), "taken as a regression"),
        (range(30), "auto", (), "taken as a regression"),
        (range(30), "classification", tuple(map(str, range(30))), None),
        ([1.5, 2.5], "classification", ("1.5", "2.5"), None),
        ([0, 1], "regression", (), None),
        (["v10", "v9", "V1"], "auto", ("V1", "v9", "v10"), None),
        (["true", "false"], "auto", ("false", "true"), None),
        (["10", "9", "none of them"], "auto", ("9", "10", "none of them"), None),
    ],
)
def test_the_target_decides_the_task_and_class_names_are_kept(values, task, classes, guess):
    y = [values[i % len(values)] for i in range(120)]
    dataset = load({"a": RNG.normal(size=120), "y": y}, "y", task=task)
    assert dataset.classes == classes
    notes = [note for note in dataset.notes if "taken as" in note]
    assert (guess in notes[0]) if guess else not notes


def test_missing_values_are_imputed_and_noted():
    age = np.where(np.arange(N) % 6 == 0, np.nan, RNG.normal(40, 5, N))
    port = np.where(np.arange(N) % 4 == 0, None, np.array(["S", "C"] * 30))
    y = np.where(np.arange(N) == 7, None, np.array(["n", "y", "y"] * 20))
    dataset = load({"age": age, "port": port, "fare": np.arange(N) ** 2, "y": y}, "y")
    assert dataset.features == ("age", "port=C", "port=S", "port=missing", "fare")
    assert len(dataset.x) + len(dataset.x_test) == N - 1
    assert np.isnan(dataset.x[:, 0]).any()
    assert "1 row without y left out" in dataset.notes
    assert "missing numbers become the training mean: age (10)" in dataset.notes
    assert "missing categories become a category of their own: port (15)" in dataset.notes
    every = np.arange(len(dataset.x))
    batches = Batches(dataset.x, dataset.y, every, len(every), dataset.fit_scaling(every), np.float32)
    ((x, _),) = batches
    assert (x[np.isnan(dataset.x[:, 0]), 0] == 0).all()
    assert np.isfinite(x).all()
    np.testing.assert_allclose(x[:, [0, 4]].mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("word", ["", " ", "NA", "n/a", "NaN", "null", "?", " ?", "None"])
def test_missing_values_have_many_spellings(tmp_path, word):
    path = tmp_path / "a.csv"
    path.write_text("a,b,c,y\n" + f"1,{word},{word},u\n2,1,x,v\n" * 10)
    dataset = load(path, "y")
    assert dataset.features == ("a", "b", "c=x", "c=missing")
    assert "missing numbers become the training mean: b (10)" in dataset.notes
    assert "missing categories become a category of their own: c (10)" in dataset.notes


def test_a_row_may_be_longer_than_the_sample(monkeypatch):
    monkeypatch.setattr("nnexp.data.tables.csv.file_head.SAMPLE", 1000)
    monkeypatch.setattr("nnexp.data.tables.csv.arrow_reader.BLOCK", 500)
    x = RNG.normal(size=(100, 400)).round(6)
    dataset = load({f"c{i}": column for i, column in enumerate(x.T)} | {"y": ["u", "v"] * 50}, "y")
    assert rows_of(dataset) == sorted(map(tuple, x.astype(np.float32).tolist()))


def test_standardization_ignores_validation_rows():
    def fitted(changed):
        height = COLUMNS["height"].copy()
        height[changed] = 1000
        dataset = load(COLUMNS | {"height": height, "part": splits}, split="part", drop=["colour"])
        rows, held_out = split(dataset, split="part")
        return dataset.fit_scaling(rows), rows, held_out

    splits = np.array(["train", "train", "val", "test"] * 15)
    plain, changed = fitted([]), fitted(splits != "train")
    np.testing.assert_array_equal(plain[0].shift, changed[0].shift)
    np.testing.assert_array_equal(plain[0].factor, changed[0].factor)
    assert (len(plain[1]), len(plain[2])) == (30, 15)


def test_the_test_rows_are_the_same_whatever_the_seed():
    datasets = [load() for _ in range(2)]
    np.testing.assert_array_equal(*(dataset.x_test for dataset in datasets))
    held_out = [list(split(dataset, seed)[1]) for seed, dataset in enumerate(datasets)]
    assert held_out[0] != held_out[1]


def test_a_column_can_assign_all_rows():
    splits = np.array(["Train", "validation", " test ", "training", "TEST", "valid"] * 10)
    dataset = load(COLUMNS | {"part": splits}, split="part")
    tested = np.char.lower(np.char.strip(splits)) == "test"
    assert "part" not in " ".join(dataset.features)
    np.testing.assert_array_equal(dataset.x_test[:, 0], COLUMNS["height"][tested].astype(np.float32))
    validating = np.char.startswith(splits[~tested], "valid")
    np.testing.assert_array_equal(dataset.assigned, validating)
    rows, held_out = split(dataset, split="part")
    np.testing.assert_array_equal(held_out, np.flatnonzero(validating))
    np.testing.assert_array_equal(rows, np.flatnonzero(~validating))


@pytest.mark.parametrize(("third", "test", "n"), [("test", None, (40, 20, None)), ("val", 0.2, (52, 8, 20))])
def test_rows_that_a_column_does_not_assign_are_drawn(third, test, n):
    dataset = load(COLUMNS | {"part": ["train", "train", third] * 20}, split="part", test=test)
    assigned = None if dataset.assigned is None else dataset.assigned.sum()
    assert (len(dataset.x), len(dataset.x_test), assigned) == n
    assert any("names no test rows" in note for note in dataset.notes) == (third == "val")


def test_groups_are_never_divided():
    patient = np.arange(N) // 5
    dataset = load(COLUMNS | {"patient": patient}, group="patient")
    of_height = dict(zip(COLUMNS["height"].astype(np.float32).tolist(), patient.tolist(), strict=True))
    tested = {of_height[float(height)] for height in dataset.x_test[:, 0]}
    trained = {of_height[float(height)] for height in dataset.x[:, 0]}
    assert tested
    assert not tested & trained
    assert len(dataset.x_test) == 10
    rows, held_out = split(dataset, group="patient", folds=5)
    assert not set(dataset.groups[rows]) & set(dataset.groups[held_out])
    assert "patient" not in dataset.features


ZIP = {"zip": np.arange(N) % 4 + 9}
WORDS = {"doors": ["2", "3", "4", "5more"] * 15}


@pytest.mark.parametrize(
    ("columns", "options", "features"),
    [
        ({"height": range(N), **ZIP}, {}, ("height", "zip")),
        ({**ZIP, "height": range(N)}, {"categorical": ["zip"], "drop": ["height"]}, ("zip", (9, 10, 11, 12))),
        ({"a": range(N), **WORDS}, {"drop": ["a"]}, ("doors", (2, 3, 4, "5more"))),
    ],
    ids=["numbers", "categorical", "whole numbers beside words"],
)
def test_categories_become_one_hot(columns, options, features):
    dataset = load({**columns, "y": ["u", "v"] * 30}, "y", **options)
    if isinstance(features[1], str):
        assert dataset.features == features
        assert dataset.numeric.all()
    else:
        assert dataset.features == tuple(f"{features[0]}={value}" for value in features[1])
        assert (dataset.x.sum(axis=1) == 1).all()
        assert not dataset.numeric.any()


@pytest.mark.parametrize(
    ("values", "task", "expected", "noted"),
    [
        (np.arange(N) % 2, "auto", "multilabel", True),
        (np.arange(N) % 2, "multilabel", "multilabel", False),
        (np.arange(N), "auto", "regression", False),
        (np.arange(N), "multilabel", None, False),
    ],
)
def test_several_targets_are_labels_if_all_are_0_or_1(values, task, expected, noted):
    columns = {"height": COLUMNS["height"], "sad": np.arange(N) % 3 // 2, "long": values}
    if expected is None:
        with pytest.raises(DataError, match="'long' holds numbers other than 0 and 1"):
            load(columns, ["sad", "long"], task=task)
        return
    dataset = load(columns, ["sad", "long"], task=task)
    assert (dataset.task, dataset.targets, dataset.y.shape) == (expected, ("sad", "long"), (48, 2))
    assert dataset.features == ("height",)
    assert any("data.task=regression" in note for note in dataset.notes) == noted


def test_constant_columns_are_noted():
    dataset = load(COLUMNS | {"same": np.ones(N), "nothing": [None] * N})
    assert "constant columns carry no information: same, nothing" in dataset.notes


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_the_index_column_of_pandas_is_left_out(name):
    dataset = load({name: np.arange(N)} | COLUMNS)
    expect(dataset)
    assert "the column of row numbers without a name is left out" in dataset.notes


def test_a_class_of_one_row_is_noted_and_stays_in_training():
    dataset = load(COLUMNS | {"species": ["cat"] * 40 + ["dog"] * 19 + ["yeti"]})
    assert any(note.startswith("only one row of yeti") for note in dataset.notes)
    assert 2 in dataset.y
    assert 2 not in dataset.y_test


def test_the_checksum_depends_on_the_content():
    other = COLUMNS | {"height": COLUMNS["height"] + 1e-3}
    assert load().sha256 == load().sha256 != load(other).sha256


def test_slow_packages_are_imported_only_when_a_table_is_read():
    slow = {"pandas", "pyarrow", "sklearn", "scipy", "rich"}
    code = f"import sys, nnexp.data.tables.table; sys.exit({slow} & set(sys.modules) != set())"
    subprocess.run([sys.executable, "-c", code], check=True)


MEMORY = """
import resource, sys, time
from nnexp.data.tables.table import Table
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
Table(path=sys.argv[1], target="y").load()  # imports the reader
before = peak()
dataset = Table(path=sys.argv[2], target="y").load()
print(dataset.x.nbytes + dataset.x_test.nbytes, peak() - before)
"""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_reading_takes_less_than_twice_the_memory_of_the_numbers(tmp_path, ending):
    pytest.importorskip("resource")
    columns = RNG.normal(size=(50, 2000)).round(7)
    small, large = tmp_path / f"small.{ending}", tmp_path / f"large.{ending}"
    for path, times in ((small, 1), (large, 200)):
        inputs = {f"c{i}": np.tile(column, times) for i, column in enumerate(columns)}
        table = pa.table(inputs | {"y": np.tile(np.arange(2000) % 3, times)})
        (csv.write_csv if ending == "csv" else pq.write_table)(table, path)
    command = [sys.executable, "-c", MEMORY, small, large]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    size, growth = map(int, done.stdout.split())
    assert size == 400_000 * 50 * 4
    assert growth < 2 * size
