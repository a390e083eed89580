"""`nnexp ui`: the MLflow UI on the store that runs here go to."""

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
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import SQLITE, StoreError, address, answers, set_mlflow_defaults
from nnexp.tracking.mlflow.uris import check

PORT, LAST_PORT = 5000, 65535
PATIENCE = 60  # seconds that a server may take to answer
TEXT_BROWSERS = ("www-browser", "links", "elinks", "lynx", "w3m")  # they would take the terminal


def main(arguments: list[str]) -> int:
    """Serve the UI until Ctrl-C; returns the exit code."""
    parser = Arguments("ui", "Open the MLflow UI on the project's store, on this machine only.")
    parser.add_argument(
        "--port", type=int, metavar="PORT", help=f"default: {PORT}, or a free one if that is taken"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_store(experiment=False)
    options = parser.parse_args(arguments)
    if options.port is not None and not 1 <= options.port <= LAST_PORT:
        parser.error(f"--port {options.port}: from 1 to {LAST_PORT}")
    try:
        uri = address(options.uri)
        check(uri)
        if uri.startswith("postgresql"):
            answers(uri)
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return 2
    if uri.startswith(("http://", "https://")):
        print(f"The store is a server with a UI of its own: {redacted(uri)}", flush=True)
        if (
            not options.no_browser and redacted(uri) == uri and has_browser()
        ):  # a password would stand on the browser's command line
            webbrowser.open(uri)
        return 0
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        print(
            f"nnexp: no runs here yet: there is no {uri.removeprefix(SQLITE)}; make one with: nnexp data=digits",
            file=sys.stderr,
        )
        return 2
    port = options.port or (PORT if _is_free(PORT) else _free_port())
    if not _is_free(port):
        print(f"nnexp: port {port} is taken; leave --port out to get a free one", file=sys.stderr)
        return 2
    set_mlflow_defaults()
    page = f"http://127.0.0.1:{port}"
    print(f"MLflow UI: {page}  (Ctrl-C ends it)", flush=True)
    process = server(uri, port)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    if not options.no_browser and has_browser():
        Thread(target=show, args=(page, process), daemon=True).start()
    while True:
        try:
            return max(process.wait(), 0)
        except KeyboardInterrupt:
            continue  # Ctrl-C reached the server too: it is about to end


def server(uri: str, port: int) -> "subprocess.Popen[bytes]":
    """Start `mlflow server` on a store; its address may hold a password, and everybody sees the command line of a process."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    told = {
        "MLFLOW_BACKEND_STORE_URI": uri,
        "PYTHONWARNINGS": "ignore",
    }  # warnings: those of MLflow's own packages
    return subprocess.Popen(command, env=os.environ | told)


def has_browser() -> bool:
    """Whether there is a desktop, and a browser on it."""
    if sys.platform not in ("darwin", "win32") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        return Path(getattr(webbrowser.get(), "name", "")).name not in TEXT_BROWSERS
    except webbrowser.Error:
        return False


def show(page: str, process: "subprocess.Popen[bytes]") -> None:
    """Open a page in a browser once its server answers; not if that ends before."""
    end = time.monotonic() + PATIENCE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # of this machine, whatever proxy there is
    while process.poll() is None and time.monotonic() < end:
        try:
            opener.open(f"{page}/health", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(page)
            return


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
