"""Training's side of the shipper: start it, hand it runs, hear what became of them."""

import atexit
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import ClassVar


@dataclass(frozen=True)
class Outcome:
    """What became of a run's record.

    Attributes:
        run_id: of the MLflow run; empty where there is none.
        error: why the run is not in MLflow; empty where it is, or was not to be.
        note: what else a person must be told.
    """

    run_id: str = ""
    error: str = ""
    note: str = ""


class Uploader:
    """The process that ships; one serves all runs of this process, in their order.

    `start` early: the process imports mlflow while the data are being read. It outlives this process by as long as it needs
    to finish what it was handed.
    """

    running: ClassVar["Uploader | None"] = None

    def __init__(self, mlflow: bool) -> None:
        self.mlflow = mlflow
        self.answers: dict[str, Outcome] = {}
        self.listening = Lock()
        command = [
            sys.executable,
            "-P",
            "-m",
            "nnexp.tracking.upload.worker",
            *(["--mlflow"] if mlflow else []),
        ]
        self.owner = os.getpid()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, process_group=0
        )  # no Ctrl-C reaches it

    @classmethod
    def start(cls, mlflow: bool) -> "Uploader":
        """The shipper of this process, started if there is none that will do."""
        if cls.running is not None and cls.running.owner != os.getpid():
            cls.running = None  # of the process that this one was forked from; its answers are not for us
        if cls.running is None or (mlflow and not cls.running.mlflow):
            cls.stop()
            cls.running = cls(mlflow)
        return cls.running

    @classmethod
    def stop(cls) -> None:
        """Let the process finish what it has, without waiting."""
        if (
            cls.running is not None
            and cls.running.process.stdin is not None
            and cls.running.owner == os.getpid()
        ):
            cls.running.process.stdin.close()
            cls.running = None

    def take(self, folder: Path) -> None:
        """Hand over a run whose journal has begun."""
        settings = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
        try:
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps({"folder": str(folder), "settings": settings}) + "\n")
                self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `wait` tells it

    def wait(self, folder: Path) -> Outcome:
        """Wait until a run whose journal has ended is shipped."""
        with self.listening:
            while str(folder) not in self.answers:
                line = self.process.stdout.readline() if self.process.stdout is not None else ""
                if not line:
                    Uploader.running = None
                    return Outcome(error="the tracking process has ended early")
                answer = json.loads(line)
                self.answers[answer["folder"]] = Outcome(answer["run_id"], answer["error"], answer["note"])
            self.process.poll()  # on POSIX the process that was started has long handed over to its child
            return self.answers.pop(str(folder))


atexit.register(Uploader.stop)
