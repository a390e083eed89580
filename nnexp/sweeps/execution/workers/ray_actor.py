"""The actor of a worker on a Ray cluster, and the process on its node that runs the jobs.

Where a node does not see the sweep's folder, its jobs write to a folder of the node, and each job's files are
sent when it ends.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import open_dict

from nnexp.data.images.folders import user_cache
from nnexp.run_folder import SWEEP
from nnexp.sweeps.execution.events import JobEnded, JobStarted, UploadEnded
from nnexp.sweeps.execution.job import JobRunner
from nnexp.sweeps.execution.workers.folder_copies import Files, read_files
from nnexp.sweeps.execution.workers.process import WorkerProcess, threads_of_workers
from nnexp.sweeps.execution.workers.serve import serve
from nnexp.sweeps.execution.workers.worker import Message, Order
from nnexp.sweeps.plan.ray_cluster import ray_module
from nnexp.tracking.upload.client import Uploader
from nnexp.tracking.upload.fork_server import Channel

LONGEST_POLL = 5.0  # seconds that an actor waits for messages
PARENT_INTERVAL = 1.0  # seconds between two looks for the process of the node
OF_THE_COMMAND = ("MLFLOW_", "AWS_", "AZURE_", "GOOGLE_")
"""Environment variables that workers take from the command: all runs of a sweep go to one store."""
OF_THE_NODE = ("NNEXP_",)
"""Those that they take from it where their node does not set them itself."""


@dataclass(frozen=True)
class Begun:
    """An actor has begun: the IP address of its node, and whether that sees the sweep's folder."""

    node: str
    shares_files: bool


@dataclass(frozen=True)
class Parcel:
    """Messages of a worker, with the files of a job that has ended on a node without the sweep's folder."""

    messages: Sequence[Message]
    files: Mapping[str, Files]  # by the job's folder, relative to that of the sweep
    code: int | None = None  # the exit code of the worker, if it has ended


class Slot:
    """The actor: starts the process that runs jobs on this node, and passes on what it says.

    Args:
        runner: of the sweep's jobs.
        folder: of the sweep, where the command was started.
        variables: environment variables of the command.
        threads: of the linear algebra library.
    """

    def __init__(self, runner: JobRunner, folder: Path, variables: Mapping[str, str], threads: int) -> None:
        if hasattr(os, "setpgid"):
            os.setpgid(0, 0)  # Ctrl-C is for the command, which gives orders
        Thread(target=die_with, args=(os.getppid(),), daemon=True, name="parent").start()
        for name, value in variables.items():
            if name.startswith(OF_THE_COMMAND) or name not in os.environ:
                os.environ[name] = value
        self.sweep = folder
        self.shares_files = (folder / SWEEP).is_file()
        home = Path(runner.config.hydra.runtime.cwd)
        if not self.shares_files:
            home = (user_cache() or Path.cwd()) / "ray"
            self.sweep = home / "outputs" / "sweeps" / folder.parent.name / folder.name
            self.sweep.mkdir(parents=True, exist_ok=True)
            with open_dict(runner.config):
                runner.config.hydra.runtime.cwd = str(home)
        with open_dict(runner.config):
            runner.config.hydra.sweep.dir = str(self.sweep)
        os.chdir(home)
        self.folder: Path | None = None  # of the job that runs
        with threads_of_workers(threads):
            self.process = WorkerProcess(runner, target=serve_actor)

    def begun(self) -> Begun:
        """Return, when the actor has begun, where it is."""
        return Begun(ray_module().util.get_node_ip_address(), self.shares_files)

    def order(self, order: Order) -> None:
        """Pass an order on."""
        self.process.order(order)

    def messages(self) -> Parcel:
        """Wait a moment for messages; return all there are."""
        messages: list[Message] = []
        files: dict[str, Files] = {}
        self.process.pipe.poll(LONGEST_POLL)
        try:
            while self.process.is_ready:
                message = self.process.receive()
                if isinstance(message, JobStarted):
                    self.folder = message.folder
                ended = self.folder if isinstance(message, JobReturn) else None
                if isinstance(message, UploadEnded):  # plots were added, and the state of the upload
                    ended = message.folder
                if ended is not None and not self.shares_files:
                    files[str(ended.relative_to(self.sweep))] = read_files(ended)
                messages.append(message if self.shares_files else self.translated(message))
        except (EOFError, OSError):
            self.process.process.join()
            return Parcel(messages, files, self.process.process.exitcode or 0)
        return Parcel(messages, files)

    def translated(self, message: Message) -> Message:
        """Return a message with paths relative to the folder of the sweep."""
        if isinstance(message, JobStarted | JobEnded | UploadEnded) and message.folder is not None:
            message = replace(message, folder=message.folder.relative_to(self.sweep))
        if isinstance(message, JobEnded):
            log = message.log.relative_to(self.sweep) if message.log is not None else None
            return replace(message, log=log, note="")
        return message


def die_with(parent: int) -> None:
    """End this process when Ray's own on its node has died: the sweep then takes the actor for dead."""
    while os.getppid() == parent:
        sleep(PARENT_INTERVAL)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def serve_actor(pipe: "Pipe[Any, Any]", runner: JobRunner, channel: Channel | None) -> None:
    """Run jobs in the process of an actor; it dies with the actor, as its job is handed out again then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, [])  # Ray blocks signals
    Uploader.connect(channel)
    serve(MortalConnection(pipe), runner)


@dataclass(frozen=True)
class MortalConnection:
    """A connection at whose end the process dies at once."""

    pipe: "Pipe[Any, Any]"

    def recv(self) -> Order:
        try:
            order: Order = self.pipe.recv()
        except (EOFError, OSError):
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            raise
        return order

    def send(self, message: Message) -> None:
        self.pipe.send(message)
