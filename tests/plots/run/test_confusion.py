import numpy as np
import pytest

from nnexp.plots.run.confusion import confusion, difference, epoch_confusion
from nnexp.plots.style import save
from nnexp.plots.text import shorten, text_width

LONG = [f"a very long class name, number {i}" for i in range(47)]
DIGITS = tuple("0123456789")


def matrix_of(n):
    return np.full((n, n), 1) + np.eye(n, dtype=int) * 100


def test_a_confusion_matrix_shows_counts_names_accuracy_and_recall():
    image = confusion(matrix_of(10), DIGITS, "validation")
    assert image.title == "validation accuracy 91.82%"
    assert image.notes[0].startswith("90 of 1,100 misclassified")
    assert sorted(set(image.texts.ravel())) == ["1", "101"]
    assert image.names == DIGITS
    assert set(image.row_texts) == {"91.8%"}


def test_a_cell_is_darker_the_larger_its_share_and_white_if_it_is_0():
    matrix = np.array([[90, 10, 0], [0, 100, 0], [1, 0, 99]])
    lightness = confusion(matrix, "abc", "test").colors.sum(axis=2)
    assert lightness[0, 0] < lightness[0, 1] < lightness[2, 0] < lightness[0, 2] == 3 * 255


def test_a_class_without_examples_has_no_recall():
    assert confusion(np.array([[3, 0], [0, 0]]), "ab", "test").row_texts == ["100.0%", "none"]


ODD = ["two\nlines", "$5 and $6", "日本", ""]


@pytest.mark.parametrize(
    "names",
    ["a", "aa", ["a very long class name"] * 10, LONG, "x" * 100, ODD],
    ids=lambda names: str(len(names)),
)
def test_any_number_of_classes_with_any_names_can_be_drawn(names, tmp_path):
    save(confusion(matrix_of(len(names)), names, "test").draw(), tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").stat().st_size > 1000


@pytest.mark.parametrize("names", ["ab", DIGITS, LONG], ids=["2", "10", "47"])
def test_the_matrices_of_all_epochs_have_one_size(names):
    n = len(names)
    first = epoch_confusion(np.eye(n, dtype=int), names, 1)
    assert first.size == epoch_confusion(np.full((n, n), 12345), names, 100_000, "step").size


def test_better_is_blue_and_worse_is_red():
    baseline, matrix = np.array([[90, 10], [5, 95]]), np.array([[96, 4], [7, 93]])
    image = difference(matrix, baseline, "ab", "test", "first try")
    assert image.title == "test accuracy 94.50%: +2.00 points"
    assert image.notes[0] == "compared with first try"
    assert image.texts.tolist() == [["+6", "−6"], ["+2", "−2"]]
    assert image.row_texts == ["+6.0", "−2.0"]
    red, blue = image.colors[..., 0].astype(int), image.colors[..., 2].astype(int)
    assert ((blue > red) == [[True, True], [False, False]]).all()


def test_the_difference_of_splits_of_unequal_size_is_in_percentage_points():
    image = difference(np.array([[96, 4], [10, 90]]), np.array([[45, 5], [5, 45]]), "ab", "test", "b")
    assert image.texts.tolist() == [["+6.0", "−6.0"], ["", ""]]
    assert "percentage points more or fewer" in image.notes[1]


def test_a_matrix_does_not_differ_from_itself():
    image = difference(matrix_of(3), matrix_of(3), "abc", "test", "itself")
    assert image.title.endswith(": ±0 points")
    assert (image.colors == 255).all()
    assert (image.texts == "").all()


def test_a_long_name_is_cut_to_a_width_and_keeps_its_end():
    cut = shorten("a very long class name, number 12", 14, 150, 0.4)
    assert text_width(cut, 14) <= 150
    assert cut.startswith("a very")
    assert cut.endswith("12")
    assert "…" in cut
    assert shorten("short", 14, 150) == "short"
