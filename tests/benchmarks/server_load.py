"""Load on one tracking server: many client processes send the records of many runs at once.

    pip install -e '.[postgres]'; apt-get install postgresql
    python tests/benchmarks/server_load.py [--clients 64] [--runs 2000] [--minutes 12] [--direct]

One run on the digits is trained; its folder, with another id, is every run that is sent. Each client is a
process that uploads one run after the other to `mlflow server` on PostgreSQL, which serves the artifacts too
(--direct: clients write them into the artifact store themselves). Clients are forked from one process that
has imported mlflow. Then database and files are compared with what was sent.
Printed are runs per second, requests per run, the CPU time of each side, what gives out first, and what is
missing or doubled. After --minutes no more runs are begun; those that were sent are compared.
"""

import argparse
import gc
import json
import os
import pwd
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from typing import Any

from nnexp.experiment.upload_process import make_outputs
from nnexp.tracking.mlflow.store import MLFLOW_ENV
from nnexp.tracking.upload.process_setup import REQUEST_TIMEOUT, remember_absent_modules

DEBIAN_FOLDERS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
TICKS = os.sysconf("SC_CLK_TCK")
EXPERIMENT = "server_load"
SHOW_EVERY = 10.0  # seconds
THREADS = 40  # of each worker of the server; SQLAlchemy's pool of 15 connections would let them wait and fail
POOL = {"MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": str(THREADS)}
FULL = 0.1  # share of idle time of the processors, at most
OUTPUTS = "outputs.json"  # the paths of the plots and tables of the run


@contextmanager
def postgres(folder: Path, port: int, connections: int = 100) -> Iterator[tuple[str, int]]:
    """Start PostgreSQL with its default settings, but so many connections, and an empty database.

    Yields its URI and its PID.
    """
    path = os.pathsep.join([*DEBIAN_FOLDERS, os.environ["PATH"]])
    program = shutil.which("initdb", path=path)
    if program is None:
        raise SystemExit("needs PostgreSQL: apt-get install postgresql")
    programs, data = Path(program).resolve().parent, folder / "data"
    folder.mkdir()
    account: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        user = pwd.getpwnam("postgres")
        shutil.chown(folder, "postgres")
        account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def call(name: str, *arguments: object) -> None:
        command = [str(programs / name), *map(str, arguments)]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **account)

    call("initdb", "-D", data, "-A", "trust", "-U", "postgres")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections={connections}"
    call("pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", settings, "start")
    try:
        call("createdb", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "mlflow")
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        yield f"postgresql://postgres@127.0.0.1:{port}/mlflow", pid
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")


@contextmanager
def server(folder: Path, backend: str, port: int, workers: int, direct: bool) -> Iterator[tuple[str, int]]:
    """Start `mlflow server`; yields its address and its PID."""
    folder.mkdir()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend]
    artifacts = str(folder / "artifacts")
    if direct:
        command += ["--no-serve-artifacts", "--default-artifact-root", artifacts]
    else:
        command += ["--serve-artifacts", "--artifacts-destination", artifacts]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    with (folder / "log").open("w") as log:
        streams: dict[str, Any] = {"stdout": log, "stderr": log}
        environment = os.environ | MLFLOW_ENV | POOL
        process = subprocess.Popen(command, cwd=folder, env=environment, process_group=0, **streams)
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit((folder / "log").read_text(encoding="utf-8")[-3000:])
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@dataclass(frozen=True)
class Usage:
    """What processes have used: CPU time in seconds, bytes written to the disk."""

    cpu: float
    written: int = 0

    def __sub__(self, earlier: "Usage") -> "Usage":
        return Usage(self.cpu - earlier.cpu, self.written - earlier.written)


