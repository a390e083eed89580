"""Sweeps on several nodes, one of which is killed in the middle, with an MLflow server on PostgreSQL.

    pip install -e '.[postgres,ray,slurm,search]'; apt-get install postgresql
    python tests/benchmarks/cluster.py [SCENARIO ...] [--jobs 60] [--trials 30] [--epochs 100]

A scenario is a kind of sweep and where it runs, such as grid-ray. Kinds: grid; tpe and asha (searches, the
latter with pruning). Places: ray, a cluster of 3 nodes (ray.cluster_utils.Cluster) of this machine; apart, a
cluster whose nodes are in mount and process namespaces of their own, so that they see neither the folder of
the sweep nor the caches of each other (needs root); submitit, `hydra/launcher=submitit_local`.
When a third of the jobs are over, a node (a worker of submitit) is killed. In place of that, another one
joins with `late-`, as in grid-late-ray, and Ctrl-C ends the sweep with `stop-`, as in grid-stop-apart.
Then journals, database and files are compared: each job is finished, and in the store once, with each value
of each metric once, nested in the parent run.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server_load import postgres, server

from nnexp.run_folder import RunFolder, end_of, head_of, history
from nnexp.tracking.mlflow.store import MLFLOW_ENV

NODES = 3
STORE = 80_000_000  # bytes of each node's object store
SCENARIOS = [f"{kind}-{place}" for place in ("ray", "apart", "submitit") for kind in ("grid", "tpe", "asha")]
STOPPED = ["grid-stop-ray", "grid-stop-apart", "grid-late-ray"]
TIMEOUT = 1800.0  # seconds of a sweep
BACKGROUND = 120.0  # seconds of uploads after Ctrl-C
ENDS = ("FINISHED", "KILLED")  # statuses of parent runs
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_raylet_start_wait_time_s": "120",  # of a machine with few cores
}


@dataclass
class Store:
    """The store of all runs: server, database and artifacts; and what it had of the last sweep, in words."""

    uri: str
    backend: str
    artifacts: Path
    summary: str = ""


@dataclass
class Place:
    """Where the jobs of a sweep run.

    Attributes:
        overrides: that send jobs there.
        kill: ends one of its nodes at once.
        join: adds a node.
        is_free: whether nothing of a sweep that has ended is left there.
    """

    overrides: list[str]
    kill: Callable[[], object]
    join: Callable[[], object] = lambda: None
    is_free: Callable[[], bool] = lambda: True


@contextmanager
def ray_cluster(folder: Path) -> Iterator[Place]:
    """Start a Ray cluster of this machine."""
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    nodes = [cluster.add_node(**node) for _ in range(NODES - 1)]
    try:
        yield Place(
            ["hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}"],
            kill=lambda: cluster.remove_node(nodes[0], allow_graceful=False),
            join=lambda: cluster.add_node(**node),
            is_free=lambda: not live_actors(cluster),
        )
    finally:
        cluster.shutdown()


@contextmanager
def ray_cluster_apart(folder: Path) -> Iterator[Place]:
    """Start a Ray cluster whose nodes see neither `folder` nor the cache of another one."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    ray = f"{sys.executable} -m ray.scripts.scripts"
    start = f"{ray} start --address={cluster.address} --num-cpus=1 --object-store-memory={STORE} --block"
    cache = folder.parent / "cache"
    cache.mkdir(exist_ok=True)
    script = f"mount -t tmpfs none {folder} && mount -t tmpfs none {cache} && cd / && exec {start}"
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    nodes: list[subprocess.Popen[bytes]] = []

    def join() -> None:
        environment = os.environ | {"NNEXP_CACHE": str(cache)}
        with (folder.parent / f"node{len(nodes)}.log").open("w") as log:
            streams: dict[str, Any] = {"stdout": log, "stderr": log, "env": environment}
            node = subprocess.Popen([*namespaces, "sh", "-c", script], process_group=0, **streams)
        nodes.append(node)
        before = len(alive_nodes(cluster))
        wait_for(lambda: len(alive_nodes(cluster)) > before or node.poll() is not None, 120)

    try:
        for _ in range(NODES):
            join()
        address = f"hydra.launcher.ray.init.address={cluster.address}"
        overrides = ["hydra/launcher=ray", address]
        yield Place(overrides, kill=nodes[0].kill, join=join, is_free=lambda: not live_actors(cluster))
    finally:
        for node in nodes:
            node.kill()
            node.wait()
        cluster.shutdown()


