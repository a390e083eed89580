"""`nnexp ui`: what it asks of the server, of the browser and of a person."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnexp.cli.commands import ui
from nnexp.errors import UserError


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


class Browser:
    """In place of a person's browser."""

    def __init__(self, name="firefox"):
        self.name = name


@pytest.fixture
def opened(monkeypatch):
    """The pages that were opened, on a desktop with a browser; no server is started."""
    pages = []
    monkeypatch.setattr(ui.subprocess, "Popen", Server)
    monkeypatch.setattr(ui.signal, "signal", lambda *_: None)
    monkeypatch.setattr(ui.webbrowser, "get", Browser)
    monkeypatch.setattr(ui.webbrowser, "open", pages.append)
    monkeypatch.setenv("DISPLAY", ":0")
    return pages


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_there_is_not_is_refused_in_a_line(port):
    with pytest.raises(UserError) as raised:
        ui.main([f"--port={port}"])
    assert str(raised.value) == f"--port {port}: from 1 to 65535; see nnexp ui --help"


def test_a_password_is_not_printed_and_stands_on_no_command_line(opened, monkeypatch, capsys):
    monkeypatch.setattr(ui, "answers", lambda uri: None)
    assert ui.main(["--uri", "http://me:secret@host:5000"]) == 0
    assert ui.main(["--uri", "postgresql://me:secret@host/mlflow", "--no-browser"]) == 0
    seen = capsys.readouterr()
    assert "the server" not in seen.err
    assert "http://***@host:5000" in seen.out
    assert "secret" not in seen.out + seen.err
    assert "secret" not in " ".join(Server.command)
    assert Server.environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql://me:secret@host/mlflow"
    assert Server.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"  # ten processes less
    assert opened == []


def test_the_page_of_a_server_is_opened_in_a_browser(opened, capsys):
    assert ui.main(["--uri", "https://host/mlflow"]) == 0
    assert ui.main(["--uri", "https://host/mlflow", "--no-browser"]) == 0
    assert opened == ["https://host/mlflow"]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="always a desktop")
def test_without_a_desktop_there_is_no_browser(opened, monkeypatch):
    assert ui.has_browser()
    monkeypatch.setattr(ui.webbrowser, "get", lambda: Browser("/usr/bin/lynx"))
    assert not ui.has_browser()
    monkeypatch.setattr(ui.webbrowser, "get", Browser)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not ui.has_browser()


def test_a_server_that_ends_before_it_answers_opens_no_page(opened):
    process = Server([], {})
    process.ended = True
    ui.show("http://127.0.0.1:1", process)
    assert opened == []


@pytest.mark.skipif(sys.platform != "linux", reason="a browser by the environment, processes in /proc")
def test_the_browser_opens_once_the_server_answers_and_stderr_stays_clean(store, alone):
    script, seen = alone / "browser", alone / "seen"
    script.write_text(f'#!/bin/sh\necho "$1" > {seen}.part && mv {seen}.part {seen}\n')
    script.chmod(0o755)
    folder = alone / "marked-place"
    shutil.copytree(alone / "mlruns", folder)
    command = [sys.executable, "-m", "nnexp", "ui"]
    environment = os.environ | {
        "DISPLAY": ":0",
        "BROWSER": f"{script} %s",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }
    with (alone / "stderr").open("w") as errors:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
    try:
        page = process.stdout.readline().split()[2]
        end = time.monotonic() + 60
        while not seen.exists():
            assert time.monotonic() < end
            assert process.poll() is None, (alone / "stderr").read_text()
            time.sleep(0.1)
        assert seen.read_text().strip() == page
        assert "marked-place" not in "".join(lines_of_session(process.pid))
        assert "Warning" not in (alone / "stderr").read_text()
    finally:
        os.killpg(process.pid, 2)
        assert process.wait(30) == 0
        process.stdout.close()


def lines_of_session(leader):
    """The command lines of all processes of a session, where the system tells them in /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                yield (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
