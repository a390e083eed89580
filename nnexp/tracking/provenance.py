"""Provenance of a run: code, machine, packages, command."""

import getpass
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

from nnexp.redaction import redacted

PACKAGES = ["nnexp", "numpy", "scipy", "hydra-core", "omegaconf", "mlflow", "pydantic"]
PACKAGES += ["scikit-learn", "matplotlib", "numba"]
BLAS_FACTS = ("internal_api", "version", "architecture", "num_threads")
MAX_DIFF = 1_000_000  # characters
INITIAL, DETACHED = "(initial)", "(detached)"  # git's words for no commit, and for no branch


def git_state() -> dict[str, str]:
    """Return commit, branch and uncommitted changes here; "none" outside a checkout."""
    lines = _git(
        "status",
        "--porcelain=v2",
        "--branch",
        "--no-ahead-behind",
        "--",
        ":/",
        ":(exclude)outputs",
        ":(exclude)mlruns",
    )
    heads = dict(re.findall(r"^# branch\.(oid|head) (.+)$", lines, re.MULTILINE))
    if heads.get("oid", INITIAL) == INITIAL:
        return {"commit": "none", "branch": "none", "dirty": "none", "diff": ""}
    diff = redacted(_git("diff", "--no-ext-diff", "--no-textconv", "HEAD"))
    dirty = diff or re.search("^[^#]", lines, re.MULTILINE)
    branch = "HEAD" if heads["head"] == DETACHED else heads["head"]
    return {
        "commit": heads["oid"],
        "branch": branch,
        "dirty": str(bool(dirty)).lower(),
        "diff": diff[:MAX_DIFF],
    }


def provenance_tags(code: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a run that say who started it, with which code; `code` is of `git_state`."""
    tags = {f"nnexp.git_{key}": code[key] for key in ("commit", "branch", "dirty")}
    tags |= {"mlflow.source.name": "nnexp", "mlflow.source.type": "LOCAL", "mlflow.user": user_name()}
    return tags | ({"mlflow.source.git.commit": code["commit"]} if code["commit"] != "none" else {})


def command_line() -> str:
    """Return the command that started this process, without secrets."""
    return redacted(shlex.join([_program(), *sys.argv[1:]]))


def describe_environment(threads: int) -> dict[str, Any]:
    """Return command, machine, Python, packages and BLAS of this process."""
    from threadpoolctl import threadpool_info

    blas = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    return {
        "command": command_line(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "blas": [{fact: pool.get(fact) for fact in BLAS_FACTS} for pool in blas],
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def user_name() -> str:
    """Return the name of the user; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _program() -> str:
    name = os.path.basename(sys.argv[0]) or "python"
    return "nnexp" if name in ("__main__.py", "nnexp.exe") else name


def _git(*arguments: str) -> str:
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "timeout": 10}
    options |= {"encoding": "utf-8", "errors": "replace"}
    try:
        return str(
            subprocess.run(["git", "-c", "core.fsmonitor=false", *arguments], check=True, **options).stdout
        ).strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@cache
def _version(package: str) -> str | None:
    try:
        text = metadata.distribution(package).read_text("METADATA") or ""
    except ImportError:
        return None
    version = re.search(r"^Version: *(.+)$", text, re.MULTILINE)  # in a tenth of the time of metadata.version
    return version[1].strip() if version else metadata.version(package)


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
