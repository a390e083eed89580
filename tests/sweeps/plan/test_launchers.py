"""How many workers a launcher has, with how many threads, and what it needs."""

import pytest

from nnexp.config.schema import SweepSettings
from nnexp.errors import UserError
from nnexp.sweeps.plan import launchers
from nnexp.sweeps.plan.launchers import (
    BASIC,
    JOBLIB,
    SUBMITIT_LOCAL,
    SUBMITIT_SLURM,
    check_launcher,
    threads_of,
    workers_of,
)

SLURM = {"_target_": SUBMITIT_SLURM, "array_parallelism": 256, "cpus_per_task": None}


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(launchers, "cpu_count", lambda: 8)
    monkeypatch.setattr(launchers, "effective_n_jobs", lambda n_jobs: 8 if n_jobs == -1 else n_jobs)


@pytest.mark.parametrize(
    ("launcher", "jobs", "workers", "threads"),
    [
        ({"_target_": BASIC}, None, 1, 8),
        ({"_target_": BASIC}, 2, 2, 4),
        ({"_target_": JOBLIB, "n_jobs": -1}, None, 8, 1),
        ({"_target_": SUBMITIT_LOCAL, "cpus_per_task": None}, None, 8, 1),
        ({"_target_": SUBMITIT_LOCAL, "cpus_per_task": 3}, 2, 2, 3),
        (SLURM, None, 20, 1),  # as many as jobs
        (SLURM, -1, 20, 1),
        (SLURM, 4, 4, 1),
        (SLURM | {"array_parallelism": 16, "cpus_per_task": 4}, None, 16, 4),
    ],
)
def test_the_launcher_says_how_many_workers_there_are_and_their_threads(launcher, jobs, workers, threads):
    count = workers_of(SweepSettings(jobs=jobs), launcher, 20)
    assert (count, threads_of(launcher, count)) == (workers, threads)


def test_a_launcher_whose_package_is_missing_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(launchers, "find_spec", lambda name: None if name == "submitit" else name)
    check_launcher({"_target_": BASIC})
    with pytest.raises(UserError, match=r"pip install 'nnexp\[slurm\]'"):
        check_launcher({"_target_": SUBMITIT_LOCAL})


def test_slurm_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(launchers, "find_spec", lambda name: name)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="got one without sbatch and srun and squeue; fix: run it on a login"):
        check_launcher(SLURM)


@pytest.mark.parametrize(("name", "value"), [("timeout_min", 0), ("cpus_per_task", -1), ("nodes", "two")])
def test_numbers_of_a_cluster_s_settings_are_checked_before_anything_starts(monkeypatch, name, value):
    monkeypatch.setattr(launchers, "find_spec", lambda name: name)
    with pytest.raises(UserError, match=f"hydra.launcher.{name}={value}: expected a whole number >= 1"):
        check_launcher({"_target_": SUBMITIT_LOCAL, name: value})
    check_launcher({"_target_": SUBMITIT_LOCAL, name: 1})
