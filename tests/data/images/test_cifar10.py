"""CIFAR-10 from files in its binary format: archive and unpacked, damaged and incomplete."""

import gzip
from hashlib import sha256

import numpy as np
import pytest
from fixtures.image_files import CIFAR10 as NAMES
from fixtures.image_files import cifar10_archive, cifar10_batches, cifar10_files

from nnexp.data.errors import DataError
from nnexp.data.images.cifar10 import ARCHIVE, CIFAR10

BATCHES = cifar10_batches()
FILES = cifar10_files(BATCHES)
PACKED = cifar10_archive(FILES)


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNEXP_CACHE", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cifar10").mkdir()
    return tmp_path / "cifar10"


def write_files(folder, files=FILES):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def load(folder, **options):
    return CIFAR10(root=str(folder.parent), mirrors=[], **options).load()


def expect(dataset):
    images = np.concatenate([BATCHES[name][1] for name in NAMES[:-1]])
    np.testing.assert_array_equal(dataset.x.reshape(-1, *dataset.shape), images)
    np.testing.assert_array_equal(dataset.y, np.concatenate([BATCHES[name][0] for name in NAMES[:-1]]))
    labels, images = BATCHES["test_batch.bin"]
    np.testing.assert_array_equal(dataset.x_test.reshape(-1, *dataset.shape), images)
    np.testing.assert_array_equal(dataset.y_test, labels)
    assert (dataset.shape, dataset.x.dtype, len(dataset.classes)) == ((3, 32, 32), np.uint8, 10)


@pytest.mark.parametrize("place", ["archive", "cifar-10-batches-bin", "."])
def test_reads_the_archive_or_its_files_then_maps_the_cache(folder, place, monkeypatch):
    if place == "archive":
        (folder / ARCHIVE).write_bytes(PACKED)
    else:
        write_files(folder / place)
    first = load(folder)
    expect(first)
    monkeypatch.setattr(CIFAR10, "read", None)  # the second time the files are not read
    again = load(folder)
    expect(again)
    assert isinstance(again.x.base, np.memmap)
    assert again.sha256 == first.sha256


def cut_tail(content):
    return content[:-100]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (cut_tail(PACKED), "damaged gzip file"),
        (b"", "not an archive, or a damaged one"),
        (b"<html>", "damaged gzip file"),
        (gzip.compress(b"text" * 1000), "not an archive, or a damaged one"),
        (gzip.compress(gzip.decompress(PACKED)[:200_000]), "unexpected end of data"),
        (
            cifar10_archive({"data_batch_1.bin": FILES["data_batch_1.bin"]}),
            "data_batch_2.bin, data_batch_3.bin",
        ),
        (
            cifar10_archive(FILES | {"test_batch.bin": FILES["test_batch.bin"][:-1]}),
            "test_batch.bin: expected records of 3,073 bytes, a label and 3 x 32 x 32 pixels, got 61,459",
        ),
        (
            cifar10_archive(FILES | {"test_batch.bin": b"\x0a" + bytes(3072)}),
            "label 10 in a set of 10 classes",
        ),
        (cifar10_archive({"other": bytes(30_000_000)}), "that unpack to"),
    ],
    ids=[*"abcdefghi"],
)
def test_says_what_is_wrong_with_an_archive(folder, content, message, monkeypatch):
    monkeypatch.setattr("nnexp.array_file.MAX_UNPACKED", 1 << 20)
    (folder / ARCHIVE).write_bytes(content)
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz: ") as error:
        load(folder)
    assert message in str(error.value)


def test_an_unpacked_file_that_is_cut_off_is_named(folder):
    write_files(folder, FILES | {"data_batch_3.bin": FILES["data_batch_3.bin"][:-5]})
    with pytest.raises(DataError, match=r"data_batch_3\.bin: data_batch_3\.bin: expected records"):
        load(folder)


def test_content_is_compared_with_its_first_use_however_it_is_packed(folder):
    (folder / ARCHIVE).write_bytes(PACKED)
    expect(load(folder))
    write_files(folder)
    expect(load(folder))
    changed = bytearray(FILES["data_batch_2.bin"])
    changed[99] ^= 1
    write_files(folder, {"data_batch_2.bin": bytes(changed)})
    with pytest.raises(DataError, match=r"data_batch_2\.bin: not the content of CIFAR-10: .*at first use"):
        load(folder)


@pytest.mark.parametrize("place", ["..", "../cifar-10-batches-bin"])
def test_files_may_lie_in_the_root_itself(folder, place):
    write_files(folder / place)
    expect(load(folder))


@pytest.mark.parametrize(
    ("name", "notice"),
    [
        ("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py holds pickles, which can run code"),
        ("cifar-10-batches-bin/test_batch.bin", "cifar-10-batches-bin lacks data_batch_1.bin, data_batch_2"),
    ],
)
def test_what_is_there_instead_is_said(folder, name, notice, capsys):
    (folder / name).parent.mkdir()
    (folder / name).touch()
    with pytest.raises(DataError):
        load(folder)
    assert notice in capsys.readouterr().err


def test_what_is_missing_is_asked_of_the_mirrors_and_put_by_hand_where_there_are_none(folder):
    write_files(folder, {"data_batch_1.bin": FILES["data_batch_1.bin"]})
    with pytest.raises(
        DataError, match=r"(?s)mirrors is empty.*put cifar-10-binary\.tar\.gz, packed"
    ) as error:
        load(folder)
    assert str(folder) in str(error.value)


def test_the_archive_is_downloaded_only_with_its_public_checksum(folder, monkeypatch):
    asked = []

    def download(name, mirrors, target, checksum):
        asked.append((name, checksum))
        target.mkdir(parents=True)
        (target / name).write_bytes(PACKED)

    monkeypatch.setattr("nnexp.data.images.published_set.download", download)
    expect(load(folder))
    assert asked == [(ARCHIVE, CIFAR10.packed_sha256[ARCHIVE])]
    assert sha256(PACKED).hexdigest() != asked[0][1]