def usage(root: int) -> Usage:
    """Return what a process and all that it has started have used, CPU time also of those that have ended."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    written: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            values = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            pid = int(path.parent.name)
            parents[pid] = int(values[1])
            ticks[pid] = sum(map(int, values[11:15]))
            lines = path.with_name("io").read_text(encoding="utf-8").splitlines()
            written[pid] = next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))

    def is_below(pid: int) -> bool:
        while pid not in (root, 0):
            pid = parents.get(pid, 0)
        return pid == root

    own = [pid for pid in ticks if is_below(pid)]
    return Usage(sum(ticks[pid] for pid in own) / TICKS, sum(written.get(pid, 0) for pid in own))


def idle_seconds() -> float:
    """Return the time that all processors together have been idle, waits for the disk included."""
    values = Path("/proc/stat").read_text(encoding="utf-8").split()
    return (int(values[4]) + int(values[5])) / TICKS


def record_run(folder: Path, epochs: int, uri: str) -> Path:
    """Train one run, which is not uploaded; returns its folder."""
    command = [sys.executable, "-m", "nnexp", "data=digits", f"trainer.epochs={epochs}", "tracking=none"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=os.environ | MLFLOW_ENV)
    (journal,) = folder.rglob("journal.jsonl")
    head, *rest = journal.read_text(encoding="utf-8").splitlines()
    paths, failures = make_outputs(journal.parent)  # drawn once: what is measured is the upload
    assert not failures, failures
    (journal.parent / OUTPUTS).write_text(json.dumps(paths), encoding="utf-8")
    values = json.loads(head)
    values["destination"] = {"uri": uri, "folder": str(folder), "experiment": EXPERIMENT}
    journal.write_text("\n".join([json.dumps(values), *rest]) + "\n", encoding="utf-8")
    return journal.parent


def copy_run(run: Path, folder: Path) -> Path:
    """Copy a run under another id; its other files are links."""
    for path in run.rglob("*"):
        target = folder / path.relative_to(run)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    head, _, rest = (run / "journal.jsonl").read_text(encoding="utf-8").partition("\n")
    (folder / "journal.jsonl").unlink()
    values = json.loads(head) | {"id": secrets.token_hex(16), "name": folder.name}
    (folder / "journal.jsonl").write_text(f"{json.dumps(values)}\n{rest}", encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Answer:
    """What a client has to say about a run, or that it is ready."""

    error: str = ""
    seconds: float = 0.0
    requests: int = 0
    cpu: float = 0.0  # seconds
    waits: int = 0  # times that the server was too busy


class Sender:
    """Uploads runs as `nnexp sync` does, with plots that are drawn already; counts its requests."""

    def __init__(self, uri: str) -> None:
        os.environ.update(MLFLOW_ENV | REQUEST_TIMEOUT | {"MLFLOW_TRACKING_URI": uri})
        remember_absent_modules()
        import requests

        from nnexp.plots.run.confusion import epoch_confusion
        from nnexp.tracking.upload.thread import Callbacks

        send = requests.Session.send
        self.sent = self.waits = 0

        def count(session: requests.Session, request: Any, **options: Any) -> Any:
            self.sent += 1
            return send(session, request, **options)

        def outputs(folder: Path) -> tuple[list[str], list[str]]:
            return json.loads((folder / OUTPUTS).read_text(encoding="utf-8")), []

        requests.Session.send = count  # type: ignore[method-assign]
        self.callbacks = Callbacks(
            make_outputs=outputs, fetch_baseline=lambda *_: "", draw_confusion=epoch_confusion
        )

    def count_wait(self, reason: str) -> None:
        self.waits += 1

    def upload(self, folder: Path) -> Answer:
        """Upload a run; a busy server is waited for."""
        from nnexp.tracking.upload.sync import upload

        began, cpu, sent, waits = time.perf_counter(), time.process_time(), self.sent, self.waits
        error = upload(folder, self.callbacks, show=self.count_wait).error
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
        return Answer(error, seconds, self.sent - sent, spent, self.waits - waits)


def serve_client(sender: Sender, tasks: Any, answers: Any) -> None:
    """Upload runs, one after the other."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    answers.put(Answer())
    while (folder := tasks.get()) is not None:
        answers.put(sender.upload(folder))


