"""A disk that is full, read-only or limited ends a run in order, with one message; what was saved is kept."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnexp
from nnexp import compose
from nnexp.cli.errors import format_error
from nnexp.experiment.failures.storage_errors import CODES, StorageError
from nnexp.experiment.run import run
from nnexp.run_folder import RunFolder, history
from nnexp.tracking.journal import Journal
from nnexp.training.checkpoint.checkpoint_file import read_latest

RUN = ["data=digits", "data.limit=256", "trainer.epochs=3", "tracking=none", "checkpoint.epochs=1"]
LARGE = "model.hidden=[4000]"  # checkpoints of about 5 MB


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 12 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("needs root on Linux, to mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def limit_files():
    """A function that limits the size of the files that this process writes, until the test is over."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_a_run_in_order(small_disk):
    folder = small_disk / "run"
    with pytest.raises(StorageError, match=r"no space is left on its disk; .* then run: nnexp resume "):
        run(compose([*RUN, LARGE]), folder)
    entries = RunFolder(folder).entries()
    assert entries[-1]["status"] == "FAILED"
    assert [step for step, _ in history(entries) if step] == [1, 2, 3]
    checkpoint, problems = read_latest(folder)
    assert checkpoint is not None
    assert (checkpoint.epoch, problems) == (3, [])
    assert not [path for path in folder.rglob(".*") if "npz" in path.name]


def test_a_limit_of_file_sizes_ends_a_run_in_order(limit_files, alone):
    limit_files(100_000)
    with pytest.raises(StorageError, match=r"fix: raise it \(ulimit -f unlimited\), then run"):
        run(compose(RUN), "run")
    assert RunFolder(Path("run")).entries()[-1]["status"] == "FAILED"
    assert np.load("run/weights/best.npz").files


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
def test_whatever_is_wrong_with_the_disk_a_run_ends_in_order(code, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("nnexp.experiment.checkpoints.write_checkpoint", fail)
    with pytest.raises(StorageError, match=r"cannot write to .*run: "):
        run(compose(RUN), "run")
    assert RunFolder(Path("run")).entries()[-1]["status"] == "FAILED"
    assert "cannot write to file: " in format_error(OSError(code, os.strerror(code), "file"))


@pytest.mark.parametrize(
    ("at", "fix"), [("Journal.log_run", "nnexp resume run"), ("Journal", "start the run again")]
)
def test_a_disk_that_is_full_before_the_first_entry_is_explained(at, fix, monkeypatch, alone):
    def fail(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(f"nnexp.experiment.sessions.session.{at}", fail)
        with pytest.raises(StorageError, match=f"no space is left on its disk; .*{fix}"):
            run(compose(RUN), "run")
    if at == "Journal.log_run":
        assert nnexp.resume("run", display="quiet").status == "FINISHED"


def test_an_entry_is_in_the_journal_as_a_whole_or_not_at_all(limit_files, tmp_path):
    with Journal(tmp_path) as journal:
        journal.log_metrics(1, {"loss": 1.0})
        size = (tmp_path / "journal.jsonl").stat().st_size
        limit_files(size + 10)
        with pytest.raises(OSError, match="File too large"):
            journal.log_metrics(2, {"loss": 2.0})
        limit_files(10 * size)
        journal.log_metrics(3, {"loss": 3.0})
    assert [step for step, _ in history(RunFolder(tmp_path).entries())] == [1, 3]
