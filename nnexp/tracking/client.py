"""Training's side of the shipper: start it, hand it runs, hear what became of them."""

import atexit
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Outcome:
    """What became of a run's record.

    Attributes:
        run_id: of the MLflow run; empty where there is none.
        error: why the run is not in MLflow; empty where it is, or was not to be.
    """

    run_id: str = ""
    error: str = ""


class Shipper:
    """The process that ships; one serves all runs of this process.

    `start` early: the process imports mlflow while the data are being read.
    """

    running: ClassVar["Shipper | None"] = None

    def __init__(self, mlflow: bool) -> None:
        self.mlflow = mlflow
        self.under_way: set[Path] = set()
        command = [sys.executable, "-P", "-m", "nnexp.tracking.shipper", *(["--mlflow"] if mlflow else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @classmethod
    def start(cls, mlflow: bool) -> "Shipper":
        """The shipper of this process, started if there is none that works."""
        if cls.running is None or cls.running.process.poll() is not None or (mlflow and not cls.running.mlflow):
            cls.stop()
            cls.running = cls(mlflow)
        return cls.running

    @classmethod
    def stop(cls) -> None:
        """Let the process finish what it has, without waiting; with nothing to finish, end it."""
        if cls.running is not None:
            if cls.running.under_way and cls.running.process.stdin is not None:
                cls.running.process.stdin.close()
            else:
                cls.running.process.kill()
            cls.running = None

    def take(self, folder: Path) -> None:
        """Hand over a run whose journal has begun."""
        assert self.process.stdin is not None
        self.under_way.add(folder)
        try:
            self.process.stdin.write(f"{folder}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `wait` tells it

    def wait(self, folder: Path) -> Outcome:
        """Wait until a run whose journal has ended is shipped."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            self.under_way.discard(Path(answer["folder"]))
            if answer["folder"] == str(folder):
                return Outcome(answer["run_id"], answer["error"])
        return Outcome(error=f"the tracking process ended with exit code {self.process.wait()}")


atexit.register(Shipper.stop)
