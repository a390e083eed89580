import math

from nnexp.tracking.journal import Journal, history, read


def test_what_is_written_is_read_in_order(tmp_path):
    with Journal(tmp_path) as journal:
        journal.run("name", {"seed": "0"}, {"tag": "x"}, {"uri": None})
        entries, offset = read(tmp_path)
        assert entries[0]["params"] == {"seed": "0"}
        journal.metrics(1, {"train/loss": 0.5})
        journal.metrics(2, {"train/loss": math.nan})
        journal.artifacts("a", "b")
        journal.end("FINISHED")
    news, _ = read(tmp_path, offset)
    assert [entry["kind"] for entry in news] == ["metrics", "metrics", "artifact", "artifact", "end"]
    (_, first), (_, second) = history(news)
    assert first == {"train/loss": 0.5}
    assert math.isnan(second["train/loss"])


def test_half_a_line_waits_for_its_other_half(tmp_path):
    with Journal(tmp_path) as journal:
        journal.metrics(1, {"a": 1})
        journal.file.write('{"kind": "metr')
        journal.file.flush()
        entries, offset = read(tmp_path)
        assert len(entries) == 1
        journal.file.write('ics", "step": 2, "values": {}}\n')
        journal.file.flush()
        (entry,), _ = read(tmp_path, offset)
        assert entry["step"] == 2


def test_nothing_new_is_nothing(tmp_path):
    with Journal(tmp_path) as journal:
        assert read(tmp_path) == ([], 0)
        journal.end("KILLED")
    _, offset = read(tmp_path)
    assert read(tmp_path, offset) == ([], offset)
