"""System metrics of a run: CPU, memory and network, about once a second, where psutil is installed.

The names are those of MLflow's own monitor, whose page shows them; the step is in seconds.
"""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnexp.regular_file import open_regular
from nnexp.run_folder import SYSTEM_METRICS, Entry, parse_entries

MIB = 1 << 20


class SystemMetrics:
    """Samples a process and its machine every `interval` seconds (None: never) into the run's folder."""

    def __init__(self, folder: Path, pid: int, interval: float | None) -> None:
        self.path = folder / SYSTEM_METRICS
        self.interval = interval or 0.0
        self.process: Any = None
        if interval is not None:
            with suppress(Exception):  # psutil is not installed, or the process has ended
                import psutil

                process = psutil.Process(pid)
                process.cpu_percent()  # the first call starts the measurement
                psutil.cpu_percent()
                self.process = process
        former = read_system_metrics(folder)  # of sessions before the run was resumed
        self.began = self.sampled = time.monotonic()
        self.first_step = former[-1]["step"] + 1 if former else 0

    def sample_if_due(self) -> list[Entry]:
        if self.process is None or time.monotonic() - self.sampled < self.interval:
            return []
        try:
            return [self.sample()]
        except Exception:  # noqa: BLE001, the process has ended or the disk is full: sampling is optional
            self.process = None
            return []

    def sample(self) -> Entry:
        """Take a sample and append it to the file."""
        import psutil

        self.sampled = time.monotonic()
        memory = psutil.virtual_memory()
        network = psutil.net_io_counters()
        with self.process.oneshot():
            values = {
                "process_cpu_percentage": self.process.cpu_percent(),
                "process_memory_megabytes": self.process.memory_info().rss / MIB,
                "process_threads": self.process.num_threads(),
                "cpu_utilization_percentage": psutil.cpu_percent(),
                "system_memory_usage_megabytes": memory.used / MIB,
                "system_memory_usage_percentage": memory.percent,
                "network_receive_megabytes": network.bytes_recv / MIB if network else 0.0,
                "network_transmit_megabytes": network.bytes_sent / MIB if network else 0.0,
            }
        entry = {
            "kind": "metrics",
            "time": time.time_ns() // 1_000_000,
            "step": self.first_step + round(self.sampled - self.began),
            "values": {f"system/{name}": value for name, value in values.items()},
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        return entry


def read_system_metrics(folder: Path) -> list[Entry]:
    """Read the samples of a run; lines that are incomplete or damaged are left out."""
    with suppress(OSError), open_regular(folder / SYSTEM_METRICS) as file:
        return [entry for entry in parse_entries(file.read()) if entry["kind"] == "metrics"]
    return []
