import math
import os

from nnexp.run_folder import RunFolder, history
from nnexp.tracking.journal import Journal


def test_entries_are_read_in_the_order_in_which_they_were_written(tmp_path):
    run = RunFolder(tmp_path)
    with Journal(tmp_path) as journal:
        assert run.entries_after(0) == ([], 0)
        journal.log_run("name", {"seed": "0"}, {"tag": "x"}, {"uri": None})
        entries, offset = run.entries_after(0)
        assert entries[0]["params"] == {"seed": "0"}
        journal.log_metrics(1, {"train/loss": 0.5})
        journal.log_metrics(2, {"train/loss": math.nan})
        journal.log_artifacts("a", "b")
        journal.end("FINISHED")
    entries, offset = run.entries_after(offset)
    assert [entry["kind"] for entry in entries] == ["metrics", "metrics", "artifact", "artifact", "end"]
    (_, first), (_, second) = history(entries)
    assert first == {"train/loss": 0.5}
    assert math.isnan(second["train/loss"])
    assert run.entries_after(offset) == ([], offset)


def test_an_incomplete_line_is_read_when_it_is_complete(tmp_path):
    with Journal(tmp_path) as journal:
        journal.log_metrics(1, {"a": 1})
        journal.file.write(b'{"kind": "metr')
        journal.file.flush()
        entries, offset = RunFolder(tmp_path).entries_after(0)
        assert len(entries) == 1
        journal.file.write(b'ics", "step": 2, "values": {}}\n')
        journal.file.flush()
        (entry,), _ = RunFolder(tmp_path).entries_after(offset)
        assert entry["step"] == 2


def test_a_journal_whose_process_died_before_its_first_line_is_begun_anew(tmp_path):
    path = tmp_path / "journal.jsonl"
    for content in (b"", b'{"kind": "ru'):
        path.write_bytes(content)
        os.utime(path, (0, 0))
        with Journal(tmp_path) as journal:
            journal.log_run("name", {}, {}, None)
        assert [entry["kind"] for entry in RunFolder(tmp_path).entries()] == ["run"]


def test_results_that_an_earlier_session_has_written_are_not_written_again(tmp_path):
    results = {"best/val_loss": 0.5, "time/total": 1.0}
    with Journal(tmp_path) as journal:
        journal.log_run("name", {}, {}, None)
        journal.log_results(results, 3)
    with Journal.reopen(tmp_path) as journal:
        journal.log_results(results | {"time/total": 2.0}, 3)
        journal.log_results({"best/val_loss": 0.25, "time/total": 3.0}, 6)
    rows = list(history(RunFolder(tmp_path).entries()))
    assert rows == [(0, results), (6, {"best/val_loss": 0.25, "time/total": 3.0})]
