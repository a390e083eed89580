"""`nnexp ui`: open the MLflow UI on the project's store, at the page of a run, a sweep or a saved view."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from argparse import Namespace
from itertools import chain
from pathlib import Path
from threading import Thread, Timer

from nnexp.cli.arguments import RUN, Arguments
from nnexp.errors import UserError
from nnexp.redaction import redacted
from nnexp.runs.query import Runs
from nnexp.runs.ui_pages import VIEWS, page_of
from nnexp.tracking.mlflow.relocation import relocate
from nnexp.tracking.mlflow.sqlite.creation import is_half_made
from nnexp.tracking.mlflow.sqlite.statistics import update_statistics
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
    parser = Arguments("ui", "Open the MLflow UI on the project's store: the leaderboard, a sweep, a run.")
    targets_help = f"a sweep (its id, name or folder), or {RUN}; several runs are compared"
    parser.add_argument("targets", nargs="*", metavar="SWEEP|RUN", help=targets_help)
    view_help = f"saved view to open: {', '.join(VIEWS)}; default: leaderboard"
    parser.add_argument("--view", choices=VIEWS, metavar="NAME", default="leaderboard", help=view_help)
    port_help = f"default: {PORT}, or a free one if that is in use"
    parser.add_argument("--port", type=int, metavar="PORT", help=port_help)
    host_help = f"address to listen on, default: {HOST}, this machine only; it asks for no password, "
    host_help += "MLFLOW_SERVER_ALLOWED_HOSTS lists addresses that are neither of this machine nor private"
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=host_help)
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_store()
    options = parser.parse_intermixed_args(arguments)
    if options.port is not None and not 1 <= options.port <= MAX_PORT:
        parser.error(f"--port {options.port}: expected 1 to {MAX_PORT}")
    uri = tracking_uri(options.uri)
    check_uri(uri)
    runs = Runs(uri, options.experiment)
    use_browser = not options.no_browser and has_browser()
    if store_type(uri) == "server":
        page = find_page(options, runs)
        print(f"The store is a server with its own UI: {redacted(uri).rstrip('/')}{page}", flush=True)
        if use_browser and redacted(uri) == uri:  # a password would be visible on the browser's command line
            webbrowser.open(uri.rstrip("/") + page)
        return 0
    check_database(uri)
    may_be_wrong = options.targets or options.experiment
    page = find_page(options, runs) if may_be_wrong else ""  # before a server starts in vain
    port = choose_port(options.port, options.host)
    server = start_server(uri, options.host, port)
    address = f"http://{options.host}:{port}"
    try:
        page = page or find_page(options, runs)  # while the server starts
    except BaseException:
        server.terminate()
        raise
    print(f"MLflow UI: {address}{page}  (Ctrl-C ends it)", flush=True)
    if use_browser:
        Thread(target=open_when_ready, args=(address, page, server), daemon=True).start()
    return wait_for_end(server)


def check_database(uri: str) -> None:
    """Raise a UserError for a database without runs or connection; prepare one that has them."""
    if uri.startswith("postgresql"):
        check_connection(uri)
    if uri.startswith(SQLITE):
        path = Path(uri.removeprefix(SQLITE))
        if not path.exists() or is_half_made(path):
            raise UserError(f"no runs here yet: {path} is missing; fix: nnexp data=digits")
        with store_lock(uri):
            relocate(path)
        update_statistics(path)


def find_page(options: Namespace, runs: Runs) -> str:
    """Return the path of the page to open; empty where none was asked for and the store does not answer."""
    try:
        return page_of(options.targets, runs, options.view)
    except UserError:
        if options.targets or options.experiment:
            raise
        return ""


def wait_for_end(server: "subprocess.Popen[bytes]") -> int:
    """Wait until the server ends, which Ctrl-C makes it do; returns its exit code."""
    while True:
        try:
            return max(server.wait(), 0)
        except KeyboardInterrupt as error:
            may_have_reached_server = getattr(error, "number", signal.SIGINT) == signal.SIGINT  # as Ctrl-C
            timer = Timer(SHUTDOWN_TIMEOUT if may_have_reached_server else 0.0, server.terminate)
            timer.daemon = True
            timer.start()


def start_server(uri: str, host: str, port: int) -> "subprocess.Popen[bytes]":
    """Start `mlflow server` on a store, whose URI may hold a password and must not be on a command line."""
    set_mlflow_defaults()
    options = {"--host": host, "--port": str(port), "--workers": "1"}
    command = [sys.executable, "-P", "-m", "mlflow", "server", *chain(*options.items())]
    variables = {"MLFLOW_BACKEND_STORE_URI": uri, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, env=os.environ | variables)


def has_browser() -> bool:
    """Return whether there is a desktop for a browser; one in the terminal would replace our output."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, DISPLAYS))


def open_when_ready(address: str, page: str, server: "subprocess.Popen[bytes]") -> None:
    """Open a page in the browser once its server answers, unless that ends before."""
    deadline = time.monotonic() + STARTUP_TIMEOUT
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy for this machine
    while server.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(f"{address}/health", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(address + page)
            return


def choose_port(wanted: int | None, host: str) -> int:
    """Return the port to listen on: the one that is wanted, else the default one or any that is free."""
    if host != HOST:
        check_host(host)
    port = find_port(wanted or PORT, host) or (0 if wanted else find_port(0, host))
    if not port:
        raise UserError(f"port {wanted} is in use; fix: omit --port to use a free one")
    return port


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
