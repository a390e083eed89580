"""Where a run comes from: code, machine, command."""

import getpass
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from typing import Any

from nnexp.redaction import redacted

PACKAGES = (
    "nnexp",
    "numpy",
    "scipy",
    "hydra-core",
    "omegaconf",
    "mlflow",
    "pydantic",
    "scikit-learn",
    "matplotlib",
)
DIFF_LIMIT = 1_000_000  # characters of a diff that are kept


def git() -> dict[str, str]:
    """Commit, branch and uncommitted changes of the working directory; "none" where it is no checkout."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return {"commit": "none", "branch": "none", "dirty": "none", "diff": ""}
    diff = _git("diff", "HEAD")
    dirty = diff or _git("status", "--porcelain", "--", ":/", ":(exclude)outputs", ":(exclude)mlruns")
    branch = _git("rev-parse", "--abbrev-ref", "HEAD")
    return {"commit": commit, "branch": branch, "dirty": str(bool(dirty)).lower(), "diff": diff[:DIFF_LIMIT]}


def environment(threads: int) -> dict[str, Any]:
    """The machine, Python, packages and linear algebra that a run was made with."""
    from threadpoolctl import threadpool_info

    return {
        "command": redacted(shlex.join([program(), *sys.argv[1:]])),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "blas": [
            {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
            for pool in threadpool_info()
            if pool.get("user_api") == "blas"
        ],
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def program() -> str:
    """What a person typed first."""
    name = os.path.basename(sys.argv[0]) or "python"
    return "nnexp" if name in ("__main__.py", "nnexp.exe") else name


def user() -> str:
    """Who runs this; a container may have no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, errors="replace", timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
