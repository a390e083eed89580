"""A person's own pictures become what the network knows; where drawings lie in their frame is read off the training images."""

import numpy as np
import pytest
from PIL import Image

from nnexp import compose
from nnexp.config import build
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats, box, centre_of_mass, ink_of
from nnexp.serving.image_input import picture, stored

LIKE_MNIST = DrawingStats(20, (14.0, 14.0))


def stroke(height=60, width=40, top=30, left=100, size=(200, 300)):
    """A thick hollow box, heavier below and on the left, from 0 to 1."""
    drawing = np.zeros(size)
    drawing[top : top + height, left : left + width] = 1
    drawing[top + 8 : top + height - 13, left + 11 : left + width - 8] = 0
    return drawing


def saved(path, pixels, mode="L"):
    Image.fromarray((pixels * 255).round().astype(np.uint8), mode if pixels.ndim == 2 else None).save(path)
    return path


@pytest.fixture(autouse=True)
def quiet_pillow(recwarn):
    """Pillow's own warnings are not ours."""


def test_drawings_are_brought_to_size_and_to_the_middle(alone):
    pixels, notes = picture(saved(alone / "dark.png", stroke()), (28, 28), LIKE_MNIST)
    assert (pixels.shape, pixels.dtype, notes) == ((28, 28), np.float32, ("centred",))
    rows, columns = box(pixels)
    assert rows.stop - rows.start == 20
    assert 12 <= columns.stop - columns.start <= 14, "it keeps its proportions"
    assert np.allclose(centre_of_mass(pixels), 14, atol=0.51)
    assert (pixels.min(), pixels.max()) == (0, 1)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp"])
def test_a_light_background_is_inverted_and_said(alone, ending):
    dark, _ = picture(saved(alone / "dark.png", stroke()), (28, 28), LIKE_MNIST)
    light, notes = picture(saved(alone / f"light.{ending}", 1 - stroke()), (28, 28), LIKE_MNIST)
    assert notes == ("light background: inverted", "centred")
    assert np.abs(light - dark).mean() < 0.02


def test_paper_that_is_grey_and_grainy_is_paper(alone):
    grain = np.random.default_rng(0).normal(0, 0.01, (200, 300))
    faint = 0.7 - 0.4 * stroke() + grain
    clean, _ = picture(saved(alone / "clean.png", stroke()), (28, 28), LIKE_MNIST)
    found, _ = picture(saved(alone / "faint.png", faint.clip(0, 1)), (28, 28), LIKE_MNIST)
    assert np.abs(found - clean).mean() < 0.03


def test_colours_transparency_and_many_bits_are_understood(alone):
    expected, _ = picture(saved(alone / "light.png", 1 - stroke()), (28, 28), LIKE_MNIST)
    ink = (stroke() * 255).astype(np.uint8)
    nothing = np.zeros_like(ink)
    Image.fromarray(np.stack([nothing, nothing, nothing, ink], axis=2)).save(alone / "clear.png")
    Image.fromarray(np.stack([255 - ink] * 3, axis=2)).convert("P").save(alone / "palette.png")
    Image.fromarray(((1 - stroke()) * 65535).astype(np.uint16)).save(alone / "deep.png")
    for name in ("clear", "palette", "deep"):
        pixels, notes = picture(alone / f"{name}.png", (28, 28), LIKE_MNIST)
        assert notes[0] == "light background: inverted", name
        assert np.abs(pixels - expected).max() < 0.02, name


