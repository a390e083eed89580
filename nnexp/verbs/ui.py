"""`nnexp ui`: the MLflow UI on the store that runs here go to."""

import argparse
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from nnexp.tracking.store import SQLITE, StoreError, address, quiet

PORT = 5000


def main(arguments: list[str]) -> int:
    """Serve the UI until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="nnexp ui", description="Open the MLflow UI on the project's store, on this machine only.")
    parser.add_argument(
        "--port", type=int, choices=range(1, 65536), metavar="PORT", help=f"default: {PORT}, or a free one if that is taken"
    )
    parser.add_argument("--uri", help="another store (default: MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory)")
    options = parser.parse_args(arguments)
    try:
        uri = address(options.uri)
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return 2
    if uri.startswith(("http://", "https://")):
        print(f"The store is a server with a UI of its own: {uri}")
        return 0
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        print(f"nnexp: no runs here yet: there is no {uri.removeprefix(SQLITE)}; make one with: nnexp data=digits", file=sys.stderr)
        return 2
    port = options.port or (PORT if _is_free(PORT) else _free_port())
    if not _is_free(port):
        print(f"nnexp: port {port} is taken; leave --port out to get a free one", file=sys.stderr)
        return 2
    quiet()
    print(f"MLflow UI: http://127.0.0.1:{port}  (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, "--workers", "1"], env=os.environ)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return max(process.wait(), 0)
        except KeyboardInterrupt:
            continue  # Ctrl-C reached the server too: it is about to end


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
