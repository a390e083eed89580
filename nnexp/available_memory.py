"""The memory that this process may still take, by the machine, its container and its limits."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

UNLIMITED = 1 << 62  # bytes; "no limit" is a number of about this size in some kernels
CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return how many bytes this process can still allocate; None where the system does not say."""
    return min((max(0, size) for size in _limits() if size < UNLIMITED), default=None)


def _limits() -> Iterator[int]:
    with suppress(OSError, ValueError, LookupError):  # Linux
        yield _fields(Path("/proc/meminfo"))["MemAvailable:"] * 1024
    with suppress(OSError, ValueError, LookupError):  # a container
        cache = _fields(CGROUP / "memory.stat")["inactive_file"]  # given up when memory is needed
        used = int((CGROUP / "memory.current").read_text(encoding="ascii")) - cache
        yield int((CGROUP / "memory.max").read_text(encoding="ascii")) - used
    with suppress(ImportError, OSError, ValueError):  # ulimit -v
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            yield limit - pages * os.sysconf("SC_PAGE_SIZE")
    if sys.platform != "linux":
        with suppress(ImportError):  # it is optional
            import psutil

            yield psutil.virtual_memory().available


def _fields(path: Path) -> dict[str, int]:
    lines = path.read_text(encoding="ascii").splitlines()
    return {name: int(value) for name, value, *_ in map(str.split, lines)}
