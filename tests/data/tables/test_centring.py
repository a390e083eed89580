"""Columns are centred in float64 before float32 holds them: the inputs are those of a float64 computation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.data.batches import Batches
from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table
from nnexp.preprocessing.scaling import NOISE

N = 60
ULP = float(np.finfo(np.float32).eps)
OFFSETS = st.sampled_from([0, 1, 300, 2000, 1e5, 20180131, 1517356800, -3e9, 1e12])
SPREADS = st.sampled_from([1e-3, 0.5, 1, 40, 1e4, 1e7])


def load(path, columns, **settings):
    np.savez(path, **columns)
    return Table(path=str(path), **settings).load()


def inputs(dataset):
    rows = np.arange(len(dataset.x))
    ((x, _),) = Batches(dataset.x, dataset.y, rows, len(rows), dataset.fit_scaling(rows), np.float32)
    return x


def restored(dataset):
    """The rows of the file in the order of the data set."""
    return dataset.x.astype(np.float64) + (0 if dataset.origin is None else dataset.origin)


@given(OFFSETS, SPREADS, st.booleans(), st.integers(0, 50))
def test_inputs_are_those_of_float64(tmp_path_factory, offset, spread, whole, seed):
    rng = np.random.default_rng(seed)
    x = offset + spread * rng.standard_normal(N)
    x = np.rint(x) if whole else x
    if np.ptp(x) <= NOISE * abs(offset):
        return
    columns = {"x": x, "row": np.arange(N), "y": np.arange(N) % 2}
    dataset = load(tmp_path_factory.mktemp("table") / "table.npz", columns, target="y")
    order = np.rint(restored(dataset)[:, 1]).astype(int)
    exact = x[order] - x[0]  # without rounding of numbers that are near each other
    z = (exact - exact.mean()) / exact.std()
    has_origin = dataset.origin is not None and dataset.origin[0] != 0
    tolerance = 2 * ULP * np.maximum(np.abs(z), 1) if has_origin else 2e-5
    assert (np.abs(inputs(dataset)[:, 0] - z) <= tolerance).all()


def note_of(dataset):
    return [note for note in dataset.notes if "become one" in note or "steps" in note or "constant" in note]


SHORT = np.arange(N) % 4
CASES = {
    "dates as whole numbers": (20180131 + SHORT % 2, []),
    "microseconds": (1550083467346370 + 1000 * SHORT, []),
    "a day before and after 2**24": (2.0**24 + SHORT, []),
    "neighbours in a wide range": (
        np.where(SHORT < 2, SHORT, 2**40),
        ["different numbers become one in float32: x (0 and 1); fix: 'data.drop=[c,x]'"],
    ),
    "small numbers beside a large one": (
        np.choose(SHORT, [0.001, 0.002, 0.003, 1e9]),
        ["different numbers become one in float32: x (0.001 and 0.002); fix: 'data.drop=[c,x]'"],
    ),
    "too small for float32": (
        1e-50 * (1 + SHORT),
        ["different numbers become one in float32: x (1e-50 and 4e-50); fix: 'data.drop=[c,x]'"],
    ),
    "nanoseconds": (
        1707954127790123456 + 1000 * SHORT,
        [
            "numbers have only these steps in float64: x (256); "
            "fix: subtract a common number from all of them in the file"
        ],
    ),
    "whole numbers that become one in float64": (
        2**63 + SHORT.astype(np.uint64),
        [
            "constant columns carry no information: x",
            "numbers have only these steps in float64: x (2048); "
            "fix: subtract a common number from all of them in the file",
        ],
    ),
    "one number, computed in two ways": (
        np.where(SHORT % 2, 0.1 + 0.2, 0.3),
        ["constant columns carry no information: x"],
    ),
    "whole numbers of a large magnitude": (1e20 * np.arange(N), []),
}


@pytest.mark.parametrize(("x", "notes"), CASES.values(), ids=CASES)
def test_columns_that_float32_cannot_hold_are_named_with_an_example(tmp_path, x, notes):
    columns = {"x": x, "z": np.arange(N), "y": np.arange(N) % 2, "c": np.arange(N)}
    dataset = load(tmp_path / "table.npz", columns, target="y", drop=["c"])
    assert note_of(dataset) == notes
    if not notes:
        order = np.rint(restored(dataset)[:, 1]).astype(int)
        assert len(np.unique(dataset.x[:, 0])) == len(np.unique(x[order]))


def test_neighbours_that_merge_are_named_wherever_they_are(tmp_path):
    x = 1000.0 * np.arange(40_000)
    x[-3:] = x[-3] + np.arange(3)
    rows = np.random.default_rng(0).permutation(len(x))
    columns = {"x": x[rows], "y": np.arange(len(x)) % 2}
    dataset = load(tmp_path / "table.npz", columns, target="y")
    (note,) = note_of(dataset)
    assert note.startswith("different numbers become one in float32: x (3999700")
    assert "fix" not in note, "few of them do"


def test_numbers_far_from_the_mean_need_no_origin(tmp_path):
    rng = np.random.default_rng(0)
    columns = {"heavy": np.exp(3 * rng.standard_normal(20_000)), "whole": rng.geometric(1e-6, 20_000)}
    dataset = load(tmp_path / "table.npz", columns | {"y": np.arange(20_000) % 2}, target="y")
    assert (dataset.origin, note_of(dataset)) == (None, [])
    order = np.concatenate([dataset.x, dataset.x_test])[:, 0].argsort()
    x = np.sort(columns["heavy"])[order.argsort()][: len(dataset.x)]
    z = (x - x.mean()) / x.std()
    assert (np.abs(inputs(dataset)[:, 0] - z) <= 2 * ULP * np.maximum(np.abs(z), 1)).all()


def test_the_origin_is_near_the_training_rows_although_test_rows_are_far_away(tmp_path):
    x = 1.5e9 + np.arange(N) + 1e8 * (np.arange(N) >= N // 2)
    split = np.where(np.arange(N) < N // 2, "train", "test")
    columns = {"x": x, "y": np.arange(N) % 2, "split": split}
    dataset = load(tmp_path / "table.npz", columns, target="y", split="split", test=None)
    np.testing.assert_array_equal(restored(dataset)[:, 0], x[: N // 2])
    z = (np.arange(N // 2) - np.arange(N // 2).mean()) / np.arange(N // 2).std()
    np.testing.assert_allclose(inputs(dataset)[:, 0], z, atol=2 * ULP)


def test_missing_numbers_stay_missing_beside_an_origin(tmp_path):
    x = np.where(np.arange(N) % 3, 1_517_356_800 + np.arange(N), np.nan)
    dataset = load(tmp_path / "table.npz", {"x": x, "y": np.arange(N) % 2}, target="y")
    assert np.isnan(np.concatenate([dataset.x, dataset.x_test])).sum() == N // 3
    assert (inputs(dataset)[np.isnan(dataset.x)] == 0).all()
    assert "missing numbers become the training mean: x (20)" in dataset.notes


def test_targets_that_become_one_are_named(tmp_path):
    y = np.choose(SHORT, [1.5, 2.5, 3.5, 1e12])
    dataset = load(tmp_path / "table.npz", {"x": np.arange(N), "y": y}, target="y")
    assert note_of(dataset) == [
        "different numbers of the target become one in float32: y (1.5 and 2.5); "
        "fix: data.target_transform=log"
    ]
    dataset = load(tmp_path / "table.npz", {"x": np.arange(N), "y": y}, target="y", target_transform="log")
    assert note_of(dataset) == []


def test_targets_that_float64_rounds_are_named(tmp_path):
    y = 1707954127790123456 + 1000 * np.arange(N)
    (note,) = note_of(load(tmp_path / "table.npz", {"x": np.arange(N), "y": y}, target="y"))
    assert note.startswith("numbers have only these steps in float64: y (256); fix: subtract a common number")


def test_classes_that_float64_would_merge_are_refused_unless_they_are_text(tmp_path):
    y = 1234567890123456789 + np.arange(N) % 3
    path = tmp_path / "table.csv"
    path.write_text("x,y\n" + "".join(f"{n},{name}\n" for n, name in enumerate(y)))
    with pytest.raises(
        DataError, match=r"above 2\*\*53 in the target 'y' are rounded; .*task=classification"
    ):
        Table(path=str(path), target="y").load()
    dataset = Table(path=str(path), target="y", task="classification").load()
    assert dataset.classes == tuple(map(str, np.unique(y)))


def test_digests_depend_on_digits_beyond_float32_only_where_an_origin_keeps_them(tmp_path):
    def digest(x):
        return load(tmp_path / "table.npz", {"x": x, "y": np.arange(N) % 2}, target="y").sha256

    assert digest(20180131 + SHORT % 2) != digest(20180133 + SHORT % 2)
    assert digest(np.arange(N) / 3) == digest((np.arange(N) / 3).astype(np.float32))
