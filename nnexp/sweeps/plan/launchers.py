"""What `hydra/launcher` says about the workers of a sweep: how many, their threads, and what they need."""

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from joblib import cpu_count, effective_n_jobs

from nnexp.config.schema import SweepSettings
from nnexp.errors import UserError
from nnexp.sweeps.plan.ray_cluster import connect, room_for_workers

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
SUBMITIT_LOCAL = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"
SUBMITIT_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
SLURM_PACKAGE = ("submitit", "slurm")
PACKAGES = {SUBMITIT_LOCAL: SLURM_PACKAGE, SUBMITIT_SLURM: SLURM_PACKAGE, RAY: ("ray", "ray")}
"""The package that a launcher needs, and our extra that brings it."""


def check_launcher(launcher: Mapping[str, Any]) -> None:
    """Check that this machine has what a launcher needs.

    Raises:
        UserError: it lacks a package or a program.
    """
    target = str(launcher.get("_target_"))
    package, extra = PACKAGES.get(target, ("nnexp", ""))
    if find_spec(package) is None:
        problem = f"hydra/launcher needs the package {package}, which is not installed"
        raise UserError(f"{problem}; fix: pip install 'nnexp[{extra}]'")
    if target == SUBMITIT_SLURM and (missing := [name for name in SLURM if shutil.which(name) is None]):
        problem = f"expected a machine from which Slurm takes jobs, got one without {' and '.join(missing)}"
        fix = "fix: run it on a login node of the cluster"
        raise UserError(f"hydra/launcher=submitit_slurm: {problem}; {fix}")
    for name in COUNTS if package == "submitit" else ():
        value = launcher.get(name)
        if value is not None and not (isinstance(value, int) and value >= 1):
            raise UserError(f"hydra.launcher.{name}={value}: expected a whole number >= 1")


SLURM = ("sbatch", "srun", "squeue")  # programs
COUNTS = ("timeout_min", "cpus_per_task", "nodes", "tasks_per_node", "array_parallelism")


def workers_of(settings: SweepSettings, launcher: Mapping[str, Any], jobs: int) -> int:
    """Return how many workers a sweep has: no more than jobs, where these are known (not 0)."""
    target = launcher.get("_target_")
    largest = int(launcher.get("array_parallelism") or 1)
    if target == SUBMITIT_SLURM and settings.jobs in (None, -1):
        workers = largest
    elif target == RAY and settings.jobs in (None, -1):
        connect(launcher["ray"]["init"])
        workers = room_for_workers(launcher["ray"]["remote"])
    else:
        n_jobs = settings.jobs or launcher.get("n_jobs", -1 if target == SUBMITIT_LOCAL else 1)
        if n_jobs == 0:
            problem = "no process would run a job; fix: hydra.launcher.n_jobs=-1 (one for each core)"
            raise UserError(f"hydra.launcher.n_jobs=0: {problem}")
        workers = int(effective_n_jobs(n_jobs))
    return min(workers, jobs) if jobs else workers


def threads_of(launcher: Mapping[str, Any], workers: int) -> int:
    """Return how many threads the linear algebra library has in each worker."""
    if launcher.get("_target_") == RAY:
        return max(int(launcher["ray"]["remote"].get("num_cpus") or 1), 1)
    given = launcher.get("cpus_per_task")
    if launcher.get("_target_") == SUBMITIT_SLURM:
        return int(given or 1)
    return int(given or max(cpu_count() // workers, 1))
