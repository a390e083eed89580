"""A real MLflow server, and something unreliable between it and us."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

STARTS_WITHIN = 60  # seconds


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return unused_port


@pytest.fixture(scope="session")
def serve() -> Callable[[Path, str], Iterator[int]]:
    return start


def start(folder: Path, backend: str) -> Iterator[int]:
    """`mlflow server` with that backend, artifacts through it too; gives its port."""
    port = unused_port()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend, "--serve-artifacts"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    settings = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # which is ten processes
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=settings, stdout=log, stderr=log)
    try:
        for _ in range(STARTS_WITHIN * 10):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                    break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()[-3000:]
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    yield from start(folder, f"sqlite:///{folder / 'mlflow.db'}")


class Proxy:
    """Stands before a server. `mode`: pass; 500; hang: takes requests, never answers; deaf: the server gets them, its answers are lost."""

    def __init__(self, port: int) -> None:
        self.behind, self.port, self.mode = port, unused_port(), "pass"
        self.requests: list[str] = []
        self.let_go = threading.Event()
        self.http: ThreadingHTTPServer | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.requests.append(f"{self.command} {self.path}")
                if proxy.mode == "hang":
                    proxy.let_go.wait(60)
                    self.close_connection = True
                    return
                if proxy.mode == "500":
                    self.send_response(500)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                upstream = http.client.HTTPConnection("127.0.0.1", proxy.behind, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "transfer-encoding")}
                upstream.request(self.command, self.path, body or None, headers | {"Host": f"127.0.0.1:{proxy.behind}"})
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                if proxy.mode == "deaf":
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815, as the library calls them

            def log_message(self, *arguments: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: object) -> None:
                pass  # a client that has lost its patience

        self.http = Quiet(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.let_go.set()
        if self.http is not None:
            self.http.shutdown()
            self.http.server_close()


@pytest.fixture
def proxy(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What MLFLOW_TRACKING_URI points at; closed at first."""
    between = Proxy(server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", between.uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")  # a person may choose, and a test cannot wait
    yield between
    between.close()
