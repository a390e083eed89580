"""The cores that this process may use: by its affinity, and by the quota of its container."""

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Count the cores that this process may use."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, min(cores, ceil(cpu_quota() or cores)))


def cpu_quota(folder: Path = CGROUP) -> float | None:
    """Return how many cores' time the container has, None for no limit (cgroup v2 and v1)."""
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        v1 = folder / "cpu"
        microseconds = int((v1 / "cpu.cfs_quota_us").read_text())
        return microseconds / int((v1 / "cpu.cfs_period_us").read_text()) if microseconds > 0 else None
    return None
