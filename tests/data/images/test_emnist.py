"""EMNIST from files in its format: every split, upright, from its archive or unpacked; damaged archives."""

import gzip

import numpy as np
import pytest
from fixtures.image_files import emnist_archive, emnist_arrays, idx, write_emnist

from nnexp.data.errors import DataError
from nnexp.data.images.emnist import ARCHIVE, CLASSES, EMNIST

ARRAYS = emnist_arrays("digits", 10)
PACKED = emnist_archive(ARRAYS)
TRAIN = "emnist-digits-train-images-idx3-ubyte"


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNEXP_CACHE", str(tmp_path / "user-cache"))


def load(root, split="digits"):
    return EMNIST(root=str(root), split=split, mirrors=[]).load()


def expect(dataset, split, arrays, first=0):
    for x, y, which in ((dataset.x, dataset.y, "train"), (dataset.x_test, dataset.y_test, "test")):
        stored = arrays[f"emnist-{split}-{which}-images-idx3-ubyte"]
        np.testing.assert_array_equal(x.reshape(-1, 28, 28), stored.transpose(0, 2, 1))
        np.testing.assert_array_equal(y, arrays[f"emnist-{split}-{which}-labels-idx1-ubyte"] - first)


@pytest.mark.parametrize(("split", "classes"), [(split, len(names)) for split, names in CLASSES.items()])
def test_reads_every_split_upright_with_labels_from_0(tmp_path, split, classes):
    first = int(split == "letters")
    arrays = write_emnist(tmp_path, split, classes, n=2 * classes, first=first)
    dataset = load(tmp_path, split)
    expect(dataset, split, arrays, first)
    assert dataset.classes == tuple(CLASSES[split])
    assert (dataset.name, dataset.shape) == (f"emnist_{split}", (28, 28))
    assert isinstance(load(tmp_path, split).x.base, np.memmap)


def test_the_splits_have_as_many_classes_as_the_paper_says():
    sizes = {"balanced": 47, "byclass": 62, "bymerge": 47, "digits": 10, "letters": 26, "mnist": 10}
    assert {split: len(names) for split, names in CLASSES.items()} == sizes
    assert all([*names] == sorted({*names}) for names in CLASSES.values())


@pytest.mark.parametrize("place", [".", "gzip"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gz"])
def test_reads_the_unpacked_files_of_a_split(tmp_path, place, pack):
    folder = tmp_path / "emnist" / place
    folder.mkdir(parents=True)
    for name, array in ARRAYS.items():
        (folder / (name if pack is bytes else f"{name}.gz")).write_bytes(pack(idx(array)))
    expect(load(tmp_path), "digits", ARRAYS)


def test_splits_of_one_archive_are_kept_apart(tmp_path):
    letters = emnist_arrays("letters", 26, first=1)
    (tmp_path / "emnist").mkdir()
    (tmp_path / "emnist" / ARCHIVE).write_bytes(emnist_archive(ARRAYS | letters))
    for _ in range(2):
        expect(load(tmp_path), "digits", ARRAYS)
        expect(load(tmp_path, "letters"), "letters", letters, first=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a zip file, or a damaged one"),
        (b"<html>", "not a zip file, or a damaged one"),
        (PACKED[:-30], "not a zip file, or a damaged one"),
        (PACKED[:20_000] + bytes(99) + PACKED[20_099:], "damaged"),
        (emnist_archive({TRAIN: ARRAYS[TRAIN]}), "emnist-digits-train-labels-idx1-ubyte.gz"),
        (emnist_archive(ARRAYS | {TRAIN: ARRAYS[TRAIN][:, :20]}), "expected square images, got 20 x 28"),
        (emnist_archive(ARRAYS | {TRAIN: ARRAYS[TRAIN][1:]}), "60 labels, but"),
    ],
    ids=[*"abcdefg"],
)
def test_says_what_is_wrong_with_an_archive(tmp_path, content, message):
    (tmp_path / "emnist").mkdir()
    (tmp_path / "emnist" / ARCHIVE).write_bytes(content)
    with pytest.raises(DataError, match=r"gzip\.zip: ") as error:
        load(tmp_path)
    assert message in str(error.value)


def test_label_0_in_letters_is_an_error(tmp_path):
    write_emnist(tmp_path, "letters", 26, first=0)
    with pytest.raises(DataError, match="label 0 in letters, whose labels are from 1 to 26"):
        load(tmp_path, "letters")


def test_without_files_and_mirrors_the_error_names_the_archive(tmp_path):
    with pytest.raises(DataError, match=r"put gzip\.zip, packed or unpacked, into .*emnist"):
        load(tmp_path)
