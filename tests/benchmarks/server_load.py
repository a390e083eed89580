"""Load on one tracking server: many client processes send the records of many runs at once.

    pip install -e '.[postgres]'; apt-get install postgresql
    python tests/benchmarks/server_load.py [--clients 64] [--runs 2000] [--workers 4] [--direct]

One run on the digits is trained; its folder, with another id, is every run that is sent. Each client is a
process that uploads one run after the other to `mlflow server` on PostgreSQL, which serves the artifacts too
(--direct: clients write them into the artifact store themselves). Then database and files are compared with
what was sent.
Printed are runs per second, requests per run, the CPU time of each side, and what is missing or doubled.
"""

import argparse
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
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nnexp.experiment.upload_process import make_outputs
from nnexp.tracking.mlflow.store import MLFLOW_ENV

DEBIAN_FOLDERS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
TICKS = os.sysconf("SC_CLK_TCK")
EXPERIMENT = "server_load"
OUTPUTS = "outputs.json"  # the paths of the plots and tables of the run


@contextmanager
def postgres(folder: Path, port: int) -> Iterator[tuple[str, int]]:
    """Start PostgreSQL with its default settings and an empty database; yields its URI and its PID."""
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
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
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
        environment = os.environ | MLFLOW_ENV
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


def cpu_seconds(root: int) -> float:
    """Return the CPU time of a process and of all that it has started, also of those that have ended."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            values = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(values[1])
            ticks[int(path.parent.name)] = sum(map(int, values[11:15]))
    total = 0
    for pid, spent in ticks.items():
        ancestor = pid
        while ancestor not in (root, 0):
            ancestor = parents.get(ancestor, 0)
        total += spent if ancestor == root else 0
    return total / TICKS


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


def client(uri: str, tasks: Any, results: Any) -> None:
    """Upload runs, one after the other: for each its seconds, its requests, and what went wrong."""
    os.environ.update(MLFLOW_ENV | {"MLFLOW_TRACKING_URI": uri})
    import requests

    from nnexp.tracking.upload.sync import upload
    from nnexp.tracking.upload.thread import Callbacks

    send = requests.Session.send
    sent: Counter[str] = Counter()

    def count(self: requests.Session, request: Any, **options: Any) -> Any:
        sent[request.method] += 1
        return send(self, request, **options)

    requests.Session.send = count  # type: ignore[method-assign]

    def outputs(folder: Path) -> tuple[list[str], list[str]]:
        paths = json.loads((folder / OUTPUTS).read_text(encoding="utf-8"))
        return paths, []

    from nnexp.plots.run.confusion import epoch_confusion

    callbacks = Callbacks(make_outputs=outputs, fetch_baseline=lambda *_: "", draw_confusion=epoch_confusion)
    results.put(("ready", 0.0, 0, 0.0))
    while (folder := tasks.get()) is not None:
        began, cpu, before = time.perf_counter(), time.process_time(), sent.total()
        error = upload(folder, callbacks).error
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
        results.put((error, seconds, sent.total() - before, spent))


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


def measure(options: argparse.Namespace, folder: Path) -> list[str]:
    """Send all runs, print what was measured; returns what is missing or doubled."""
    context = get_context("spawn")
    port = options.port
    with (
        postgres(folder / "postgres", port + 1) as (backend, database_pid),
        server(folder / "server", backend, port, options.workers, options.direct) as (uri, server_pid),
    ):
        (folder / "runs").mkdir()
        run = record_run(folder / "runs", options.epochs, uri)
        folders = [copy_run(run, folder / "sent" / f"{number:05}") for number in range(options.runs)]
        tasks, results = context.Queue(), context.Queue()
        clients = [context.Process(target=client, args=(uri, tasks, results)) for _ in range(options.clients)]
        for process in clients:
            process.start()
        for _ in clients:
            results.get()
        before = cpu_seconds(server_pid), cpu_seconds(database_pid)
        began = time.perf_counter()
        for path in folders:
            tasks.put(path)
        answers = []
        for _ in folders:
            answers.append(results.get())
            if len(answers) % max(1, options.runs // 10) == 0:
                rate = len(answers) / (time.perf_counter() - began)
                print(f"{len(answers)} of {options.runs} runs, {rate:.2f} a second", flush=True)
        seconds = time.perf_counter() - began
        after = cpu_seconds(server_pid), cpu_seconds(database_pid)
        for _ in clients:
            tasks.put(None)
        for process in clients:
            process.join()
        errors = Counter(answer[0] for answer in answers if answer[0])
        times = sorted(answer[1] for answer in answers)
        print(f"{options.clients} clients, {options.workers} workers of the server, {os.cpu_count()} cores")
        print(f"runs per second       {options.runs / seconds:.2f} ({seconds:.1f} s)")
        print(f"seconds per run       {statistics.median(times):.2f} (slowest {times[-1]:.2f})")
        print(f"requests per run      {statistics.mean(answer[2] for answer in answers):.1f}")
        names = ("server", "PostgreSQL")
        for name, start, end in zip(names, before, after, strict=True):
            print(f"CPU ms per run        {1000 * (end - start) / options.runs:.0f} {name}")
        spent = sum(answer[3] for answer in answers)
        print(f"CPU ms per run        {1000 * spent / options.runs:.0f} clients")
        for error, count in errors.most_common():
            print(f"{count} uploads failed: {error}")
        return check(backend, folder / "server" / "artifacts", folders)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=10, help="of the run whose record is sent")
    parser.add_argument("--workers", type=int, default=4, help="of the server")
    parser.add_argument("--direct", action="store_true", help="clients write artifacts themselves")
    parser.add_argument("--port", type=int, default=5600, help="of the server; PostgreSQL has the next one")
    options = parser.parse_args()
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
