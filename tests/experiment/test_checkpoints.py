"""A run writes checkpoints by epochs, by time within an epoch, and at the end of training."""

from pathlib import Path

import numpy as np
import pytest

from nnexp.config import compose
from nnexp.experiment.run import run
from nnexp.training.checkpoint import checkpoint_file
from nnexp.training.checkpoint.checkpoint_file import Checkpoint, list_checkpoints, read_checkpoint

QUICK = ("data=digits", "tracking=none", "trainer.epochs=4", "model.hidden=[8]")


@pytest.fixture
def written(monkeypatch) -> list[Checkpoint]:
    checkpoints: list[Checkpoint] = []
    write = checkpoint_file.write_checkpoint
    target = "nnexp.experiment.checkpoints.write_checkpoint"
    monkeypatch.setattr(target, lambda folder, one, kept: checkpoints.append(one) or write(folder, one, kept))
    return checkpoints


def test_a_short_run_has_the_checkpoint_of_its_end(tmp_path: Path, written):
    result = run(compose(QUICK), tmp_path, home=tmp_path)
    (path,) = list_checkpoints(tmp_path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.step, checkpoint.epoch) == (36, 5)
    assert checkpoint.history == tuple(result.history)
    assert len(written) == 1


def test_checkpoints_are_written_after_every_so_many_epochs(tmp_path: Path, written):
    run(compose([*QUICK, "checkpoint.epochs=2"]), tmp_path, home=tmp_path)
    assert [one.step for one in written] == [18, 36, 36]


def test_checkpoints_by_time_are_written_within_an_epoch_and_change_nothing(tmp_path: Path, written):
    result = run(compose([*QUICK, "checkpoint.seconds=1e-9"]), tmp_path / "a", home=tmp_path)
    plain = run(compose([*QUICK, "checkpoint.seconds=null"]), tmp_path / "b", home=tmp_path)
    assert {one.step for one in written} == set(range(1, 37))
    assert len(list_checkpoints(tmp_path / "a")) == 2
    np.testing.assert_array_equal(result.network.theta, plain.network.theta)


def test_diverged_weights_are_not_written(tmp_path: Path, written):
    with pytest.raises(Exception, match="diverged"):
        run(
            compose([*QUICK, "optimizer=sgd", "optimizer.lr=1e30", "checkpoint.epochs=1"]),
            tmp_path,
            home=tmp_path,
        )
    assert all(np.isfinite(one.state.arrays["network/theta"]).all() for one in written)
