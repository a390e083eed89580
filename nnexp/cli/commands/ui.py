"""`nnexp ui`: open the MLflow UI on the project's store."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from itertools import chain
from pathlib import Path
from threading import Thread, Timer

from nnexp.cli.arguments import Arguments
from nnexp.errors import UserError
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.relocation import relocate
from nnexp.tracking.mlflow.sqlite.creation import is_half_made
from nnexp.tracking.mlflow.store import (
    SQLITE,
    check_connection,
    set_mlflow_defaults,
    store_lock,
    tracking_uri,
)
from nnexp.tracking.mlflow.uris import check_uri, store_type

HOST = "127.0.0.1"
PORT = 5000
MAX_PORT = 65535
STARTUP_TIMEOUT = 60  # seconds
SHUTDOWN_TIMEOUT = 3.0  # seconds
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def main(arguments: list[str]) -> int:
    """Serve the UI until Ctrl-C; returns the exit code."""
    parser = Arguments("ui", "Open the MLflow UI on the project's store.")
    port_help = f"default: {PORT}, or a free one if that is in use"
    parser.add_argument("--port", type=int, metavar="PORT", help=port_help)
    host_help = f"address to listen on, default: {HOST}, this machine only; it asks for no password, "
    host_help += "MLFLOW_SERVER_ALLOWED_HOSTS lists addresses that are neither of this machine nor private"
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=host_help)
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
    if uri.startswith(SQLITE):
        path = Path(uri.removeprefix(SQLITE))
        if not path.exists() or is_half_made(path):
            raise UserError(f"no runs here yet: {path} is missing; fix: nnexp data=digits")
        with store_lock(uri):
            relocate(path)
    if options.host != HOST:
        check_host(options.host)
    port = find_port(options.port, options.host) if options.port else 0
    if not options.port:
        port = find_port(PORT, options.host) or find_port(0, options.host)
    if not port:
        raise UserError(f"port {options.port} is in use; fix: omit --port to use a free one")
    page = f"http://{options.host}:{port}"
    print(f"MLflow UI: {page}  (Ctrl-C ends it)", flush=True)
    server = start_server(uri, port, options.host)
    if use_browser:
        Thread(target=open_when_ready, args=(page, server), daemon=True).start()
    while True:
        try:
            return max(server.wait(), 0)
        except KeyboardInterrupt as error:
            may_have_reached_server = getattr(error, "number", signal.SIGINT) == signal.SIGINT  # as Ctrl-C
            timer = Timer(SHUTDOWN_TIMEOUT if may_have_reached_server else 0.0, server.terminate)
            timer.daemon = True
            timer.start()


def start_server(uri: str, port: int, host: str) -> "subprocess.Popen[bytes]":
    """Start `mlflow server` on a store, whose URI may hold a password and must not be on a command line."""
    set_mlflow_defaults()
    options = {"--host": host, "--port": str(port), "--workers": "1"}
    command = [sys.executable, "-P", "-m", "mlflow", "server", *chain(*options.items())]
    variables = {"MLFLOW_BACKEND_STORE_URI": uri, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, env=os.environ | variables)


def has_browser() -> bool:
    """Return whether there is a desktop for a browser; one in the terminal would replace our output."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, DISPLAYS))


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


def check_host(host: str) -> None:
    """Raise a UserError for an IPv4 address or name that is none of this machine."""
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
    except OSError as error:
        problem = f"--host {host}: {error.strerror or error}"
        raise UserError(f"{problem}; expected an address of this machine, or 0.0.0.0 for all") from error


def find_port(wanted: int, host: str) -> int:
    """Return the port that is wanted, or 0 if it is in use; if 0 is wanted, any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
