"""Copies of jobs' folders from machines that do not see the folder of the sweep."""

import pytest

from nnexp.sweeps.execution.workers.folder_copies import read_files, write_files


def test_a_copy_holds_the_same_files_without_locks_and_replaces_what_was_there(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "weights").mkdir(parents=True)
    (there / "weights" / "best.npz").write_bytes(b"\x00\x01")
    (there / "journal.jsonl").write_text("{}\n")
    (there / ".journal.lock").touch()
    here.mkdir()
    (here / "of_an_attempt_before").touch()
    write_files(here, read_files(there))
    assert read_files(here) == {"journal.jsonl": b"{}\n", "weights/best.npz": b"\x00\x01"}
    (there / "plots.png").write_bytes(b"\x02")
    write_files(here, read_files(there))
    assert read_files(here).keys() == {"journal.jsonl", "plots.png", "weights/best.npz"}


def test_no_file_is_written_outside_of_the_folder(tmp_path):
    with pytest.raises(ValueError, match="outside"):
        write_files(tmp_path / "job", {"../other": b""})
    assert not (tmp_path / "other").exists()
