"""`nnexp ui`: open the MLflow UI on the project's store."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from pathlib import Path
from threading import Thread

from nnexp.cli.arguments import Arguments
from nnexp.errors import UserError
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import SQLITE, check_connection, set_mlflow_defaults, tracking_uri
from nnexp.tracking.mlflow.uris import check_uri, store_type

HOST, PORT, MAX_PORT = "127.0.0.1", 5000, 65535
STARTUP_TIMEOUT = 60  # seconds
TEXT_BROWSERS = ("www-browser", "links", "elinks", "lynx", "w3m")  # which would use the terminal


def main(arguments: list[str]) -> int:
    """Serve the UI until Ctrl-C; returns the exit code."""
    parser = Arguments("ui", "Open the MLflow UI on the project's store, on this machine only.")
    parser.add_argument(
        "--port", type=int, metavar="PORT", help=f"default: {PORT}, or a free one if that is in use"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_store(experiment=False)
    options = parser.parse_args(arguments)
    if options.port is not None and not 1 <= options.port <= MAX_PORT:
        parser.error(f"--port {options.port}: expected 1 to {MAX_PORT}")
    uri = tracking_uri(options.uri)
    check_uri(uri)
    use_browser = not options.no_browser and has_browser()
    if store_type(uri) == "server":
        print(f"The store is a server with its own UI: {redacted(uri)}", flush=True)
        if use_browser and redacted(uri) == uri:  # a password would be visible on the browser's command line
            webbrowser.open(uri)
        return 0
    if uri.startswith("postgresql"):
        check_connection(uri)
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        raise UserError(f"no runs here yet: {uri.removeprefix(SQLITE)} is missing; fix: nnexp data=digits")
    port = options.port or (PORT if is_free(PORT) else 0) or free_port()
    if not is_free(port):
        raise UserError(f"port {port} is in use; fix: omit --port to use a free one")
    page = f"http://{HOST}:{port}"
    print(f"MLflow UI: {page}  (Ctrl-C ends it)", flush=True)
    server = start_server(uri, port)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    if use_browser:
        Thread(target=open_when_ready, args=(page, server), daemon=True).start()
    while True:
        try:
            return max(server.wait(), 0)
        except KeyboardInterrupt:
            continue  # Ctrl-C reached the server too, which ends


def start_server(uri: str, port: int) -> "subprocess.Popen[bytes]":
    """Start `mlflow server` on a store, whose URI may hold a password and must not be on a command line."""
    set_mlflow_defaults()
    command = [
        sys.executable,
        "-P",
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    variables = {"MLFLOW_BACKEND_STORE_URI": uri, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, env=os.environ | variables)


def has_browser() -> bool:
    """Return whether there is a graphical browser."""
    if sys.platform not in ("darwin", "win32") and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return False
    try:
        return Path(getattr(webbrowser.get(), "name", "")).name not in TEXT_BROWSERS
    except webbrowser.Error:
        return False


def open_when_ready(page: str, server: "subprocess.Popen[bytes]") -> None:
    """Open a page in the browser once its server answers, unless that ends before."""
    deadline = time.monotonic() + STARTUP_TIMEOUT
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy for this machine
    while server.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(f"{page}/health", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(page)
            return


def is_free(port: int) -> bool:
    """Return whether a server can use the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
