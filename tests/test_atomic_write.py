"""Atomic writes: a failure keeps the old file and leaves nothing beside it."""

import os

import pytest

from nnexp.atomic_write import write_atomically


@pytest.mark.parametrize(
    "content", ["new", b"new", lambda file: file.write(b"new")], ids=["text", "bytes", "function"]
)
def test_a_file_is_replaced_and_has_the_mode_of_any_new_file(tmp_path, content):
    path = tmp_path / "folder" / "file"
    write_atomically(path, "old")
    write_atomically(path, content)
    assert path.read_text() == "new"
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path):
    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["file"])
