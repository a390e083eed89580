"""Image files that are damaged, hostile or unusual: one clear error, bounded memory, or the right pixels."""

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from nnexp.preprocessing.errors import ImageFileError
from nnexp.preprocessing.images.image_file import open_image
from nnexp.serving.image_input import read_image


def encoded(kind, image=None, **options):
    file = io.BytesIO()
    (image or Image.new("L", (30, 20), 7)).save(file, kind, **options)
    return file.getvalue()


def png(width, height, data=b""):
    """A PNG of these claimed sizes and that data, of bytes."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


PNG, JPEG = encoded("PNG"), encoded("JPEG")
TEXT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n"
CASES = {
    "empty": (b"", "cannot be read as an image: the file is empty"),
    "text": (b"no image at all", "cannot be read as an image: an unknown format"),
    "PostScript, for which PIL starts a program": (TEXT, "expected PNG, JPEG, GIF, BMP or WebP"),
    "TIFF": (encoded("TIFF"), "expected PNG, JPEG, GIF, BMP or WebP"),
    "truncated PNG": (PNG[:-30], "cannot be read as an image"),
    "truncated JPEG": (JPEG[:-200], f"near offset {len(JPEG) - 200}: Truncated"),
    "damaged PNG": (PNG[:45] + b"\xff" * 9 + PNG[54:], "cannot be read as an image"),
    "bomb": (
        png(20_000, 20_000, bytes(1000)),
        "too many pixels in 74 bytes, expected at most 67,108,864; fix: make it smaller",
    ),
    "smaller bomb": (
        png(9000, 9000),
        "an image of 9,000 x 9,000 pixels in 65 bytes, expected at most 4,194,304",
    ),
    "no pixels": (png(0, 5), "cannot be read as an image"),
    "less than it claims": (png(2000, 2000, bytes(100)), "cannot be read as an image"),
}


@pytest.mark.parametrize(("content", "problem"), CASES.values(), ids=list(CASES))
def test_a_file_that_is_no_image_or_a_damaged_one_is_one_error(tmp_path, content, problem, recwarn):
    path = tmp_path / "bad ímage.png"
    path.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"bad ímage\.png: ") as error:
        open_image(path)
    assert problem in str(error.value)
    assert not recwarn.list


def test_the_largest_image_takes_bounded_memory(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(8192, 8192, bytes(8192 * 8193)))
    code = f"""
from pathlib import Path; import resource
from nnexp.serving.image_input import read_image; from nnexp.serving.foreground import DrawingStats
import PIL.PngImagePlugin
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try: read_image(Path({str(path)!r}), (28, 28), DrawingStats(20, (14.0, 14.0)))
except ValueError as error: print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "blank" in shown
    assert int(shown.split()[-1]) < 4 * 64, "megabytes: the pixels have 64"


def test_16_bits_are_read_also_by_a_network_of_colours(tmp_path):
    pixels = np.linspace(0, 65535, 28 * 28).astype(np.uint16).reshape(28, 28)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    grey, _ = read_image(tmp_path / "x.png", (28, 28), None)
    rgb, _ = read_image(tmp_path / "x.png", (3, 28, 28), None)
    np.testing.assert_allclose(grey, pixels / 65535, atol=1e-6)
    np.testing.assert_array_equal(rgb, np.stack([grey] * 3))


def test_of_an_animation_the_first_image_is_read_and_named(tmp_path):
    first, second = (Image.new("L", (28, 28), grey) for grey in (255, 0))
    first.save(tmp_path / "x.gif", save_all=True, append_images=[second])
    pixels, notes = read_image(tmp_path / "x.gif", (28, 28), None)
    assert pixels.min() > 0.9
    assert notes == ("the first image of an animation", "resized")


def test_damaged_metadata_do_not_matter(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(encoded("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 30))
    assert open_image(path)[0].size == (30, 20)


def test_a_name_may_lie_about_the_format(tmp_path):
    (tmp_path / "x.png").write_bytes(JPEG)
    assert open_image(tmp_path / "x.png")[0].size == (30, 20)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_a_pipe_is_an_error_that_never_waits(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(ImageFileError, match=r"this is a pipe \(FIFO\), expected a regular file"):
        open_image(tmp_path / "x.png")
