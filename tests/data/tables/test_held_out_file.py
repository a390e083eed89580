"""A separate test file gives the data set that one file with a column of splits gives."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnexp import compose, run
from nnexp.config import build
from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table

RNG = np.random.default_rng(0)
N = 80
FRAME = pd.DataFrame(
    {
        "key": [f"{n:04}" for n in range(N)],
        "size": RNG.normal(170, 10, N).round(3),
        "serial": 2**40 + np.arange(N),
        "when": pd.date_range("2024-01-01", periods=N).astype(str),
        "colour": [["red", "green", None, "blue"][n % 4] for n in range(N)],
        "kind": [["cat", "dog"][n % 2] for n in range(N)],
        "price": np.exp(RNG.normal(3, 1, N)).round(4),
        "tame": RNG.integers(0, 2, N),
        "loud": RNG.integers(0, 2, N),
        "use": [["train", "train", "test"][n % 3] for n in range(N)],
    }
)
TARGETS = {"kind": "kind", "price": "price", "labels": ["tame", "loud"]}


def save(frame, path):
    write = {".csv": lambda: frame.to_csv(path, index=False), ".parquet": lambda: frame.to_parquet(path)}
    write[Path(path).suffix]()
    return path


def tables(target, ending=".csv", change=lambda frame: frame, **options):
    """The data set of one file with a column of splits, and that of two files."""
    names = [target] if isinstance(target, str) else target
    drop = [name for name in ("kind", "price", "tame", "loud") if name not in names]
    given = {"target": target, "id": "key", "drop": drop} | options
    both = Table(path=save(FRAME, f"both{ending}"), split="use", **given)
    train = save(FRAME[FRAME["use"] == "train"].drop(columns="use"), f"train{ending}")
    test = save(change(FRAME[FRAME["use"] == "test"]), f"test{ending}")
    return both, Table(path=train, test_path=test, **given)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("target", TARGETS)
def test_two_files_are_the_data_of_one_with_a_column_of_splits(alone, target, ending):
    shuffled = [*FRAME.columns[::-1], "note"]
    both, apart = tables(TARGETS[target], ending, lambda frame: frame.assign(note="-")[shuffled])
    one, two = both.load(), apart.load()
    assert one.sha256 == two.sha256
    for name in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(two, name), getattr(one, name))
    assert two.features == one.features
    assert two.source_test.ids.tolist() == one.source_test.ids.tolist()
    test = FRAME[FRAME["use"] == "test"].reset_index(drop=True)
    assert two.source_test.index.tolist() == list(range(len(test)))
    assert two.source_test.ids.tolist() == test["key"].tolist()
    assert len(one.y) == len(two.y) == sum(FRAME["use"] == "train")


def test_a_transformed_target_and_unseen_categories_of_a_test_file(alone):
    def change(frame):
        frame = frame.copy()
        frame.iloc[0, frame.columns.get_loc("colour")] = "violet"
        frame.iloc[1, frame.columns.get_loc("price")] = np.nan
        return frame.drop(columns="key")

    _, apart = tables("price", change=change, target_transform="log")
    dataset = apart.load()
    assert dataset.source_test.index.tolist() == [0, *range(2, len(dataset.y_test) + 1)]
    assert dataset.source_test.ids is None
    notes = " | ".join(dataset.notes)
    assert "test rows have values not seen in training: colour (1 row: 'violet')" in notes
    assert "1 test row without price left out" in notes
    assert "test.csv has no column key: its rows have no id" in notes
    first = [name for name in dataset.features if name.startswith("colour")]
    assert dataset.x_test[0, [dataset.features.index(name) for name in first]].sum() == 0


def test_a_change_of_the_test_file_changes_the_digest(alone):
    one = tables("kind")[1].load().sha256
    two = tables("kind", change=lambda frame: frame.iloc[1:])[1].load().sha256
    assert one != two


def test_a_run_is_tested_on_the_rows_of_the_test_file(alone):
    tables("kind")
    overrides = [
        "data=table",
        "data.path=train.csv",
        "data.test_path=test.csv",
        "data.target=kind",
        "data.id=key",
    ]
    quick = ["data.drop=[price,tame,loud]", "trainer.epochs=2", "tracking=none", "model.hidden=[4]"]
    result = run(compose([*overrides, *quick]))
    predictions = result.splits["test"].predictions
    rows = pd.read_csv("test.csv", dtype={"key": str}).iloc[predictions.index]
    assert predictions.ids.tolist() == rows["key"].tolist()
    assert [("cat", "dog")[k] for k in predictions.true] == rows["kind"].tolist()
    validation = pd.read_csv("train.csv", dtype={"key": str}).iloc[result.splits["val"].predictions.index]
    assert result.splits["val"].predictions.ids.tolist() == validation["key"].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="kind"), r"no column kind to compare.*fix: set data.test_path=null"),
        (lambda f: f.drop(columns=["size", "when"]), r"size, when.*drop=\[price,tame,loud,size,when\]"),
        (lambda f: f.assign(kind="bird"), r"test.csv: the target 'kind' holds 'bird' in 26 rows"),
        (lambda f: f.assign(kind=None), "test.csv: no row has a value of the target 'kind'"),
        (lambda f: f.assign(size="tall"), r"expected a number in the column 'size', got 'tall' in row 1"),
        (lambda f: f.iloc[:0], "test.csv"),
    ],
    ids=["target", "columns", "class", "empty target", "text", "no rows"],
)  # fmt: skip
def test_a_test_file_that_does_not_fit_is_refused(alone, change, message):
    with pytest.raises(DataError, match=message):
        tables("kind", change=change)[1].load()


def test_a_target_outside_the_domain_names_the_test_file(alone):
    _, apart = tables("price", change=lambda frame: frame.assign(price=0), target_transform="log")
    message = r"test\.csv: the target 'price' is 0 in row 1 below .*fix: .*data\.target_transform=log1p"
    with pytest.raises(DataError, match=message):
        apart.load()


def test_test_rows_come_from_one_place(alone):
    with pytest.raises(ValueError, match=r"data.test=0.3 draws.*fix: data.test=null or data.test_path=null"):
        tables("kind", test=0.3)
    both, _ = tables("kind")
    both.test_path = "test.csv"
    with pytest.raises(
        DataError, match=r"names test rows, and data.test_path holds others; fix: set data.test_path=null"
    ):
        both.load()


def test_unseen_categories_of_a_test_file_are_refused_if_asked(alone):
    change = lambda frame: frame.assign(colour="violet")  # noqa: E731
    with pytest.raises(DataError, match=r"'violet', not seen in training.*fix: set data.unseen=other"):
        tables("kind", change=change, unseen="error")[1].load()


def test_paths_are_recorded_as_they_are_typed(alone):
    tables("kind")
    overrides = [f"data.path={alone}/train.csv", f"data.test_path={alone}/test.csv", "data.target=kind"]
    settings = build(compose(["data=table", *overrides]))
    assert settings.data.test_path == "test.csv"
