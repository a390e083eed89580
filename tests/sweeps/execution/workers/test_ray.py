"""Sweeps on a Ray cluster."""

import re

import pytest
from fixtures.processes import Command, status_of

pytest.importorskip("ray", reason="needs the package ray: pip install 'nnexp[ray]'")

from ray.cluster_utils import Cluster

STORE = 80_000_000  # bytes of each node's object store
JOBS = ["-m", "data=digits", "tracking=none", "sweep.report=false", "hydra/launcher=ray"]


@pytest.fixture
def quiet_ray(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


def test_jobs_run_in_a_cluster_of_this_machine(tmp_path, quiet_ray):
    arguments = [*JOBS, "trainer.epochs=1", "seed=1,2", "hydra.launcher.ray.init.num_cpus=2"]
    command = Command(tmp_path, *arguments)
    assert command.wait() == 0, command.output
    assert "2 of 2 finished" in command.output
    assert "2 jobs, 2 workers, 1 thread each" in command.output
    folders = [path.parent for path in tmp_path.glob("outputs/sweeps/*/*/*/journal.jsonl")]
    assert [status_of(folder) for folder in folders] == ["FINISHED", "FINISHED"]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_loses_no_job_and_none_runs_twice_to_its_end(tmp_path, quiet_ray):
    node = {"num_cpus": 1, "object_store_memory": STORE}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    nodes = [cluster.add_node(**node) for _ in range(2)]
    address = f"hydra.launcher.ray.init.address={cluster.address}"
    command = Command(tmp_path, *JOBS, "trainer.epochs=60", "seed=range(0,60)", address)
    try:
        command.wait_for(lambda: ended(command) >= 20)
        cluster.remove_node(nodes[0], allow_graceful=False)
        assert command.wait(300) == 0, command.output
    finally:
        cluster.shutdown()
    assert "60 of 60 finished" in command.output
    assert "Ray has lost the worker" in command.output
    assert ended(command) == 60
    (sweep,) = tmp_path.glob("outputs/sweeps/*/*")
    assert {status_of(sweep / str(number)) for number in range(60)} == {"FINISHED"}


def ended(command: Command) -> int:
    return len(re.findall(r"^ *\d+ of 60  s\d+ +validation", command.output, re.MULTILINE))
