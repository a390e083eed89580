"""Processor and memory while a run goes on, once a second or so, where psutil is installed.

The names are those of MLflow's own monitor, so that its page of system metrics shows them; the step is in seconds.
"""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnexp.tracking.journal import Entry

NAME = "system.jsonl"
MIB = 1 << 20


class Monitor:
    """Looks at a process and its machine every `interval` seconds and writes down what it sees.

    Args:
        folder: of the run; the entries are kept in `system.jsonl` there.
        pid: of the process.
        interval: in seconds; None looks at nothing.
    """

    def __init__(self, folder: Path, pid: int, interval: float | None) -> None:
        self.path, self.interval = folder / NAME, interval
        self.process: Any = None
        if interval is not None:
            try:
                import psutil

                self.process = psutil.Process(pid)
                self.process.cpu_percent()  # the first call begins to count
                psutil.cpu_percent()
            except Exception:  # noqa: BLE001, not installed, or the process is gone: there is nothing to see then
                self.process = None
        self.began = self.looked = time.monotonic()

    def look(self) -> list[Entry]:
        """What there is to see, if it is time to look."""
        if self.process is None or self.interval is None or time.monotonic() - self.looked < self.interval:
            return []
        try:
            return [self.see()]
        except Exception:  # noqa: BLE001, the process is gone, the disk is full: it is not worth a run
            self.process = None
            return []

    def see(self) -> Entry:
        """Look, and write down."""
        import psutil

        self.looked = time.monotonic()
        memory, network = psutil.virtual_memory(), psutil.net_io_counters()
        with self.process.oneshot():
            own = {
                "system/process_cpu_percentage": self.process.cpu_percent(),
                "system/process_memory_megabytes": self.process.memory_info().rss / MIB,
                "system/process_threads": self.process.num_threads(),
            }
        values = own | {
            "system/cpu_utilization_percentage": psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": memory.used / MIB,
            "system/system_memory_usage_percentage": memory.percent,
            "system/network_receive_megabytes": network.bytes_recv / MIB if network else 0.0,
            "system/network_transmit_megabytes": network.bytes_sent / MIB if network else 0.0,
        }
        step = round(self.looked - self.began)
        entry = {"kind": "metrics", "time": time.time_ns() // 1_000_000, "step": step, "values": values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        return entry


def seen(folder: Path) -> list[Entry]:
    """The entries that were written down of a run."""
    path, entries = folder / NAME, []
    for line in path.read_text().splitlines() if path.exists() else []:
        with suppress(ValueError):  # a line that was being written when all ended
            entries.append(json.loads(line))
    return entries