def check(backend: str, artifacts: Path, folders: list[Path]) -> list[str]:
    """Compare the database and the files with the journals; returns what is missing or doubled."""
    from sqlalchemy import create_engine, text

    from nnexp.run_folder import RunFolder, history

    with create_engine(backend).connect() as connection:
        query = "SELECT run_uuid, status, value FROM runs JOIN tags USING (run_uuid) WHERE key = :key"
        runs = connection.execute(text(query), {"key": "nnexp.journal_id"}).all()
        points = Counter(map(tuple, connection.execute(text("SELECT run_uuid, key, step FROM metrics"))))
        models = Counter(connection.execute(text("SELECT source_run_id FROM logged_models")).scalars())
        params = Counter(connection.execute(text("SELECT run_uuid FROM params")).scalars())
    ids: dict[str, list[str]] = {}
    for run_id, _, journal_id in runs:
        ids.setdefault(journal_id, []).append(run_id)
    problems = [f"a run is {status}" for _, status, _ in runs if status != "FINISHED"]
    for folder in folders:
        head, *entries = RunFolder(folder).entries()
        stored = ids.pop(head["id"], [])
        if len(stored) != 1:
            problems.append(f"{folder.name}: {len(stored)} runs")
            continue
        (run_id,) = stored
        rows = [(run_id, name, step) for step, values in history(entries) for name in values]
        wrong = [f"{key[1:]}: {points[key]} of {n}" for key, n in Counter(rows).items() if points[key] != n]
        wrong += [] if models[run_id] == 1 else [f"{models[run_id]} models"]
        wrong += [] if params[run_id] == len(head["params"]) else [f"{params[run_id]} params"]
        paths = [entry["path"] for entry in entries if entry["kind"] == "artifact"]
        paths += json.loads((folder / OUTPUTS).read_text(encoding="utf-8"))
        place = next(artifacts.glob(f"*/{run_id}/artifacts"), artifacts)
        wrong += [f"no {path}" for path in paths if not (place / path).is_file()]
        images = [path.name.partition("+timestamp")[0] for path in place.glob("images/*.png")]
        wrong += [f"{n} of {name}" for name, n in Counter(images).items() if n != 1]
        problems += [f"{folder.name}: {problem}" for problem in wrong[:3]]
    return problems + [f"a run that was not sent: {key}" for key in ids]


def fork_clients(uri: str, count: int, first: Path) -> tuple[list[Any], Any, Any]:
    """Fork clients from this process, which has imported all and uploaded a run: they share its memory."""
    sender = Sender(uri)
    assert (error := sender.upload(first).error) == "", error
    gc.collect()
    gc.freeze()
    context = get_context("fork")
    tasks, answers = context.SimpleQueue(), context.Queue()
    clients = [context.Process(target=serve_client, args=(sender, tasks, answers)) for _ in range(count)]
    for process in clients:
        process.daemon = True
        process.start()
    for _ in clients:
        next_answer(clients, answers)
    return clients, tasks, answers


def next_answer(clients: list[Any], answers: Any) -> Answer:
    """Wait for an answer; a SystemExit if a client has died."""
    while True:
        with suppress(Empty):
            answer: Answer = answers.get(timeout=5)
            return answer
        if dead := [process.exitcode for process in clients if not process.is_alive()]:
            raise SystemExit(f"{len(dead)} clients have ended early: exit codes {dead}")


def send_all(folders: list[Path], clients: list[Any], tasks: Any, answers: Any, limit: float) -> list[Answer]:
    """Let the clients send runs, for so many seconds at most; returns an answer for each that was sent."""
    waiting = iter(folders)
    received: list[Answer] = []
    began = shown = time.perf_counter()
    given = 0
    errors: set[str] = set()
    for folder in islice(waiting, 2 * len(clients)):  # a pipe holds so few
        tasks.put(folder)
        given += 1
    while len(received) < given:
        received.append(next_answer(clients, answers))
        if (error := received[-1].error) and error not in errors:
            errors.add(error)
            print(f"failed: {error}", flush=True)
        now = time.perf_counter()
        if now - began < limit and (folder := next(waiting, None)) is not None:
            tasks.put(folder)
            given += 1
        if now - shown >= SHOW_EVERY:
            shown = now
            rate = len(received) / (now - began)
            left = (len(folders) - len(received)) / rate
            text = f"{len(received)} of {len(folders)} runs, {rate:.2f} a second, {left:.0f} s left"
            print(f"{text}; {sum(bool(answer.error) for answer in received)} failed", flush=True)
    return received


