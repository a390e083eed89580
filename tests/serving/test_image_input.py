"""Image files become examples like the training images, whose size and position of drawings are measured."""

import numpy as np
import pytest
from PIL import Image

from nnexp import compose
from nnexp.config import build
from nnexp.preprocessing.errors import ImageFileError
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats, bounding_box, centres_of_mass
from nnexp.serving.image_input import as_stored, read_image

MNIST = DrawingStats(20, (14.0, 14.0))
SHAPE = (28, 28)


def drawing(height=60, width=40, top=30, left=100, size=(200, 300)):
    """A thick hollow box, heavier below and on the left, from 0 to 1."""
    pixels = np.zeros(size)
    pixels[top : top + height, left : left + width] = 1
    pixels[top + 8 : top + height - 13, left + 11 : left + width - 8] = 0
    return pixels


def saved(path, pixels):
    Image.fromarray((pixels * 255).round().astype(np.uint8)).save(path)
    return path


@pytest.fixture
def dark(alone):
    return read_image(saved(alone / "dark.png", drawing()), SHAPE, MNIST)[0]


def test_drawings_are_resized_and_centred(dark):
    assert (dark.shape, dark.dtype) == (SHAPE, np.float32)
    rows, columns = bounding_box(dark)
    assert rows.stop - rows.start == 20
    assert 12 <= columns.stop - columns.start <= 14, "it keeps its proportions"
    assert np.allclose(centres_of_mass(dark[None]), 14, atol=0.51)
    assert (dark.min(), dark.max()) == (0, 1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp"])
def test_a_light_background_is_inverted(alone, dark, suffix):
    light, notes = read_image(saved(alone / f"light.{suffix}", 1 - drawing()), SHAPE, MNIST)
    assert notes == ("light background: inverted", "centred")
    assert np.abs(light - dark).mean() < 0.02


def test_a_grey_background_is_background(alone, dark):
    grey, _ = read_image(saved(alone / "grey.png", 0.7 - 0.4 * drawing()), SHAPE, MNIST)
    assert np.abs(grey - dark).mean() < 0.02


def test_transparency_palettes_16_bits_and_rotation_are_read(alone, dark):
    strokes = (drawing() * 255).astype(np.uint8)
    black = np.zeros_like(strokes)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    turned = np.rot90(255 - strokes)
    Image.fromarray(np.stack([black, black, black, strokes], axis=2)).save(alone / "transparent.png")
    Image.fromarray(np.stack([255 - strokes] * 3, axis=2)).convert("P").save(alone / "palette.png")
    Image.fromarray(((1 - drawing()) * 65535).astype(np.uint16)).save(alone / "deep.png")
    Image.fromarray(turned).save(alone / "turned.png", exif=exif)
    for name in ("transparent", "palette", "deep", "turned"):
        pixels, _ = read_image(alone / f"{name}.png", SHAPE, MNIST)
        assert np.abs(pixels - dark).max() < 0.02, name


def test_images_without_drawings_are_only_resized(alone):
    light = saved(alone / "light.png", 1 - drawing())
    pixels, notes = read_image(light, SHAPE, None)
    assert notes == ("resized",)
    assert pixels[0].min() > 0.9
    assert read_image(light, (1, 16, 20), None)[0].shape == (1, 16, 20)
    green = np.zeros((10, 10, 3))
    green[..., 1] = 1
    pixels, _ = read_image(saved(alone / "green.png", green), (3, 4, 6), None)
    assert pixels.shape == (3, 4, 6)
    assert [channel.mean() for channel in pixels] == [0, 1, 0]


def test_a_drawing_near_the_border_is_not_cut(alone):
    pixels, _ = read_image(saved(alone / "a.png", drawing()), SHAPE, DrawingStats(20, (2.0, 27.0)))
    rows, columns = bounding_box(pixels)
    assert (rows.start, columns.stop) == (0, 28)


@pytest.mark.parametrize("grey", [0, 1, 0.4])
def test_a_blank_image_is_refused(alone, grey):
    with pytest.raises(PredictorError, match="blank; --as-is"):
        read_image(saved(alone / "blank.png", np.full((20, 20), grey)), SHAPE, MNIST)


def test_files_that_are_no_images_are_named(alone):
    (alone / "text.png").write_text("no image")
    saved(alone / "whole.png", drawing())
    (alone / "cut.png").write_bytes((alone / "whole.png").read_bytes()[:60])
    for name in ("text.png", "cut.png", "none.png"):
        with pytest.raises(ImageFileError, match=name):
            read_image(alone / name, SHAPE, MNIST)
    with pytest.raises(PredictorError, match="takes no images"):
        read_image(alone / "whole.png", (64,), None)


@pytest.mark.parametrize(
    ("scale", "dtype", "expected"),
    [(1 / 16, "uint8", [0, 8, 16]), (1 / 255, "float32", [0, 127.5, 255]), (1.0, "float32", [0, 0.5, 1])],
)
def test_pixels_have_the_range_and_type_of_the_data_set(scale, dtype, expected):
    assert as_stored(np.array([0, 0.5, 1], np.float32), scale, np.dtype(dtype)).tolist() == expected


def test_size_and_centre_of_drawings_are_measured():
    digits = build(compose(["data=digits"])).data.load()
    stats = DrawingStats.of(digits.x, digits.shape)
    assert stats.size == 8
    assert np.allclose(stats.centre, 3.5, atol=0.1)
    small = np.zeros((4, 28, 28), np.uint8)
    small[:, 4:24, 8:20] = 255
    for shape in ((28, 28), (1, 28, 28)):
        assert DrawingStats.of(small.reshape(4, -1), shape) == DrawingStats(20, (13.5, 13.5))


PHOTOGRAPHS, BLANK = np.random.default_rng(0).integers(100, 255, (9, 64)), np.zeros((9, 64))
OF_NO_DRAWINGS = [(PHOTOGRAPHS, (8, 8)), (BLANK, (8, 8)), (BLANK[:0], (8, 8))]
OF_NO_DRAWINGS += [(np.eye(9, 64), (64,)), (np.eye(9, 192), (3, 8, 8)), (np.eye(9, 64), (4, 16))]


@pytest.mark.parametrize(("images", "shape"), OF_NO_DRAWINGS)
def test_other_data_are_no_drawings(images, shape):
    assert DrawingStats.of(images, shape) is None


def test_a_large_dark_digit_becomes_the_mnist_digit(mnist_root, alone, monkeypatch):
    monkeypatch.setenv("NNEXP_DATA", str(mnist_root))
    data = build(compose(["data=mnist"])).data.load()
    stats = DrawingStats.of(data.x, data.shape)
    assert stats.size == 20
    assert np.allclose(stats.centre, 14, atol=0.1)
    correlations = []
    for digit in data.x_test[:20].reshape(-1, 28, 28):
        large = np.asarray(Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)) / 255
        paper = np.full((500, 400), 0.95)
        paper[37 : 37 + 280, 11 : 11 + 280] -= 0.9 * large
        pixels, _ = read_image(saved(alone / "large.png", paper), SHAPE, stats)
        correlations.append(np.corrcoef(pixels.reshape(-1), digit.reshape(-1))[0, 1])
    assert np.mean(correlations) > 0.95
    assert np.min(correlations) > 0.7, "off by a pixel"
