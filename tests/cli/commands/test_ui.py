"""`nnexp ui`: the server that it starts, the browser that it opens, the messages that it prints."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnexp.cli.commands import ui
from nnexp.errors import UserError
from nnexp.tracking.mlflow.store_errors import StoreError


class Server:
    """In place of `mlflow server`: remembers how it was started, and ends as soon as it is waited for."""

    def __init__(self, command, env):
        Server.command, Server.environment = command, env
        self.ended = False

    def poll(self):
        return 0 if self.ended else None

    def wait(self):
        time.sleep(0.2)
        self.ended = True
        return 0


@pytest.fixture
def opened(monkeypatch):
    """The pages that were opened, on a desktop with a browser; no server is started."""
    pages = []
    monkeypatch.setattr(ui, "subprocess", SimpleNamespace(Popen=Server))
    monkeypatch.setattr(ui.signal, "signal", lambda *_: None)
    monkeypatch.setattr(ui.webbrowser, "open", pages.append)
    monkeypatch.setenv("DISPLAY", ":0")
    return pages


@pytest.fixture
def dead(monkeypatch):
    """Stores that do not answer, without waiting for them."""

    def fail(*_):
        raise StoreError("no answer")

    monkeypatch.setattr(ui, "page_of", fail)


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_an_invalid_port_is_an_error(port):
    with pytest.raises(UserError, match=f"--port {port}: expected 1 to 65535"):
        ui.main([f"--port={port}"])


def test_a_port_in_use_is_replaced_unless_it_was_asked_for(store, opened, capsys, monkeypatch):
    with ui.socket.socket() as other:
        other.bind((ui.HOST, 0))
        other.listen()
        used = other.getsockname()[1]
        monkeypatch.setattr(ui, "PORT", used)
        with pytest.raises(UserError, match=f"port {used} is in use"):
            ui.main([f"--port={used}"])
        assert ui.main([]) == 0
    assert f":{used} " not in capsys.readouterr().out
    assert Server.command[Server.command.index("--port") + 1] != str(used)


@pytest.mark.parametrize("arguments", [["--experiment", "unknown"], ["unknown"]])
def test_no_server_is_started_for_what_does_not_exist(store, opened, arguments):
    Server.command = None
    with pytest.raises(UserError, match=r"unknown|no runs here yet"):
        ui.main(arguments)
    assert Server.command is None


def test_a_server_does_not_outlive_an_interrupt_before_its_page_is_known(store, opened, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ui, "page_of", interrupt)
    monkeypatch.setattr(Server, "terminate", lambda self: opened.append("terminated"), raising=False)
    with pytest.raises(KeyboardInterrupt):
        ui.main([])
    assert opened == ["terminated"]


def test_it_listens_on_this_machine_unless_an_address_is_asked_for(store, opened):
    ui.main(["--no-browser"])
    assert Server.command[Server.command.index("--host") + 1] == "127.0.0.1"
    ui.main(["--no-browser", "--host", "0.0.0.0"])
    assert Server.command[Server.command.index("--host") + 1] == "0.0.0.0"
    with pytest.raises(UserError, match=r"--host 192\.0\.2\.1: .*expected an address of this machine"):
        ui.main(["--host", "192.0.2.1"])


def test_a_password_is_neither_printed_nor_on_a_command_line(opened, dead, monkeypatch, capsys):
    monkeypatch.setattr(ui, "check_connection", lambda uri: None)
    assert ui.main(["--uri", "http://me:secret@host:5000"]) == 0
    assert ui.main(["--uri", "postgresql://me:secret@host/mlflow", "--no-browser"]) == 0
    output = capsys.readouterr()
    assert "http://***@host:5000" in output.out
    assert "secret" not in output.out + output.err
    assert "secret" not in " ".join(Server.command)
    assert Server.environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql://me:secret@host/mlflow"
    assert Server.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"  # ten processes less
    assert opened == []


def test_the_page_of_a_server_is_opened_in_a_browser(opened, monkeypatch, capsys):
    monkeypatch.setattr(ui, "page_of", lambda targets, runs, view: f"/#/?viewStateShareKey={view}")
    page = "https://host/mlflow/#/?viewStateShareKey=leaderboard"
    assert ui.main(["--uri", "https://host/mlflow/"]) == 0
    assert ui.main(["--uri", "https://host/mlflow", "--no-browser"]) == 0
    assert opened == [page]
    assert page in capsys.readouterr().out


def test_a_server_that_does_not_answer_opens_at_its_first_page_unless_one_was_asked_for(opened, dead):
    assert ui.main(["--uri", "https://host/mlflow"]) == 0
    assert opened == ["https://host/mlflow"]
    with pytest.raises(StoreError, match="no answer"):
        ui.main(["--uri", "https://host/mlflow", "last"])


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="always a desktop")
def test_without_a_desktop_there_is_no_browser(opened, monkeypatch):
    assert ui.has_browser()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not ui.has_browser()


def test_a_server_that_ends_before_it_answers_opens_no_page(opened):
    process = Server([], {})
    process.ended = True
    ui.open_when_ready("http://127.0.0.1:1", "/", process)
    assert opened == []


@pytest.mark.skipif(sys.platform != "linux", reason="a browser by the environment, processes in /proc")
def test_the_browser_opens_once_the_server_answers_and_stderr_stays_clean(store, alone):
    script, seen = alone / "browser", alone / "seen"
    script.write_text(f'#!/bin/sh\necho "$1" > {seen}.part && mv {seen}.part {seen}\n')
    script.chmod(0o755)
    folder = alone / "marked-place"
    shutil.copytree(alone / "mlruns", folder)
    command, uri = [sys.executable, "-m", "nnexp", "ui"], f"sqlite:///{folder / 'mlflow.db'}"
    variables = {"DISPLAY": ":0", "BROWSER": f"{script} %s", "MLFLOW_TRACKING_URI": uri}
    with (alone / "stderr").open("w") as errors:
        streams = {"stdout": subprocess.PIPE, "stderr": errors, "text": True}
        process = subprocess.Popen(command, env=os.environ | variables, start_new_session=True, **streams)
    try:
        page = process.stdout.readline().split()[2]
        end = time.monotonic() + 120
        while not seen.exists():
            assert time.monotonic() < end
            assert process.poll() is None, (alone / "stderr").read_text()
            time.sleep(0.1)
        assert seen.read_text().strip() == page
        assert "marked-place" not in "".join(command_lines(process.pid))
        assert "Warning" not in (alone / "stderr").read_text()
    finally:
        os.killpg(process.pid, 2)
        assert process.wait(60) == 0
        process.stdout.close()


def command_lines(leader):
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                yield (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