def alive_nodes(cluster: Any) -> list[dict[str, Any]]:
    """Return the nodes of a cluster that are alive."""
    return [node for node in cluster.global_state.node_table() if node["Alive"]]


def live_actors(cluster: Any) -> list[dict[str, Any]]:
    """Return the actors of a cluster that are not dead."""
    table = cluster.global_state.actor_table(None, None, None)
    return [actor for actor in table.values() if actor["State"] != "DEAD"]


@contextmanager
def submitit(folder: Path) -> Iterator[Place]:
    """Let submitit start workers of this machine."""

    def kill() -> None:
        """Kill a worker, and what it has started, as the end of its node would."""
        children: dict[int, list[int]] = {}
        lines: dict[int, str] = {}
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                stat = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(int(path.name))
                lines[int(path.name)] = (path / "cmdline").read_text(encoding="utf-8")
        doomed = [next(pid for pid, line in lines.items() if "submitit" in line and str(folder) in line)]
        for pid in doomed:
            doomed += children.get(pid, [])
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    yield Place(["hydra/launcher=submitit_local", f"sweep.jobs={NODES}"], kill)


PLACES = {"ray": ray_cluster, "apart": ray_cluster_apart, "submitit": submitit}


def overrides_of(kind: str, options: argparse.Namespace) -> list[str]:
    """Return the overrides of a kind of sweep."""
    shared = ["-m", "data=digits", f"trainer.epochs={options.epochs}", "tracking.plots=false"]
    if kind == "grid":
        return [*shared, f"seed=range({options.jobs})"]
    return [*shared, f"hparams_search={kind}", f"search.trials={options.trials}"]


