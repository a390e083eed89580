"""Client of the upload process: starts it, submits runs, waits for their outcome. Its import is fast."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from nnexp.detached import detached
from nnexp.errors import FULL_ERROR
from nnexp.tracking.upload.fork_server import Channel, ForkedProcess, ForkServer

ENTRY_POINT = "nnexp.experiment.upload_process"


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run's upload; all empty for a run that is not tracked."""

    run_id: str = ""  # of the MLflow run
    error: str = ""  # why the run is not in MLflow
    note: str = ""  # a warning
    in_background: bool = False  # it goes on after this process


class Uploader:
    """The upload process; one serves all runs of this process, in their order.

    `start` early: the process imports mlflow while the data are being read. It outlives this process for as
    long as it needs to finish the runs that were submitted.
    """

    running: ClassVar["Uploader | None"] = None
    lock: ClassVar[Lock] = Lock()  # of `running`, and of what is written to its process

    def __init__(self, mlflow: bool, channel: Channel | None = None) -> None:
        self.mlflow = mlflow
        self.outcomes: dict[str, Outcome] = {}
        self.notes: set[str] = set()  # each is returned once, not for every run of a sweep
        self.reading = Lock()
        self.owner = os.getpid()
        channel = channel or (ForkServer.fork() if mlflow else None)
        if channel is not None:
            self.process: subprocess.Popen[str] | ForkedProcess = ForkedProcess(channel)
            return
        command = [sys.executable, "-P", "-m", ENTRY_POINT, *(["--mlflow"] if mlflow else [])]
        pipe = subprocess.PIPE
        options: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "encoding": "utf-8"}
        if os.environ.get(FULL_ERROR) != "1":  # a pipe that reads our errors must not wait for this process
            options["stderr"] = subprocess.DEVNULL
        self.process = subprocess.Popen(command, **options, **detached())

    @classmethod
    def start(cls, mlflow: bool) -> "Uploader":
        """Return the upload process of this process; start one if there is none that will do."""
        with cls.lock:
            if cls.running is not None and cls.running.owner != os.getpid():
                cls.running = None  # inherited by a fork: its outcomes are the parent's
            if cls.running is None or (mlflow and not cls.running.mlflow):
                cls.stop()
                cls.running = cls(mlflow)
            return cls.running

    @classmethod
    def connect(cls, channel: Channel | None) -> None:
        """Let this process upload through the process at the other end of a channel, if there is one."""
        if channel is not None:
            with cls.lock:
                cls.running = cls(mlflow=True, channel=channel)

    @classmethod
    def stop(cls) -> None:
        """Let the process finish what it has, without waiting."""
        uploader = cls.running
        if uploader is not None and uploader.process.stdin is not None and uploader.owner == os.getpid():
            with suppress(OSError):  # the process has died, with orders that it has not read
                uploader.process.stdin.close()
            if uploader.process.stdout is not None and not uploader.reading.locked():
                uploader.process.stdout.close()
            uploader.process.poll()
            cls.running = None

    def submit(self, folder: Path, in_background: bool = False) -> None:
        """Submit a run whose journal has begun; in the background, nothing waits for its upload."""
        self.order(folder, in_background=in_background)

    def send_so_far(self, folder: Path) -> None:
        """Let the store have what the journal of a run holds now; nothing waits for it."""
        self.order(folder, so_far=True)

    def order(self, folder: Path, **options: bool) -> None:
        """Write an order to the process."""
        settings = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
        try:
            if self.process.stdin is not None:
                with self.lock:
                    order = {"folder": str(folder.absolute()), "settings": settings, **options}
                    self.process.stdin.write(json.dumps(order) + "\n")
                    self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `wait` reports it

    def wait(self, folder: Path, show: Callable[[str], object] = lambda text: None) -> Outcome:
        """Wait until a run whose journal has ended is uploaded; `show` gets the reason of a longer wait."""
        submitted = str(folder.absolute())
        with self.reading:
            while submitted not in self.outcomes:
                line = self.process.stdout.readline() if self.process.stdout is not None else ""
                if not line:
                    Uploader.running = None
                    return Outcome(error="the upload process has ended early")
                fields = json.loads(line)
                if "waits_for" in fields:
                    show(fields["waits_for"])
                    continue
                finished = fields.pop("folder")
                self.outcomes[finished] = Outcome(**fields)
            self.process.poll()  # on POSIX the started process ends at once, after a fork
            outcome = self.outcomes.pop(submitted)
            is_known = outcome.note in self.notes
            self.notes.add(outcome.note)
            return replace(outcome, note="") if is_known else outcome


atexit.register(Uploader.stop)
