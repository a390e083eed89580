import numpy as np
import pytest

from nnexp.plots import confusion, difference, epoch_confusion
from nnexp.plots.style import fitted, length, save

LONG = [f"a very long class name, number {i}" for i in range(47)]


def report(n, names=None, wrong=1):
    matrix = np.full((n, n), wrong) + np.eye(n, dtype=int) * 100
    names = names or [str(i) for i in range(n)]
    return {"matrix": matrix.tolist(), "classes": names, "accuracy": float(np.trace(matrix) / matrix.sum())}


def test_a_confusion_matrix_shows_counts_names_accuracy_and_recall():
    grid = confusion(report(10), "validation")
    assert grid.title == "validation accuracy 91.82%"
    assert grid.notes[0].startswith("90 of 1,100 wrong")
    assert sorted(set(grid.texts.ravel())) == ["1", "101"]
    assert list(grid.names) == [str(i) for i in range(10)]
    assert set(grid.side) == {"91.8%"}


def test_the_darker_a_cell_the_larger_its_share_and_nothing_is_white():
    found = report(3)
    found["matrix"] = [[90, 10, 0], [0, 100, 0], [1, 0, 99]]
    lightness = confusion(found, "test").colours.sum(axis=2)
    assert lightness[0, 0] < lightness[0, 1] < lightness[2, 0] < lightness[0, 2] == 3 * 255


def test_a_class_without_examples_has_no_recall():
    found = {"matrix": [[3, 0], [0, 0]], "classes": ["a", "b"], "accuracy": 1.0}
    assert confusion(found, "test").side == ["100.0%", "none"]


@pytest.mark.parametrize(
    "names",
    [
        ["a"],
        ["a"] * 2,
        ["a very long class name"] * 10,
        LONG,
        ["x"] * 100,
        ["two\nlines", "$5 and $6", "日本", ""],
    ],
    ids=["1", "2", "long", "47", "100", "odd"],
)
def test_any_number_of_classes_with_any_names_can_be_drawn(names, tmp_path):
    save(confusion(report(len(names), names), "test").paint(), tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").stat().st_size > 1000


@pytest.mark.parametrize("names", [("a", "b"), tuple("0123456789"), LONG], ids=["2", "10", "47"])
def test_the_pictures_of_all_epochs_have_one_size(names):
    n = len(names)
    matrices = [np.eye(n, dtype=int), np.full((n, n), 12345)]
    sizes = {
        epoch_confusion(matrix.tolist(), names, step).size
        for matrix, step in zip(matrices, (1, 100_000), strict=True)
    }
    assert len(sizes) == 1


def test_a_difference_tells_better_in_blue_and_worse_in_red():
    other = {"matrix": [[90, 10], [5, 95]], "classes": ["a", "b"], "accuracy": 0.925}
    found = {"matrix": [[96, 4], [7, 93]], "classes": ["a", "b"], "accuracy": 0.945}
    grid = difference(found, other, "first try", "test")
    assert grid.title == "test accuracy 94.50%: +2.00 points"
    assert grid.notes[0] == "against first try"
    assert grid.texts.tolist() == [["+6", "−6"], ["+2", "−2"]]
    assert grid.side == ["+6.0", "−2.0"]
    red, blue = grid.colours[..., 0].astype(int), grid.colours[..., 2].astype(int)
    assert ((blue > red) == [[True, True], [False, False]]).all()


def test_a_difference_of_parts_of_unequal_size_is_told_in_points():
    other = {"matrix": [[45, 5], [5, 45]], "classes": ["a", "b"], "accuracy": 0.9}
    found = {"matrix": [[96, 4], [10, 90]], "classes": ["a", "b"], "accuracy": 0.93}
    grid = difference(found, other, "b", "test")
    assert grid.texts.tolist() == [["+6.0", "−6.0"], ["", ""]]
    assert "points more or fewer" in grid.notes[1]


def test_nothing_differs_from_itself():
    grid = difference(report(3), report(3), "itself", "test")
    assert grid.title.endswith(": ±0 points")
    assert (grid.colours == 255).all()
    assert (grid.texts == "").all()


def test_a_long_name_is_cut_to_its_room_and_keeps_its_end():
    cut = fitted("a very long class name, number 12", 14, 150, 0.4)
    assert length(cut, 14) <= 150
    assert cut.startswith("a very")
    assert cut.endswith("12")
    assert "…" in cut
    assert fitted("short", 14, 150) == "short"
