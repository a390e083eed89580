"""The memory that this process may take, in all and still: by the machine, its container and its limits."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
CGROUP_OF_PROCESS = Path("/proc/self/cgroup")
UNLIMITED = 1 << 62  # bytes; "no limit" is a number of about this size in some kernels


def available_memory() -> int | None:
    """Return how many bytes this process can still allocate; None where the system does not say."""
    return memory()[1]


def memory() -> tuple[int | None, int | None]:
    """Return the bytes that this process may use in all, and those that are free; None: unknown."""
    limits = [(total, max(0, free)) for total, free in _limits() if total < UNLIMITED]
    total = min((total for total, _ in limits), default=None)
    return total, min((free for _, free in limits), default=None)


def _limits() -> Iterator[tuple[int, int]]:
    """Yield each limit with what is free of it."""
    with suppress(OSError, ValueError, LookupError):  # Linux
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        machine = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
        total = machine["MemTotal"] + machine.get("SwapTotal", 0)
        yield total, machine["MemAvailable"] + machine.get("SwapFree", 0)
    for limit, used in control_groups():
        yield limit, limit - used
    with suppress(ImportError, OSError, ValueError):  # ulimit -v
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            yield limit, limit - pages * os.sysconf("SC_PAGE_SIZE")
    if sys.platform != "linux":
        with suppress(ImportError):  # it is optional
            import psutil

            machine_memory = psutil.virtual_memory()
            yield machine_memory.total, machine_memory.available


def control_groups(root: Path | None = None, process: Path | None = None) -> Iterator[tuple[int, int]]:
    """Yield the limit of memory, and what is used without caches, of each control group with a limit.

    Args:
        root: where the control groups are.
        process: says which ones a process is in; None: this one.
    """
    with suppress(OSError):
        for line in (process or CGROUP_OF_PROCESS).read_text(encoding="utf-8").splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            names = ("memory.max", "memory.current")
            if controllers:
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            top = (root or CGROUP) / controllers
            group = top / name.strip("/")
            for folder in (group, *(one for one in group.parents if one.is_relative_to(top))):
                with suppress(OSError, ValueError):
                    limit, used = (int((folder / file).read_text(encoding="ascii")) for file in names)
                    yield limit, used - _cached(folder)


def _cached(folder: Path) -> int:
    """Return the bytes of a control group that the system frees where they are needed."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith(("inactive_file ", "total_inactive_file ")):
                return int(line.split()[1])
    return 0
