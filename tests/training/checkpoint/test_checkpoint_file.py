"""Checkpoint files: what was written is read bit by bit; what is damaged is recognized."""

import json
import os
from dataclasses import asdict
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp.array_file import ArrayFileError, read_arrays
from nnexp.training.checkpoint.checkpoint_file import (
    Checkpoint,
    checksum,
    list_checkpoints,
    read_checkpoint,
    read_latest,
    write_checkpoint,
)
from nnexp.training.checkpoint.state import State
from nnexp.training.record import Record

RECORD = Record(
    at=1,
    epoch=1,
    train_loss=0.1 + 0.2,
    train_score=0.5,
    val_loss=None,
    val_score=None,
    lr=1e-3,
    grad_norm=inf,
    seconds=1.5,
    examples_per_second=10.0,
    layers={"dead_units/dense1": 0.0},
)


def checkpoint(step: int = 7) -> Checkpoint:
    arrays = {"network/theta": np.arange(5, dtype=np.float32), "step/grad_sum": np.zeros(0), "x": np.array(3)}
    values = {"best/best_value": -inf, "step/lr": 0.1, "batches/position": None, "names": ["a", "ä"]}
    facts = {"config_hash": "ab", "data_sha256": "cd", "state": State(arrays, values), "history": (RECORD,)}
    return Checkpoint(step=step, epoch=2, seconds=3.25, **facts)


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path):
    written = checkpoint()
    read = read_checkpoint(write_checkpoint(tmp_path, written))
    assert read.history == written.history
    assert read.state.values == written.state.values
    assert (read.step, read.epoch, read.seconds, read.config_hash) == (7, 2, 3.25, "ab")
    assert read.state.arrays.keys() == written.state.arrays.keys()
    for name, array in written.state.arrays.items():
        np.testing.assert_array_equal(read.state.arrays[name], array, strict=True)


def test_values_that_are_not_finite_are_kept(tmp_path: Path):
    state = State({}, {"a": nan, "b": inf})
    written = Checkpoint(1, 1, 0.0, "", "", state)
    assert np.isnan(read_checkpoint(write_checkpoint(tmp_path, written)).state.values["a"])


def test_the_last_two_are_kept_and_an_unfinished_one_is_removed(tmp_path: Path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".000000002.npz.abcdef").write_bytes(b"half")
    for step in (1, 5, 30):
        write_checkpoint(tmp_path, checkpoint(step))
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["000000005.npz", "000000030.npz"]
    assert list_checkpoints(tmp_path)[0].name == "000000030.npz"


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_read(tmp_path: Path):
    write_checkpoint(tmp_path, checkpoint(1))
    path = write_checkpoint(tmp_path, checkpoint(2))
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(3).tobytes())] ^= 1
    path.write_bytes(content)
    read, problems = read_latest(tmp_path)
    assert read is not None
    assert read.step == 1
    assert len(problems) == 1
    assert str(path) in problems[0]


def test_a_run_that_goes_on_before_damaged_checkpoints_keeps_its_new_ones(tmp_path: Path):
    for step in (50, 60):
        write_checkpoint(tmp_path, checkpoint(step)).write_bytes(b"damaged")
    for step in (10, 20, 30):
        write_checkpoint(tmp_path, checkpoint(step))
    assert [path.name for path in list_checkpoints(tmp_path)] == ["000000030.npz", "000000020.npz"]


def test_a_whole_archive_whose_content_was_changed_is_refused(tmp_path: Path):
    path = write_checkpoint(tmp_path, checkpoint())
    arrays = read_arrays(path)
    arrays["network/theta"][0] += 1
    np.savez(path, **arrays)
    with pytest.raises(ArrayFileError, match="the checksum differs"):
        read_checkpoint(path)


def test_a_run_without_checkpoints_has_none(tmp_path: Path):
    assert read_latest(tmp_path) == (None, [])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_recognized(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    folder = tmp_path_factory.mktemp("damaged")
    path = write_checkpoint(folder, checkpoint())
    content = bytearray(path.read_bytes())
    kind = data.draw(st.sampled_from(["cut", "flip", "insert"]))
    at = data.draw(st.integers(0, len(content) - 1))
    if kind == "cut":
        del content[at:]
    elif kind == "flip":
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        content[at:at] = data.draw(st.binary(min_size=1, max_size=9))
    path.write_bytes(content)
    try:
        read = read_checkpoint(path)
    except ArrayFileError:
        return
    assert read.state.values == checkpoint().state.values  # the damage was in what is not read
    np.testing.assert_array_equal(read.state.arrays["network/theta"], np.arange(5))


HEADER = {"format": 1, "step": 1, "epoch": 1, "seconds": 1.0, "config_hash": "", "data_sha256": ""}
HEADER |= {"history": [], "values": {}}


@pytest.mark.parametrize(
    "header",
    [
        *("", "[" * 100_000, "[1]", "null", "9" * 5000, "\ud800"),
        *(json.dumps(HEADER | {"step": step}) for step in ("x", None, 1.5, nan, True, [])),
        *(json.dumps(HEADER | {"history": history}) for history in (None, "abc", [1], [{}], [{"at": 1}])),
        json.dumps(HEADER | {"history": [asdict(RECORD) | {"at": "x"}]}),
        json.dumps(HEADER | {"history": [asdict(RECORD) | {"layers": 3}]}),
        json.dumps(HEADER | {"values": []}),
        json.dumps(HEADER | {"format": 2}),
    ],
    ids=lambda header: header[:60],
)
def test_a_header_that_is_none_is_an_error_also_where_the_checksum_fits(tmp_path: Path, header: str):
    dates = np.array(["2024-01-01"], "M8[D]")
    arrays = {"header": np.frombuffer(header.encode("utf-8", "surrogatepass"), np.uint8), "x": dates}
    np.savez(tmp_path / "c.npz", **arrays, sha256=checksum(arrays))
    with pytest.raises(
        ArrayFileError, match=r"c\.npz: (the header is not that|expected a checkpoint of format 1)"
    ):
        read_checkpoint(tmp_path / "c.npz")
