"""Image files of one's own become a data set: of any mode and size, by folder or by table."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnexp.data.errors import DataError
from nnexp.data.images.files import decoded
from nnexp.data.images.files.image_files import ImageFiles

HALF = [255, 255, 0, 0]
MODES = ("L", "RGB", "RGBA", "P", "1", "LA", "CMYK", "I;16")


def saved(path, color=(200, 30, 60), size=(12, 10), mode="RGB", **options):
    """Save an image of one colour."""
    image = Image.new("RGB", size, color)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "P":
        image = image.quantize(8)
    else:
        image = image.convert(mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path.with_suffix(".jpg") if mode == "CMYK" else path, **options)
    return path


def folder(root, per_class=10, classes=("cat", "dog")):
    for c, name in enumerate(classes):
        for i in range(per_class):
            saved(root / name / f"{i}.png", (40 * c, 7 * i, 90))
    return root


def load(path, **settings):
    return ImageFiles(path=str(path), **settings).load()


def test_sub_folders_are_classes_in_natural_order(alone):
    dataset = load(folder(alone / "pets", classes=("10", "9", "cat")))
    assert dataset.classes == ("9", "10", "cat")
    assert dataset.shape == (3, 10, 12)
    assert dataset.x.dtype == np.uint8
    assert (dataset.x.shape, dataset.x_test.shape) == ((24, 360), (6, 360))
    assert np.bincount(dataset.y_test).tolist() == [2, 2, 2]
    first = dataset.source.ids[0]
    expected = np.asarray(Image.open(alone / "pets" / first)).transpose(2, 0, 1).ravel()
    np.testing.assert_array_equal(dataset.x[0], expected)
    assert dataset.classes[dataset.y[0]] == first.partition("/")[0]


def test_all_modes_are_read_as_eight_bits_of_one_shape(alone):
    for i, mode in enumerate(MODES):
        for name in "ab":
            saved(alone / "modes" / name / f"{i}.png", (200, 200, 200), (20 + i, 30), mode)
    rgb = load("modes", size=8, color="rgb", test=0)
    assert rgb.shape == (3, 8, 8)
    of_mode = dict(zip(rgb.source.ids, rgb.x.reshape(-1, 192), strict=True))
    black_and_white = of_mode.pop("a/4.png"), of_mode.pop("b/4.png")
    assert all(np.abs(pixels.astype(int) - 200).max() <= 3 for pixels in of_mode.values())
    assert {0, 255} >= set(np.unique(np.round(black_and_white, -2) // 200 * 255))
    assert load("modes", size=8, color="grey").shape == (8, 8)


def test_images_without_colours_are_grey_whatever_their_mode(alone):
    for name in "ab":
        for i, mode in enumerate(("L", "RGB", "RGBA", "P") * 2):
            saved(alone / "grey" / name / f"{i}.png", (i * 30,) * 3, mode=mode)
    dataset = load("grey", test=0)
    assert dataset.shape == (10, 12)
    values = {
        name.partition("/")[2]: pixels.max()
        for name, pixels in zip(dataset.source.ids, dataset.x, strict=True)
    }
    assert values == {f"{i}.png": i * 30 for i in range(8)}
    saved(alone / "grey" / "a" / "9.png", (10, 20, 30))
    assert load("grey", test=0).shape == (3, 10, 12), "one image of colours, and the cache is built again"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("stretch", [[255, 255, 0, 0]] * 4),
        ("crop", [[255, 255, 0, 0]] * 4),
        ("pad", [[0] * 4, HALF, HALF, [0] * 4]),
    ],
)
def test_the_rule_of_resizing(alone, rule, expected):
    wide = np.zeros((40, 80), np.uint8)
    wide[:, :40] = 255
    for name in "ab":
        (alone / "wide" / name).mkdir(parents=True)
        Image.fromarray(wide).save(alone / "wide" / name / "x.png")
    images = load("wide", size=4, resize=rule, test=0, validation=0).x.reshape(-1, 4, 4)
    np.testing.assert_allclose(images[0], expected, atol=50)


def test_sizes_that_differ_become_32_and_a_pair_is_height_and_width(alone):
    folder(alone / "pets")
    saved(alone / "pets" / "cat" / "large.png", size=(300, 200))
    dataset = load("pets")
    assert dataset.shape == (3, 32, 32)
    assert any("32 x 32 pixels, rgb, resized: stretch" in note for note in dataset.notes)
    assert load("pets", size=[6, 9]).shape == (3, 6, 9)


def test_a_photograph_is_turned_as_the_camera_was_and_transparent_pixels_are_white(alone):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "ab":
        saved(alone / "turned" / name / "x.jpg", size=(20, 10), exif=exif)
    assert load("turned", test=0).shape == (3, 20, 10)
    for name in "ab":
        path = saved(alone / "clear" / name / "x.png")
        Image.new("RGBA", (5, 5), (0, 0, 0, 0)).save(path)
    assert (load("clear", test=0).x == 255).all()


def test_damaged_files_are_named_and_left_out_or_refused(alone):
    folder(alone / "pets")
    good = (alone / "pets" / "cat" / "0.png").read_bytes()
    (alone / "pets" / "cat" / "cut.png").write_bytes(good[:45])
    (alone / "pets" / "dog" / "empty.jpg").touch()
    (alone / "pets" / "dog" / "gone.png").symlink_to("nowhere")
    for _ in range(2):  # the second time from the cache
        dataset = load("pets")
        assert len(dataset.y) + len(dataset.y_test) == 20
        assert not {"cat/cut.png", "dog/empty.jpg", "dog/gone.png"} & set(dataset.source.ids)
        heading, *lines = dataset.left_out
        assert heading == "3 of 23 files cannot be read as images:"
        names = ("cat/cut.png: ", "dog/empty.jpg: the file is empty", "dog/gone.png: No such file")
        assert [line.startswith(name) for line, name in zip(lines, names, strict=True)] == [True] * 3
    with pytest.raises(
        DataError, match=r"(?s)cat/cut\.png.*dog/empty\.jpg.*fix: repair or delete them"
    ) as error:
        load("pets", broken="error")
    assert "data.broken=skip" in str(error.value)


def test_a_cached_set_is_mapped_and_a_changed_file_is_read_again(alone):
    folder(alone / "pets")
    before = load("pets")
    again = load("pets")
    assert isinstance(again.x.base, np.memmap | np.ndarray)
    assert again.sha256 == before.sha256
    name = before.source.ids[0]
    saved(alone / "pets" / name, (1, 2, 3))
    assert load("pets").sha256 != before.sha256


def test_folders_of_splits_are_kept(alone):
    for split, count in (("train", 6), ("val", 3), ("test", 2)):
        folder(alone / "pets" / split, count)
    dataset = load("pets")
    assert (len(dataset.y), len(dataset.y_test)) == (18, 4)
    assert all(name.startswith("test/") for name in dataset.source_test.ids)
    validation = {name.partition("/")[0] for name in dataset.source.ids[dataset.assigned]}
    assert validation == {"val"}
    assert load("pets", folds=3).assigned is None, "a cross-validation draws its own"


def test_classes_may_have_the_names_of_splits(alone):
    assert load(folder(alone / "vehicles", classes=("train", "bus"))).classes == ("bus", "train")


def test_another_folder_may_hold_the_test_images(alone):
    folder(alone / "pets", 5)
    folder(alone / "later", 3)
    dataset = load("pets", test_path="later")
    assert (len(dataset.y), len(dataset.y_test)) == (10, 6)
    with pytest.raises(DataError, match=r"test images would be those of training.*data\.test_path=null"):
        load("pets", test_path="pets")


def test_hidden_files_others_links_and_deeper_folders(alone):
    folder(alone / "pets", 3)
    saved(alone / "pets" / "cat" / "deep" / "er" / "x.png")
    (alone / "pets" / "cat" / "deep" / "loop").symlink_to(alone / "pets" / "cat")
    (alone / "pets" / "cat" / "up").symlink_to("..")
    (alone / "pets" / ".git").mkdir()
    (alone / "pets" / "dog" / ".hidden.png").touch()
    (alone / "pets" / "dog" / "notes.txt").touch()
    (alone / "pets" / "empty").mkdir()
    saved(alone / "elsewhere" / "0.png")
    (alone / "pets" / "linked").symlink_to(alone / "elsewhere")
    (alone / "pets" / "itself").symlink_to("itself")
    (alone / "pets" / "dog" / "itself").symlink_to("itself")
    dataset = load("pets", test=0)
    assert dataset.classes == ("cat", "dog", "linked")
    assert len(dataset.y) == 8
    notes = "\n".join(dataset.notes)
    assert "no classes: empty" in notes
    assert "2 files with other endings not read: itself, notes.txt" in notes


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_of_any_bytes_become_text(alone):
    folder(alone / "pets", 3)
    odd = os.fsdecode(b"pets/caf\xe9/\xff.png")
    saved(Path(odd))
    dataset = load("pets", test=0)
    assert dataset.classes == ("caf\ufffd", "cat", "dog")
    assert "caf\ufffd/\ufffd.png" in dataset.source.ids


def test_what_fits_nowhere_is_refused(monkeypatch):
    monkeypatch.setattr(decoded, "available_memory", lambda: 1000)
    monkeypatch.setattr(decoded, "user_cache", lambda: None)
    with pytest.raises(DataError, match=r"fit neither into the cache nor into memory; fix: choose a smaller"):
        decoded.empty_bytes((1000, 32, 32))


def test_many_pixels_are_decoded_into_a_file(alone, monkeypatch):
    in_memory = load(folder(alone / "pets"))
    monkeypatch.setattr(decoded, "IN_MEMORY", 0)
    monkeypatch.setenv("NNEXP_CACHE", str(alone / "cache"))
    assert load("pets").sha256 == in_memory.sha256
    assert isinstance(decoded.empty_bytes((2, 3)), np.memmap)
    assert [path.name for path in (alone / "cache").iterdir()] == ["arrays"], "the file has no name"


def test_folders_that_are_no_data_sets(alone):
    saved(alone / "flat" / "x.png")
    with pytest.raises(DataError, match="no sub-folders; expected a folder with a sub-folder of images"):
        load("flat")
    with pytest.raises(DataError, match="no such folder or file"):
        load("none")
    with pytest.raises(DataError, match="all images are of one class, 'cat'; expected at least two"):
        load(folder(alone / "one", classes=("cat",)))
    (alone / "vacant" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="no images in its 1 sub-folder; expected"):
        load("vacant")
    (alone / "vacant" / "a" / "x.tiff").touch()
    with pytest.raises(DataError, match=r"but 1 file with other endings: x\.tiff; .*fix: convert them"):
        load("vacant")
    with pytest.raises(DataError, match=r"x\.png: a single image; .*name the folder above"):
        load("flat/x.png")
    (alone / "pets.tar.gz").touch()
    with pytest.raises(DataError, match=r"an archive is not read; .*unpack it"):
        load("pets.tar.gz")
    folder(alone / "other" / "train", 3)
    folder(alone / "other" / "test", 3, ("cat", "cow"))
    with pytest.raises(DataError, match="classes without a training image: cow"):
        load("other")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_named(alone):
    folder(alone / "pets")
    (alone / "pets" / "cat").chmod(0)
    with pytest.raises(DataError, match=r"pets/cat: cannot be read: Permission denied"):
        load("pets")


def test_a_table_names_files_classes_and_splits(alone):
    folder(alone / "pictures", 6)
    rows = [f"cat/{i}.png,feline,{'train' if i < 4 else 'test'}" for i in range(6)]
    rows += [f"dog/{i},canine,{'train' if i < 4 else 'valid'}" for i in range(6)]
    (alone / "labels.csv").write_text("\n".join(["image,species,Split", *rows]))
    dataset = load("labels.csv", folder="pictures")
    assert dataset.classes == ("canine", "feline")
    assert (len(dataset.y), len(dataset.y_test), dataset.assigned.sum()) == (10, 2, 2)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("file,label\na.png,x\na.png,y\n", "named more than once: a.png"),
        ("file,label\na.png,\nb.png,y\n", "the column 'label' is empty"),
        ("file,label,split\na.png,x,later\n", "expected a split of"),
        ("name,label\nx,x\ny,y\n", "no column names image files"),
        ("file,size,kind\na.png,1,x\n", "data.target=size or data.target=kind"),
        ("file,age\na.png,1.5\nb.png,2.5\n", "the column 'age' holds numbers, expected classes: 1.5"),
        ("file,label\nC:\\a.png,x\nC:\\b.png,y\n", "paths of this machine, or relative ones"),
        ("file,label\na.png,x\nb.png,y\n", "name the folder that the files are relative to"),
    ],
    ids=range(8),
)
def test_tables_that_name_no_data_set_are_refused(alone, rows, problem):
    (alone / "labels.csv").write_text(rows)
    with pytest.raises(DataError, match=r"labels\.csv: ") as error:
        load("labels.csv", test=0)
    assert problem in str(error.value)


def test_a_column_of_names_without_endings_is_known_by_the_files(alone):
    folder(alone / "train", 3, ("images",))
    (alone / "labels.csv").write_text("id,breed\n0,pug\n1,poodle\n2,pug\n")
    dataset = load("labels.csv", folder="train/images", test=0)
    assert dataset.source.ids.tolist() == ["0.png", "1.png", "2.png"]
    with pytest.raises(DataError, match=r"nowhere: data\.folder: no such folder"):
        load("labels.csv", folder="nowhere")


def test_images_that_belong_to_no_class_or_split_are_counted(alone):
    folder(alone / "pets" / "train", 3)
    saved(alone / "pets" / "test" / "unknown.png")
    folder(alone / "old" / "cat", 3, ("train", "test"))
    folder(alone / "old" / "dog", 3, ("train", "test"))
    assert "test: 1 image beside the folders of classes not read" in load("pets").notes
    assert any("test, train within folders of classes are no splits" in note for note in load("old").notes)


def test_classes_without_images_to_train_on_are_named(alone):
    folder(alone / "single", 1, ("a", "b", "c"))
    with pytest.raises(DataError, match=r"a single image.*set data\.test=0 data\.validation=0"):
        load("single")
    assert len(load("single", test=0).y) == 3
    saved(alone / "single" / "a" / "1.png")
    with pytest.raises(DataError, match=r"all are drawn for the test; .*set data\.stratify=true"):
        load("single", test=0.9, stratify=False)


def test_channels_are_standardized_over_the_training_images(alone):
    dataset = load(folder(alone / "pets"), standardize=True)
    rows = np.arange(len(dataset.y))[::2]
    pixels = dataset.x[rows].reshape(len(rows), 3, -1) / 255
    np.testing.assert_allclose(dataset.fit_scaling(rows).mean, pixels.mean(axis=(0, 2)), 1e-12)


def test_a_run_predicts_its_own_files_as_it_was_trained(alone, nnexp):
    for c, name in enumerate(("dark", "light")):
        for i in range(20):
            saved(alone / "shades" / name / f"{i}.png", (180 * c + i, 90 * c, 30), (20 + i, 30))
    run = ["data=images", "data.path=shades", "data.size=8", "model=cnn", "trainer.epochs=8", "tracking=none"]
    assert "skipped" not in nnexp(*run, "trainer.batch_size=8", "hydra.run.dir=run").stdout
    predicted = nnexp("predict", "run", "shades", "--out", "p.csv").stdout
    assert "shades: 40 rows" in predicted
    assert "accuracy 100.00% on 40 rows with true values" in predicted
    assert "dark/0.png" in (alone / "p.csv").read_text()
    (alone / "shades" / "light" / "0.png").write_bytes(b"")
    assert "not read: shades/light/0.png" in nnexp("predict", "run", "shades").stdout
    single = nnexp("predict", "run", "shades/light/3.png").stdout
    assert single.startswith("shades/light/3.png  light")


def test_a_sweep_names_damaged_files_once(alone, nnexp):
    folder(alone / "pets", 20)
    (alone / "pets" / "dog" / "cut.png").touch()
    run = ["data=images", "data.path=pets", "trainer.epochs=1", "tracking=none", "trainer.batch_size=8"]
    shown = nnexp("-m", *run, "seed=0,1").stdout
    assert shown.count("skipped: 1 of 41 files cannot be read as images: dog/cut.png: the file is empty") == 1