def test_photos_lie_as_the_camera_was_held(alone):
    image = Image.fromarray((stroke() * 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    image.save(alone / "held.png", exif=exif)
    turned, _ = picture(alone / "held.png", (28, 28), LIKE_MNIST)
    rows, columns = box(turned)
    assert columns.stop - columns.start == 20 > rows.stop - rows.start


def test_as_is_and_other_shapes_are_only_brought_to_size(alone):
    light = saved(alone / "light.png", 1 - stroke())
    pixels, notes = picture(light, (28, 28), None)
    assert notes == ("brought to size",)
    assert pixels[0].min() > 0.9
    assert picture(light, (1, 16, 20), None)[0].shape == (1, 16, 20)
    colours = np.zeros((10, 10, 3))
    colours[..., 1] = 1
    pixels, _ = picture(saved(alone / "green.png", colours), (3, 4, 6), None)
    assert pixels.shape == (3, 4, 6)
    assert [channel.mean() for channel in pixels] == [0, 1, 0]


def test_the_middle_may_be_elsewhere_but_nothing_is_cut(alone):
    pixels, _ = picture(saved(alone / "a.png", stroke()), (28, 28), DrawingStats(20, (2.0, 27.0)))
    rows, columns = box(pixels)
    assert (rows.start, columns.stop) == (0, 28)


@pytest.mark.parametrize("grey", [0, 1, 0.4])
def test_a_blank_picture_is_refused(alone, grey):
    with pytest.raises(PredictorError, match="nothing is drawn in it; --as-is"):
        picture(saved(alone / "blank.png", np.full((20, 20), grey)), (28, 28), LIKE_MNIST)


def test_what_is_no_picture_is_said(alone):
    (alone / "text.png").write_text("no picture")
    saved(alone / "whole.png", stroke())
    (alone / "cut.png").write_bytes((alone / "whole.png").read_bytes()[:60])
    for name in ("text.png", "cut.png", "none.png"):
        with pytest.raises(PredictorError, match=name):
            picture(alone / name, (28, 28), LIKE_MNIST)
    with pytest.raises(PredictorError, match="takes no pictures"):
        picture(alone / "whole.png", (64,), None)


def test_pixels_are_stored_as_the_data_set_stores_them():
    pixels = np.array([0, 0.5, 1], np.float32)
    assert stored(pixels, 1 / 16, np.dtype(np.uint8)).tolist() == [0, 8, 16]
    assert stored(pixels, 1 / 255, np.dtype(np.float32)).tolist() == [0, 127.5, 255]
    assert stored(pixels, 1.0, np.dtype(np.float32)).tolist() == [0, 0.5, 1]


def test_where_drawings_lie_is_read_off_the_training_images():
    digits = build(compose(["data=digits"])).data.load()
    ink = ink_of(digits.x, digits.shape)
    assert ink.extent == 8
    assert np.allclose(ink.centre, 3.5, atol=0.1)
    small = np.zeros((4, 28, 28), np.uint8)
    small[:, 4:24, 8:20] = 255
    assert (
        ink_of(small.reshape(4, -1), (28, 28))
        == ink_of(small.reshape(4, -1), (1, 28, 28))
        == DrawingStats(20, (13.5, 13.5))
    )


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (np.random.default_rng(0).integers(100, 255, (9, 64)), (8, 8)),
        (np.zeros((9, 64)), (8, 8)),
        (np.zeros((0, 64)), (8, 8)),
        (np.eye(9, 64), (64,)),
        (np.eye(9, 192), (3, 8, 8)),
        (np.eye(9, 64), (4, 16)),
    ],
    ids=["photographs", "blank", "none", "a table", "colours", "not square"],
)
def test_other_images_are_no_drawings(images, shape):
    assert ink_of(images, shape) is None


def test_a_digit_drawn_large_and_dark_is_still_that_digit(mnist_root, alone, monkeypatch):
    monkeypatch.setenv("NNEXP_DATA", str(mnist_root))
    data = build(compose(["data=mnist"])).data.load()
    ink = ink_of(data.x, data.shape)
    assert ink.extent == 20
    assert np.allclose(ink.centre, 14, atol=0.1)
    alike = []
    for n in range(20):
        digit = data.x_test[n].reshape(28, 28)
        large = np.asarray(Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)) / 255
        paper = np.full((500, 400), 0.95)
        paper[37 : 37 + 280, 11 : 11 + 280] -= 0.9 * large
        pixels, _ = picture(saved(alone / "large.png", paper), (28, 28), ink)
        alike.append(np.corrcoef(pixels.reshape(-1), digit.reshape(-1))[0, 1])
    assert np.mean(alike) > 0.95
    assert np.min(alike) > 0.7, "a pixel beside"
