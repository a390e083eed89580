"""Checks of the machine: threads of the linear algebra (BLAS), disk space."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from nnexp.cli.doctor.finding import Finding
from nnexp.messages import plural
from nnexp.usable_cores import usable_cores

GIGABYTE = 1e9
LOW_SPACE = 5.0  # GB of free disk
MIN_SPACE = 0.5


def check_blas() -> Iterator[Finding]:
    """Check which BLAS library NumPy uses, and with how many threads."""
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        text = "no known library: NumPy may be slow, and trainer.threads has no effect"
        yield Finding("blas", "note", text)
        return
    pool = pools[0]
    cores = usable_cores()
    threads = plural(pool["num_threads"], "thread")
    text = f"{pool['internal_api']} {pool['version']}, {threads} on {plural(cores, 'core')}"
    if pool["num_threads"] > cores:
        remedy = f"trainer.threads={cores}, or OPENBLAS_NUM_THREADS={cores} in the environment"
        yield Finding("blas", "note", f"{text}: more threads than cores slow each other down", remedy)
    else:
        yield Finding("blas", "ok", text)


def check_disk() -> Iterator[Finding]:
    """Check that runs can be written to the working directory."""
    folder = Path.cwd()
    free = shutil.disk_usage(folder).free / GIGABYTE
    text = f"{free:,.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        problem = f"{folder} is not writable, and runs are written below it"
        yield Finding("disk", "problem", problem, "cd elsewhere")
    elif free < MIN_SPACE:
        yield Finding("disk", "problem", f"only {text}", "delete old runs from outputs/ and mlruns/")
    else:
        yield Finding("disk", "note" if free < LOW_SPACE else "ok", text)
