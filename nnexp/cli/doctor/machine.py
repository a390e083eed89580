"""Can the machine calculate: linear algebra and its threads, denormal numbers, free disk."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from nnexp.cli.doctor.finding import Finding, many
from nnexp.training.numerics import SUPPORTED, flushed_denormals

SIZE = 512  # of the matrices that are multiplied
TOLERANCE = 1e-4  # of a float32 product of that size, relative to its largest number
CGROUP = Path("/sys/fs/cgroup/cpu.max")
VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "VECLIB_MAXIMUM_THREADS",
)
GIGABYTE = 1e9
LITTLE, TOO_LITTLE = 5.0, 0.5  # GB of free disk


def linear_algebra() -> Iterator[Finding]:
    """Which library, with how many threads on how many cores."""
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        yield Finding(
            "blas",
            "note",
            "no library that is known to us: NumPy may be slow, and trainer.threads has no effect",
        )
        return
    pool, room = pools[0], cores()
    said = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    kernel = f", kernel {pool['architecture']}" if pool.get("architecture") else ""
    variables = ", ".join(f"{name}={value}" for name, value in said.items()) or "no variable sets that"
    text = f"{pool['internal_api']} {pool['version']}{kernel}, {many(pool['num_threads'], 'thread')} on {many(room, 'core')} ({variables})"
    if pool["num_threads"] > room:
        remedy = f"trainer.threads={room}, or OPENBLAS_NUM_THREADS={room} before nnexp"
        yield Finding("blas", "note", f"{text}: more threads than cores slow each other down", remedy)
    else:
        yield Finding("blas", "ok", text)


def product() -> Iterator[Finding]:
    """Whether a product of matrices is right, and how fast it is."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SIZE, SIZE), np.float32) for _ in range(2))
    exact = np.einsum(
        "ij,jk->ik", a[:8].astype(np.float64), b.astype(np.float64), optimize=False
    )  # not by the library
    seconds = []
    for _ in range(3):
        start = perf_counter()
        found = a @ b
        seconds.append(perf_counter() - start)
    speed = f"about {2 * SIZE**3 / min(seconds) / GIGABYTE:,.0f} GFLOP/s in float32"
    error = float(np.abs(found[:8] - exact).max() / np.abs(exact).max())
    if not error < TOLERANCE:
        remedy = "pip install --force-reinstall numpy; or another kernel: OPENBLAS_CORETYPE=Haswell"
        yield Finding(
            "product",
            "problem",
            f"a product of matrices is wrong by {error:.1e}: no result can be trusted",
            remedy,
        )
    else:
        yield Finding("product", "ok", f"right to {error:.0e}, {speed}")


def denormals() -> Iterator[Finding]:
    """Whether tiny numbers count as zero while a network trains."""
    tiny = np.full(4, 1e-40, np.float32)
    with flushed_denormals():
        flushed = not (tiny * np.float32(1)).any()
    if flushed:
        yield Finding("denormals", "ok", "count as zero while a network trains")
    elif SUPPORTED:
        yield Finding(
            "denormals", "note", "do not count as zero, though this processor can: late epochs may be slower"
        )
    else:
        where = f"{platform.system()} on {platform.machine()}"
        yield Finding(
            "denormals",
            "note",
            f"we cannot tell {where} to take them for zero: late epochs may be slower there",
        )


def disk() -> Iterator[Finding]:
    """Room and right to write where runs go."""
    here = Path.cwd()
    free = shutil.disk_usage(here).free / GIGABYTE
    text = f"{free:,.1f} GB free in {here}"
    if not os.access(here, os.W_OK):
        yield Finding(
            "disk", "problem", f"{here} cannot be written: runs go below it", "go to a folder of your own"
        )
    elif free < TOO_LITTLE:
        yield Finding("disk", "problem", f"only {text}", "make room: old runs lie in outputs/ and mlruns/")
    else:
        yield Finding("disk", "note" if free < LITTLE else "ok", text)


def cores() -> int:
    """The cores that this process may use, a container's share of them included."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP.read_text().split()
        return min(allowed, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no container, or one without a limit
        return allowed