def measure(options: argparse.Namespace, folder: Path) -> list[str]:
    """Send all runs, print what was measured; returns what is missing or doubled."""
    port = options.port
    connections = 2 * (THREADS + 10) * options.workers + 20
    with (
        postgres(folder / "postgres", port + 1, connections) as (backend, database_pid),
        server(folder / "server", backend, port, options.workers, options.direct) as (uri, server_pid),
    ):
        (folder / "runs").mkdir()
        run = record_run(folder / "runs", options.epochs, uri)
        names = [folder / "sent" / f"{number:05}" for number in range(options.runs + 1)]
        first, *folders = [copy_run(run, name) for name in names]
        clients, tasks, answers = fork_clients(uri, options.clients, first)
        print(f"{options.clients} clients are ready", flush=True)
        trees = {"server": server_pid, "PostgreSQL": database_pid}
        before = {name: usage(pid) for name, pid in trees.items()}
        idle_before = idle_seconds()
        began = time.perf_counter()
        received = send_all(folders, clients, tasks, answers, 60 * options.minutes)
        seconds = time.perf_counter() - began
        used = {name: usage(pid) - before[name] for name, pid in trees.items()}
        idle = (idle_seconds() - idle_before) / seconds / (os.cpu_count() or 1)
        for _ in clients:
            tasks.put(None)
        for process in clients:
            process.join()
        used["clients"] = Usage(sum(answer.cpu for answer in received))
        show(options, received, seconds, idle, used)
        sent = [first, *folders[: len(received)]]
        return check(backend, folder / "server" / "artifacts", sent)


def show(
    options: argparse.Namespace, received: list[Answer], seconds: float, idle: float, used: dict[str, Usage]
) -> None:
    """Print the table of what was measured."""
    runs, cores = len(received), os.cpu_count() or 1
    times = sorted(answer.seconds for answer in received)
    rows = [
        ("runs per second", f"{runs / seconds:.2f}", f"{runs} of {options.runs} runs in {seconds:.0f} s"),
        ("seconds per run", f"{statistics.median(times):.2f}", f"slowest {times[-1]:.2f}"),
        ("requests per run", f"{statistics.mean(answer.requests for answer in received):.1f}", ""),
        ("busy answers", f"{sum(answer.waits for answer in received)}", "waited for"),
    ]
    for name, one in used.items():
        share = f"{one.cpu / seconds / cores:.0%} of all processors"
        rows.append((f"CPU ms per run, {name}", f"{1000 * one.cpu / runs:.0f}", share))
    rows += [
        (f"KB written per run, {name}", f"{one.written / 1024 / runs:.0f}", "")
        for name, one in used.items()
        if one.written
    ]
    print(f"{options.clients} clients, {options.workers} workers of the server, {cores} processors")
    others = 1 - idle - sum(one.cpu for one in used.values()) / seconds / cores
    rows.append(("processors", "", f"{idle:.0%} idle, {max(others, 0):.0%} for other processes"))
    for label, value, note in rows:
        print(f"{label:32} {value:>8}  {note}")
    most = max(used, key=lambda name: used[name].cpu)
    first = (
        f"the processors, most of them for: {most}" if idle < FULL else "disk or locks: processors are idle"
    )
    print(f"gives out first: {first}")
    for error, count in Counter(answer.error for answer in received if answer.error).most_common():
        print(f"{count} uploads failed: {error}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=10, help="of the run whose record is sent")
    parser.add_argument("--minutes", type=float, default=12, help="after which no more runs are begun")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="of the server")
    parser.add_argument("--direct", action="store_true", help="clients write artifacts themselves")
    parser.add_argument("--port", type=int, default=5600, help="of the server; PostgreSQL has the next one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers end too
    folder = Path(tempfile.mkdtemp(prefix="nnexp-load-"))
    folder.chmod(0o755)  # of another user: PostgreSQL's
    try:
        problems = measure(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(problems[:20]) or "nothing is missing, nothing is doubled")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
