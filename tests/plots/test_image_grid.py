import subprocess
import sys

import numpy as np
import pytest

from nnexp.cli.commands.look import main
from nnexp.errors import UserError
from nnexp.plots.image_grid import FRAME, gallery, sheet

LABELS = ("before", "after")


def images(n, shape):
    return np.random.default_rng(0).random((n, int(np.prod(shape))))


def test_images_are_laid_out_in_rows_of_eight_dark_on_white():
    x = images(64, (5, 4))
    laid_out = sheet(x, (5, 4))
    assert laid_out.shape == (8 * 6 - 1, 8 * 5 - 1, 3)
    np.testing.assert_array_equal(laid_out[:5, :4, 0], 1 - x[0].reshape(5, 4))
    np.testing.assert_array_equal(laid_out[:5, 5:9, 2], 1 - x[1].reshape(5, 4))
    np.testing.assert_array_equal(laid_out[6:11, :4, 1], 1 - x[8].reshape(5, 4))
    assert (laid_out[5] == FRAME).all()


def test_three_channels_are_colours_and_other_numbers_become_grey():
    x = images(10, (3, 6, 6))
    np.testing.assert_array_equal(sheet(x, (3, 6, 6))[:6, :6], x[0].reshape(3, 6, 6).transpose(1, 2, 0))
    x = images(10, (2, 6, 6))
    np.testing.assert_array_equal(sheet(x, (2, 6, 6))[:6, :6, 0], 1 - x[0].reshape(2, 6, 6).mean(axis=0))


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (3, 32, 32), (90, 110), (1, 200)], ids=str)
@pytest.mark.parametrize("n", [1, 10, 64])
def test_both_panels_show_every_pixel_as_a_square_of_the_same_size(n, shape, tmp_path):
    figure = gallery(images(n, shape), images(n, shape), shape, "digits", LABELS)
    figure.savefig(tmp_path / "gallery.png")
    assert (tmp_path / "gallery.png").stat().st_size > 1000
    left, right = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(LABELS)
    for axes in (left, right):
        box, laid_out = axes.get_window_extent(), axes.images[0].get_array()
        zooms = box.height / laid_out.shape[0], box.width / laid_out.shape[1]
        np.testing.assert_allclose(zooms, round(zooms[0]), atol=1e-6)
    assert left.get_window_extent().x1 < right.get_window_extent().x0


def look(*arguments):
    return main(["data=digits", *arguments])


def test_look_draws_training_images_and_says_where(alone, capsys):
    assert look("augment=elastic") == 0
    assert (
        capsys.readouterr().out
        == f"{alone / 'look.png'}: 64 training images of digits, augment=elastic, seed 0\n"
    )
    assert (alone / "look.png").stat().st_size > 1000


def test_look_draws_the_same_picture_for_the_same_seed(alone):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert look("augment=distort", "--out", f"{name}.png", f"seed={seed}") == 0
    first, again, other = ((alone / f"{name}.png").read_bytes() for name in "abc")
    assert first == again
    assert first != other


def test_look_tells_mistakes_with_exit_code_2(alone, capsys):
    assert look("augment=elastik") == 2
    assert "did you mean elastic?" in capsys.readouterr().err
    assert look("augment=elastic", "augment.alpha=-1") == 2
    assert "must be a number >= 0" in capsys.readouterr().err
    assert look("--out", "nowhere/look.png") == 2
    assert "nowhere" in capsys.readouterr().err
    with pytest.raises(UserError):
        look("--out", "look.xyz")
    assert list(alone.glob("*.xyz")) == []


def test_drawing_is_imported_late():
    code = "import sys, nnexp.cli.commands.look; sys.exit('matplotlib' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
