"""The data sets of a sweep: read once, mapped by all processes, the same numbers as without."""

import mmap
from dataclasses import fields

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table
from nnexp.sweeps.execution.datasets import MAX_DATASETS, SweepDatasets, clear, is_mapped, key_of

ROWS = "\n".join(f"{i},{i % 7 / 3},{'ab'[i % 2]},id{i},{i % 3}" for i in range(60))


@pytest.fixture
def table(alone):
    (alone / "t.csv").write_text(f"x,z,word,name,y\n{ROWS}\n", encoding="utf-8")
    return alone / "t.csv"


def source_of(*overrides):
    return build(compose(["data=table", "data.path=t.csv", "data.target=y", "data.id=name", *overrides])).data


def count_loads(monkeypatch):
    loads = []
    load = Table.load
    monkeypatch.setattr(Table, "load", lambda source: loads.append(source) or load(source))
    return loads


def test_a_table_is_read_once_for_all_jobs_of_a_process(table, monkeypatch):
    loads = count_loads(monkeypatch)
    datasets = SweepDatasets()
    first = datasets.load(source_of())
    assert datasets.load(source_of("seed=3", "data.limit=5", "data.validation=0.3")) is first
    assert datasets.load(source_of("data.folds=3", "data.fold=1")) is first
    assert len(loads) == 1
    assert datasets.load(source_of("data.drop=[z]")) is not first
    assert datasets.load(source_of()) is first


def test_a_table_that_has_changed_is_read_again(table):
    datasets = SweepDatasets()
    first = datasets.load(source_of())
    table.write_text(table.read_text() + "61,2,a,id61,1\n")
    assert datasets.load(source_of()).sha256 != first.sha256


def test_processes_map_what_the_first_of_them_has_read(table, alone, monkeypatch):
    loads = count_loads(monkeypatch)
    alone_read = SweepDatasets().load(source_of())
    shared = [SweepDatasets(alone / ".data").load(source_of()) for _ in range(2)]
    assert len(loads) == 2
    for dataset in shared:
        assert is_mapped(dataset.x)
        assert not dataset.x.flags.writeable
        for field in fields(dataset):
            ours, theirs = getattr(dataset, field.name), getattr(alone_read, field.name)
            if isinstance(theirs, np.ndarray):
                np.testing.assert_array_equal(ours, theirs, strict=True)
            elif field.name.startswith("source"):
                np.testing.assert_array_equal(ours.ids, theirs.ids)
            else:
                assert ours == theirs, field.name
    clear(alone / ".data")
    assert not (alone / ".data").exists()
    assert shared[1].x.sum() == alone_read.x.sum(), "what is mapped stays, though its file is gone"


def test_an_error_in_the_data_is_that_of_each_job(alone):
    (alone / "t.csv").write_text("x,y\n1,a\n")
    datasets = SweepDatasets(alone / ".data")
    messages = []
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            datasets.load(source_of())
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_what_was_used_longest_ago_makes_room():
    datasets = SweepDatasets()
    sources = [build(compose(["data=digits", f"data.root=/{i}"])).data for i in range(MAX_DATASETS + 1)]
    for source in sources:
        datasets.load(source)
    assert len(datasets.loaded) == MAX_DATASETS
    assert key_of(sources[0]) not in datasets.loaded
    assert key_of(sources[1]) in datasets.loaded


def test_an_array_over_a_file_is_known_as_such(tmp_path):
    (tmp_path / "a").write_bytes(bytes(4096))
    with (tmp_path / "a").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    assert is_mapped(np.frombuffer(memoryview(mapped), np.float32).reshape(2, -1)[1:])
    assert not is_mapped(np.zeros(3))
