"""Messages through files: in order, each once, and only when they are complete."""

import pytest

from nnexp.sweeps.execution.job import Job
from nnexp.sweeps.execution.workers import message_files
from nnexp.sweeps.execution.workers.message_files import (
    BUSY_INTERVAL,
    CLOSE,
    FileConnection,
    Heartbeat,
    MessageFile,
)
from nnexp.sweeps.execution.workers.trials import Decision, Evaluation
from nnexp.sweeps.execution.workers.worker import SHORTEST


def test_messages_arrive_in_order_and_each_once(tmp_path):
    written = MessageFile(tmp_path / "file")
    read = MessageFile(tmp_path / "file")
    assert not read.fetch()
    for message in (None, "text", [1, 2]):
        written.append(message)
    assert read.fetch()
    written.append(15)
    assert read.fetch()
    assert list(read.unread) == [None, "text", [1, 2], 15]


def test_a_message_of_which_only_some_bytes_are_there_is_not_read(tmp_path):
    MessageFile(tmp_path / "whole").append("a message")
    data = (tmp_path / "whole").read_bytes()
    read = MessageFile(tmp_path / "file")
    for end in range(len(data)):
        (tmp_path / "file").write_bytes(data[:end])
        assert not read.fetch(), end
    (tmp_path / "file").write_bytes(data + data[:3])
    assert read.fetch()
    assert list(read.unread) == ["a message"]


def test_a_worker_receives_orders_until_the_sweep_closes_the_connection(tmp_path):
    folder = tmp_path / "0"
    folder.mkdir()
    connection = FileConnection(folder)
    for order in (Job(3, ["seed=1"]), 15, None, CLOSE):
        connection.orders.append(order)
    assert [connection.recv() for _ in range(3)] == [Job(3, ["seed=1"]), 15, None]
    with pytest.raises(EOFError):
        connection.recv()


def test_a_job_that_waits_for_a_decision_gets_it_sooner_than_orders_that_end_it(tmp_path):
    folder = tmp_path / "0"
    folder.mkdir()
    connection = FileConnection(folder)
    orders = [Job(3, []), Decision(is_pruned=True)]
    for order in orders:
        connection.orders.append(order)
    assert connection.recv() == orders[0]
    pauses = [connection.interval]
    connection.send(Evaluation(1, {"val/accuracy": 0.5}))
    pauses.append(connection.interval)
    assert connection.recv() == orders[1]
    assert [*pauses, connection.interval] == [BUSY_INTERVAL, SHORTEST, BUSY_INTERVAL]


def test_a_worker_ends_when_the_heartbeat_of_its_sweep_stops(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(message_files, "monotonic", lambda: now[0])
    heartbeat = Heartbeat(tmp_path)
    connection = FileConnection(tmp_path / "0")
    monkeypatch.setattr(connection.woken, "wait", lambda seconds: now.__setitem__(0, now[0] + 50))
    with pytest.raises(EOFError):
        connection.recv()
    assert now[0] == 150
    heartbeat.stop()
    assert not heartbeat.path.exists()


def test_a_worker_that_can_no_longer_report_ends(tmp_path):
    connection = FileConnection(tmp_path / "gone" / "0")
    with pytest.raises(OSError, match="No such file"):
        connection.send("a message")
    with pytest.raises(EOFError):
        connection.recv()
