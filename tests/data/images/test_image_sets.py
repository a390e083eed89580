"""The MNIST family on small sets of our own making: read, downloaded, verified, cached."""

import errno
import gzip
import http.server
import os
import shutil
import threading
from functools import partial
from hashlib import sha256
from unittest.mock import Mock

import numpy as np
import pytest
from fixtures.image_files import idx

from nnexp.data.dataset import digest
from nnexp.data.errors import DataError
from nnexp.data.images import folders
from nnexp.data.images.array_cache import load_cached, load_or_build
from nnexp.data.images.image_sets import FILES, MNIST, FashionMNIST, ImageSet, packed

RNG = np.random.default_rng(0)
SIZES = {"train_images": (50, 28, 28), "train_labels": (50,)}
SIZES |= {"test_images": (20, 28, 28), "test_labels": (20,)}


LIMIT = {1: 10, 3: 256}  # classes, grey levels
CONTENT = {key: RNG.integers(0, LIMIT[len(shape)], shape, np.uint8) for key, shape in SIZES.items()}


class Small(ImageSet):
    name, title = "small", "Small"
    classes = tuple("0123456789")
    packed_sha256 = packed(*(sha256(gzip.compress(idx(CONTENT[key]), mtime=0)).hexdigest() for key in FILES))
    sha256 = tuple(sha256(idx(CONTENT[key])).hexdigest() for key in FILES)


class Unverified(Small):
    """The same without a public SHA-256."""

    sha256 = ()


def write(folder, compressed=True, **changed):
    folder.mkdir(parents=True, exist_ok=True)
    for key, name in FILES.items():
        content = idx(changed.get(key, CONTENT[key]))
        (folder / (f"{name}.gz" if compressed else name)).write_bytes(
            gzip.compress(content, mtime=0) if compressed else content
        )


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNEXP_CACHE", str(tmp_path / "user-cache"))
    return tmp_path / "user-cache"


def load(root, kind=Small, mirrors=()):
    return kind(validation=0.2, root=str(root), mirrors=list(mirrors)).load()


def expect(dataset):
    np.testing.assert_array_equal(dataset.x, CONTENT["train_images"].reshape(50, 784))
    np.testing.assert_array_equal(dataset.y, CONTENT["train_labels"])
    np.testing.assert_array_equal(dataset.x_test, CONTENT["test_images"].reshape(20, 784))
    np.testing.assert_array_equal(dataset.y_test, CONTENT["test_labels"])
    assert (dataset.shape, dataset.x.dtype, dataset.y.dtype) == ((28, 28), np.uint8, np.int64)


@pytest.mark.parametrize("compressed", [True, False], ids=["gz", "raw"])
def test_reads_the_four_files_then_maps_the_cache(tmp_path, compressed, monkeypatch):
    write(tmp_path / "small", compressed)
    first = load(tmp_path)
    expect(first)
    monkeypatch.setattr(Small, "read", None)  # the second time the files are not read
    again = load(tmp_path)
    expect(again)
    assert isinstance(again.x.base, np.memmap)
    assert again.sha256 == first.sha256


def cut(content):
    return content[:-100]


def flip(content):
    return content[:-1] + bytes([content[-1] ^ 1])


MANIFESTS = ["[" * 9999, "{}", '{"sizes": []}', '{"sizes": {}, "sha256": "", "made_from": null}', "nonsense"]


def test_a_cache_that_an_earlier_version_made_in_the_folder_is_enough(tmp_path, user_cache):
    write(tmp_path / "given" / "small")
    load(tmp_path / "given")
    (entry,) = (user_cache / "arrays").iterdir()
    shutil.copytree(entry, tmp_path / "old" / "small" / "cache")
    expect(load(tmp_path / "old"))


@pytest.mark.parametrize(
    "changed",
    [
        {"train_images": None},
        {"train_images": CONTENT["train_images"] ^ 1},
        {"train_images": CONTENT["train_images"].astype(np.float32)},
        {"train_images": CONTENT["train_images"].reshape(50, -1)},
        {"train_labels": CONTENT["train_labels"][1:]},
        {"test_labels": CONTENT["test_labels"] + 10},
        {"another": CONTENT["test_labels"]},
    ],
    ids=[*"abcdefg"],
)
def test_a_cache_of_other_content_that_came_with_a_folder_is_not_used(tmp_path, changed):
    folder = tmp_path / "given" / "small" / "cache"
    folder.mkdir(parents=True)
    arrays = {name: array for name, array in (CONTENT | changed).items() if array is not None}
    load_or_build(folder, {}, lambda: (arrays, digest(*arrays.values())))
    assert load_cached(folder) is not None
    with pytest.raises(DataError, match="small"):
        load(tmp_path / "given")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