def run(scenario: str, folder: Path, store: Store, options: argparse.Namespace) -> list[str]:
    """Run a sweep and compare the store with it; returns what is wrong."""
    kind, *events, place_name = scenario.split("-")
    jobs = options.jobs if kind == "grid" else options.trials
    work = folder / "work"
    work.mkdir(parents=True)
    os.environ["MLFLOW_TRACKING_URI"] = store.uri
    with PLACES[place_name](work) as place, (folder / "output").open("w") as output:
        command = [sys.executable, "-m", "nnexp", *overrides_of(kind, options), *place.overrides]
        streams: dict[str, Any] = {"stdout": output, "stderr": subprocess.STDOUT, "cwd": work}
        began = time.monotonic()
        process = subprocess.Popen(command, process_group=0, **streams)
        try:
            wait_for(lambda: ended_jobs(folder) >= jobs // 3 or process.poll() is not None)
            if "stop" in events:
                os.killpg(process.pid, signal.SIGINT)
            elif "late" in events:
                place.join()
            else:
                place.kill()
            code = process.wait(TIMEOUT)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        print(f"{scenario}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
        with suppress(TimeoutError):
            wait_for(place.is_free, 10)
        is_free = place.is_free()
        is_stopped = "stop" in events
        problems = check(store, work, jobs, is_stopped)
        end = time.monotonic() + BACKGROUND
        while is_stopped and problems and time.monotonic() < end:  # uploads go on in the background
            time.sleep(1)
            problems = check(store, work, jobs, is_stopped)
    problems += [] if is_free else ["actors are alive"]
    writers = {head_of(RunFolder(path.parent).entries())["writer"]["pid"] for path in journals_of(work)}
    if "late" in events and len(writers) <= NODES:
        problems.append("the node that has joined got no job")
    text = (folder / "output").read_text(encoding="utf-8")
    print(f"  jobs that ran again: {text.count('runs again: ')}; {store.summary}", flush=True)
    if code != (128 + signal.SIGINT if is_stopped else 0) or "Traceback" in text:
        problems.append(f"exit code {code}: {text[-3000:]}")
    return problems


def journals_of(work: Path) -> list[Path]:
    """Return the journals of the jobs of a sweep."""
    return sorted(work.glob("outputs/sweeps/*/*/[0-9]*/journal.jsonl"))


def ended_jobs(folder: Path) -> int:
    """Return how many jobs have ended, by the command's output."""
    text = (folder / "output").read_text(encoding="utf-8")
    return len(re.findall(r"^ *\d+ of \d+  ", text, re.MULTILINE))


def wait_for(condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def check(store: Store, work: Path, jobs: int, is_stopped: bool) -> list[str]:
    """Compare the store with the journals of a sweep; returns what is missing, doubled or not over."""
    from sqlalchemy import create_engine, text

    (sweep,) = work.glob("outputs/sweeps/*/*")
    sweep_id = f"{sweep.parent.name}/{sweep.name}"
    runs = "SELECT run_uuid, status, lifecycle_stage = 'active' FROM runs JOIN tags USING (run_uuid)"
    points_query = "SELECT run_uuid, key, step FROM metrics WHERE key NOT LIKE 'system/%'"
    with create_engine(store.backend).connect() as connection:

        def select(query: str, **values: str) -> list[Any]:
            return list(connection.execute(text(query), values).all())

        of_tag = f"{runs} WHERE key = :key AND value = :value"
        all_children = select(of_tag, key="nnexp.sweep_id", value=sweep_id)
        parents = select(of_tag, key="nnexp.sweep", value=sweep_id)
        tags = {(run, key): value for run, key, value in select("SELECT run_uuid, key, value FROM tags")}
        points = Counter(map(tuple, select(points_query)))
    children = [(run, status) for run, status, is_active in all_children if is_active]
    statuses = Counter(status for _, status in children)
    pruned = sum(bool(tags.get((run, "nnexp.pruned"))) for run, _ in children)
    replaced = len(all_children) - len(children)
    store.summary = f"runs in the store: {dict(statuses)}, {pruned} pruned, {replaced} replaced"
    problems = [] if len(parents) == 1 else [f"{len(parents)} parent runs"]
    problems += [f"the parent run is {one[1]}" for one in parents if one[1] != ENDS[is_stopped]]
    if statuses["RUNNING"] or (not is_stopped and statuses != {"FINISHED": jobs}):
        problems.append(f"expected {jobs} jobs, got {dict(statuses)}")
    numbers = Counter(tags[run, "nnexp.job"] for run, _ in children)
    problems += [f"job {number}: {count} runs" for number, count in numbers.items() if count > 1]
    parent = parents[0][0] if parents else ""
    nested = sum(tags.get((run, "mlflow.parentRunId")) == parent for run, _ in children)
    problems += [] if nested == len(children) else [f"{nested} of {len(children)} are nested"]
    by_job = {tags[run, "nnexp.job"]: run for run, _ in children}
    folders = [path.parent for path in journals_of(work)]
    problems += [] if is_stopped or len(folders) == jobs else [f"{len(folders)} folders"]
    for path in folders:
        entries = RunFolder(path).entries()
        end, run = end_of(entries), by_job.get(path.name, "")
        wrong = (
            [] if end and (is_stopped or end["status"] == "FINISHED") else [f"its journal ends with {end}"]
        )
        if not run or tags[run, "nnexp.journal_id"] != head_of(entries)["id"]:
            problems.append(f"job {path.name}: the store has {'another attempt' if run else 'no run'}")
            continue
        wanted = Counter((run, name, step) for step, values in history(entries) for name in values)
        stored = Counter({key: count for key, count in points.items() if key[0] == run})
        if stored != wanted:
            other = [key[1:] for key in (stored - wanted) + (wanted - stored)]
            wrong.append(f"values stored {stored.total()} of {wanted.total()}: {other[:5]}")
        place = next(store.artifacts.glob(f"*/{run}/artifacts"), store.artifacts)
        paths = [entry["path"] for entry in entries if entry["kind"] == "artifact"]
        wrong += [f"no {name}" for name in paths if not (place / name).is_file()]
        problems += [f"job {path.name}: {problem}" for problem in wrong[:3]]
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", default=[*SCENARIOS, *STOPPED])
    parser.add_argument("--jobs", type=int, default=60, help="of a grid")
    parser.add_argument("--trials", type=int, default=30, help="of a search")
    parser.add_argument("--epochs", type=int, default=100, help="of each")
    parser.add_argument("--port", type=int, default=5700, help="of the server; PostgreSQL has the next one")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all output")
    options = parser.parse_args()
    os.environ.update(MLFLOW_ENV | QUIET)
    folder = Path(tempfile.mkdtemp(prefix="nnexp-cluster-"))
    folder.chmod(0o755)  # of another user: PostgreSQL's
    failed = []
    try:
        with (
            postgres(folder / "postgres", options.port + 1) as (backend, _),
            server(folder / "server", backend, options.port, workers=2, direct=False) as (uri, _),
        ):
            store = Store(uri, backend, folder / "server" / "artifacts")
            for scenario in options.scenarios:
                problems = run(scenario, folder / scenario, store, options)
                for problem in problems[:20] or ["all as expected"]:
                    print(f"  {problem}", flush=True)
                failed += [scenario] if problems else []
    finally:
        if options.keep:
            print(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
