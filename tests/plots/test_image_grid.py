import subprocess
import sys

import numpy as np
import pytest

from nnexp.__main__ import main
from nnexp.plots.image_grid import ImageGrid, draw_grids, to_rgb
from nnexp.plots.style import save

RNG = np.random.default_rng(0)


def test_grey_is_dark_on_white_and_three_channels_are_rgb():
    grey = np.array([[[0.0, 8.0], [16.0, 4.0]]])
    np.testing.assert_array_equal(to_rgb(grey, 1 / 16)[0, ..., 0], [[255, 128], [0, 191]])
    two_channels = to_rgb(np.stack([grey, 0 * grey], 1), 1 / 8)
    np.testing.assert_array_equal(two_channels[0, ..., 1], [[255, 128], [128, 191]])
    colors = RNG.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    np.testing.assert_array_equal(to_rgb(colors, 1 / 255), colors.transpose(0, 2, 3, 1))


def test_a_pixel_of_an_image_is_a_square_of_whole_pixels_in_rows_of_eight():
    images = np.zeros((10, 2, 2, 3), np.uint8)
    images[9, 0, 1] = 255, 0, 0
    pixels = np.asarray(draw_grids("title", (), ImageGrid(images=images, side=97)))
    rows, columns = np.nonzero((pixels == (255, 0, 0)).all(axis=2))
    assert len(rows) == 48**2
    assert np.ptp(rows) == np.ptp(columns) == 47
    assert rows[0] > 96
    assert 96 < columns[0] < 3 * 96


@pytest.mark.parametrize(("n", "shape"), [(1, (28, 28)), (10, (90, 110)), (64, (1, 200))], ids=str)
def test_grids_of_any_number_and_shape_lie_beside_each_other(n, shape, tmp_path):
    grid = ImageGrid(images=np.zeros((n, *shape, 3), np.uint8), label="label")
    sheet = draw_grids("title", ("note",), grid, grid)
    assert sheet.width >= 2 * grid.draw().width
    for suffix in ("png", "svg"):
        save(sheet, tmp_path / f"grid.{suffix}")
        assert (tmp_path / f"grid.{suffix}").stat().st_size > 1000


def look(*arguments):
    return main(["look", "data=digits", *arguments])


def test_look_draws_training_images_and_prints_the_path(alone, capsys):
    assert look("augment=elastic") == 0
    assert f"{alone / 'look.png'}: 64 training images of digits, augment=elastic" in capsys.readouterr().out
    assert (alone / "look.png").stat().st_size > 1000


def test_look_draws_the_same_plot_for_the_same_seed(alone):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert look("augment=distort", "--out", f"{name}.png", f"seed={seed}") == 0
    first, again, other = ((alone / f"{name}.png").read_bytes() for name in "abc")
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("argument", "message"),
    [("augment=elastik", "did you mean elastic?"), ("--out=x.xyz", "x.xyz"), ("--out=/proc/x.png", "/proc")],
)
def test_errors_of_look_have_exit_code_2(argument, message, alone, capsys):
    assert look(argument) == 2
    assert message in capsys.readouterr().err
    assert list(alone.glob("*.*")) == []


def test_plotting_libraries_are_imported_late():
    code = "import sys, nnexp.cli.commands.look; sys.exit(bool({'matplotlib', 'mlflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