@pytest.mark.parametrize("name", ["manifest.json", "train_images.npy", "first-use.json"])
def test_a_pipe_in_the_cache_never_blocks(tmp_path, name, user_cache):
    write(tmp_path / "small")
    load(tmp_path, Unverified)
    (path,) = user_cache.rglob(f"*{name}")
    path.unlink()
    os.mkfifo(path)
    if name == "first-use.json":
        next(user_cache.rglob("manifest.json")).unlink()
        with pytest.raises(DataError, match=r"not a readable record of first use: .*pipe"):
            load(tmp_path, Unverified)
    else:
        expect(load(tmp_path, Unverified))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("train_images.npy", cut),
        ("train_labels.npy", flip),
        *(("manifest.json", lambda _, text=text: text.encode()) for text in MANIFESTS),
    ],
)
def test_a_damaged_cache_is_built_again(tmp_path, file, damage, user_cache):
    write(tmp_path / "small")
    load(tmp_path)
    (path,) = (user_cache / "arrays").glob(f"small-*/{file}")
    path.write_bytes(damage(path.read_bytes()))
    expect(load(tmp_path))


def state(folder):
    """Everything that a folder holds, with the times of the last changes."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in (folder, *folder.rglob("*"))
    }


@pytest.mark.parametrize("kind", [Small, Unverified])
def test_a_given_folder_is_only_read(tmp_path, kind, server):
    address, folder = server
    write(folder)
    write(tmp_path / "given" / "small")
    (tmp_path / "given" / "small" / f"{FILES['test_labels']}.gz").unlink()
    before = state(tmp_path / "given")
    for _ in range(2):
        expect(load(tmp_path / "given", kind, mirrors=[address]))
    assert state(tmp_path / "given") == before


def test_the_cache_never_serves_other_content(tmp_path):
    """Of another folder, or of other files in the same place, also where their times are all 0."""
    folders = [tmp_path / name for name in ("a", "b")]
    changed = flipped(CONTENT["train_images"])
    write(folders[0] / "small", compressed=False)
    write(folders[1] / "small", compressed=False, train_images=changed)
    for file in tmp_path.rglob("*ubyte"):
        os.utime(file, (0, 0))
    expect(load(folders[0], Unverified))
    assert (load(folders[1], Unverified).x == changed.reshape(50, -1)).all()
    expect(load(folders[0], Unverified))
    (folders[0] / "small").rename(tmp_path / "aside")
    (folders[1] / "small").rename(folders[0] / "small")
    with pytest.raises(DataError, match="at first use"):
        load(folders[0], Unverified)


def test_a_link_to_a_folder_shares_its_cache(tmp_path, user_cache):
    write(tmp_path / "given" / "small")
    (tmp_path / "link").symlink_to("given")
    expect(load(tmp_path / "given"))
    expect(load(tmp_path / "link"))
    assert len(list((user_cache / "arrays").iterdir())) == 1


@pytest.mark.parametrize("problem", ["a file is there", "no home", "full disk"])
def test_without_a_cache_that_can_be_written_the_arrays_stay_in_memory(tmp_path, problem, monkeypatch):
    write(tmp_path / "given" / "small")
    monkeypatch.delenv("NNEXP_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / ("file" if problem == "a file is there" else "home")))
    if problem == "no home":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", lambda _: {}["no such user"])
    if problem == "full disk":
        error = OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr("nnexp.data.images.array_cache.write_atomically", Mock(side_effect=error))
    expect(load(tmp_path / "given", Unverified))
    assert not list(tmp_path.rglob("*.npy"))
    with pytest.raises(DataError, match="small"):
        load("~/none", mirrors=["http://127.0.0.1:1"])
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NNEXP_CACHE": "own", "XDG_CACHE_HOME": "/x"}, "own"),
        ({"NNEXP_CACHE": "~/own"}, "home/own"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/nnexp"),
        ({"XDG_CACHE_HOME": "relative"}, "home/.cache/nnexp"),
        ({"XDG_CACHE_HOME": ""}, "home/.cache/nnexp"),
        ({}, "home/.cache/nnexp"),
    ],
    ids=str,
)
def test_the_cache_is_where_the_user_wants_it(variables, expected, monkeypatch, tmp_path):
    for name in ("NNEXP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables | {"HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(name, value)
    assert folders.user_cache() == tmp_path / expected


def flipped(array):
    changed = array.copy()
    changed.flat[1234] ^= 1
    return changed


@pytest.mark.parametrize(
    ("key", "array", "message"),
    [
        ("train_images", flipped(CONTENT["train_images"]), "not the content of Small: expected SHA-256"),
        ("train_labels", CONTENT["train_labels"][:-1], "49 labels"),
        ("test_images", CONTENT["test_images"][:, :1], "not the content of Small"),
        ("test_images", CONTENT["test_labels"], "check whether two files are swapped"),
        ("test_labels", np.full(20, 11, np.uint8), "label 11 in a set of 10 classes"),
    ],
)
@pytest.mark.parametrize("cached_before", [False, True])
def test_wrong_content_is_an_error_and_never_cached(tmp_path, key, array, message, cached_before):
    if cached_before:
        write(tmp_path / "small")
        load(tmp_path)
    write(tmp_path / "small", **{key: array})
    with pytest.raises(DataError, match=FILES[key]) as error:
        load(tmp_path)
    assert message in str(error.value)
    write(tmp_path / "small")
    expect(load(tmp_path))


@pytest.mark.parametrize("old", [False, True], ids=["", "record of an earlier version"])
def test_content_without_a_public_checksum_is_compared_with_its_first_use(tmp_path, old, user_cache):
    folder = tmp_path / "given" / "small"
    write(folder)
    expect(load(tmp_path / "given", Unverified))
    if old:
        (record,) = (user_cache / "arrays").glob("*-first-use.json")
        record.rename(folder / "cache-first-use.json")
    write(folder, train_images=flipped(CONTENT["train_images"]))
    with pytest.raises(DataError, match=r"first.use"):
        load(tmp_path / "given", Unverified)


@pytest.mark.parametrize("content", ["{}", "[]", "nonsense", ""])
def test_a_damaged_record_of_first_use_is_an_error(tmp_path, content, user_cache):
    write(tmp_path / "small")
    load(tmp_path, Unverified)
    (record,) = user_cache.rglob("*first-use.json")
    record.write_text(content)
    (manifest,) = user_cache.rglob("manifest.json")
    manifest.unlink()
    with pytest.raises(DataError, match=r"first.use"):
        load(tmp_path, Unverified)


@pytest.fixture
def server(tmp_path):
    """A mirror on this machine; returns its address and the folder that it serves."""
    folder = tmp_path / "served"
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}", folder
        made.shutdown()
        thread.join()


def test_downloads_from_the_first_mirror_that_delivers(tmp_path, server, capfd):
    address, folder = server
    write(folder / "good")
    write(folder / "bad", train_images=flipped(CONTENT["train_images"]))
    mirrors = ["http://127.0.0.1:1/", f"{address}/missing", f"{address}/bad/", f"{address}/good/"]
    expect(load(tmp_path, mirrors=mirrors))
    assert "downloading 4 files" in capfd.readouterr().err


def test_only_what_is_missing_is_downloaded_to_the_users_cache(tmp_path, server, user_cache):
    address, folder = server
    write(folder)
    write(tmp_path / "given" / "small", compressed=False)
    (tmp_path / "given" / "small" / FILES["test_labels"]).unlink()
    expect(load(tmp_path / "given", mirrors=[address]))
    assert [path.name for path in (user_cache / "small").glob("[!.]*")] == [f"{FILES['test_labels']}.gz"]
    expect(load(tmp_path / "given"))


def test_without_any_mirror_the_error_says_what_to_do(tmp_path, server):
    address, folder = server
    write(folder / "bad", train_images=flipped(CONTENT["train_images"]))
    with pytest.raises(DataError) as error:
        load(tmp_path, mirrors=["http://127.0.0.1:1/", f"{address}/missing", f"{address}/bad/"])
    text = str(error.value)
    reasons = ["no connection", "404", "wrong checksum"]
    for expected in (str(tmp_path / "small"), *FILES.values(), "data=digits", *reasons):
        assert expected in text


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_the_sets_have_ten_classes_and_four_checksums(kind):
    assert len(kind.classes) == 10
    assert len(set(kind.packed_sha256.values())) == 4


def test_mnist_itself(mnist_root):
    dataset = MNIST(validation=0.1, root=str(mnist_root), mirrors=[]).load()
    assert (dataset.x.shape, dataset.x_test.shape) == ((60_000, 784), (10_000, 784))
    assert list(np.bincount(dataset.y_test)) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_a_loop_of_links_is_a_folder_without_data(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match=r"data\.mirrors is empty"):
        load(tmp_path / "loop")
