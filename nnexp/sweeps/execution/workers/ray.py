"""Workers on the nodes of a Ray cluster: each is an actor, whose process for the jobs is a child of its own.

The actor passes orders and messages on, so that Ray and the jobs share neither signals nor threads.
"""

import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from nnexp.sweeps.execution.events import JobEnded, JobStarted, UploadEnded
from nnexp.sweeps.execution.job import JobRunner
from nnexp.sweeps.execution.workers.folder_copies import write_files
from nnexp.sweeps.execution.workers.ray_actor import OF_THE_COMMAND, OF_THE_NODE, Begun, Slot
from nnexp.sweeps.execution.workers.worker import Backend, Message, Order, Worker, wait_until
from nnexp.sweeps.plan.ray_cluster import check_store, connect, ray_module, room_for_workers

GROUPS = {"orders": 1, "messages": 1}  # threads of an actor: each group keeps its order
STOP_TIMEOUT = 5.0  # seconds
ROOM_INTERVAL = 5.0  # seconds between two looks for nodes that have joined


class RayWorker(Worker):
    """An actor as the sweep sees it; it is up when Ray has found a node for it, and its process has begun."""

    def __init__(self, actor: Any, folder: Path, tracking: Mapping[str, Any]) -> None:
        super().__init__()
        self.actor = actor
        self.tracking = tracking
        self.sweep = folder
        self.is_up = False
        self.is_over = False
        self.code = 0
        self.unread: deque[Message] = deque()
        self.answer = actor.begun.remote()

    def order(self, order: Order) -> None:
        if self.is_up:
            self.actor.order.options(concurrency_group="orders").remote(order)
        else:
            self.kill()

    @property
    def is_ready(self) -> bool:
        ray = ray_module()
        if not self.unread and not self.is_over and ray.wait([self.answer], timeout=0)[0]:
            self.read()
        return bool(self.unread) or self.is_over

    def read(self) -> None:
        """Take what the actor has answered, and ask for more."""
        ray = ray_module()
        try:
            parcel = ray.get(self.answer)
        except ray.exceptions.RayError as error:
            self.lose(error)
            return
        self.is_up = True
        if isinstance(parcel, Begun):
            check_store(self.tracking, parcel.node, parcel.shares_files)
        else:
            for name, files in parcel.files.items():
                write_files(self.sweep / name, files)
            self.unread.extend(self.located(message) for message in parcel.messages)
            if parcel.code is not None:
                self.is_over = True
                self.code = parcel.code
        if not self.is_over:
            self.answer = self.actor.messages.options(concurrency_group="messages").remote()

    def located(self, message: Message) -> Message:
        """Return a message with paths of this machine."""
        if isinstance(message, JobStarted | JobEnded | UploadEnded) and message.folder is not None:
            message = replace(message, folder=self.sweep / message.folder)
        if isinstance(message, JobEnded) and message.log is not None:
            message = replace(message, log=self.sweep / message.log)
        return message

    def lose(self, error: Exception) -> None:
        """Note that Ray has lost the actor."""
        self.is_over = True
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1] if lines else type(error).__name__
        if isinstance(error, ray_module().exceptions.ActorUnavailableError):
            reason = "its node has died, or cannot be reached"
        self.reason = f"Ray has lost the worker: {reason}"

    def receive(self) -> Message:
        if not self.unread:
            raise EOFError
        return self.unread.popleft()

    def kill(self) -> None:
        """End the actor, and its process with it, at once."""
        ray = ray_module()
        self.is_over = True
        with suppress(Exception):  # the cluster is gone
            ray.kill(self.actor, no_restart=True)

    def stop(self, at_once: bool = False) -> int:
        if not at_once and self.is_up and not self.is_over:
            self.order(None)
            wait_until(lambda: self.is_ready and self.is_over, STOP_TIMEOUT)
        self.kill()
        return self.code


class Ray(Backend):
    """Starts actors on a Ray cluster.

    Args:
        folder: of the sweep.
        settings: hydra.launcher.ray: arguments of `ray.init` and `ray.remote`.
        threads: of the linear algebra library, in each worker.
        grows: whether nodes that join the cluster get workers too: `sweep.jobs` has no number.
    """

    lost_retries: ClassVar[int] = 3

    def __init__(self, folder: Path, settings: Mapping[str, Any], threads: int, grows: bool) -> None:
        connect(settings["init"])
        ray = ray_module()
        self.folder = folder.resolve()
        remote = {name: value for name, value in settings["remote"].items() if value is not None}
        self.actor_class = ray.remote(concurrency_groups=GROUPS, max_restarts=0, **remote)(Slot)
        self.remote = remote
        self.threads = threads
        self.grows = grows
        self.largest = 0  # number of workers that there was room for
        self.looked = monotonic()
        self.variables = {
            name: value for name, value in os.environ.items() if name.startswith(OF_THE_COMMAND + OF_THE_NODE)
        }

    def start(self, runner: JobRunner) -> Worker:
        actor = self.actor_class.remote(runner, self.folder, self.variables, self.threads)
        return RayWorker(actor, self.folder, runner.config.tracking)

    def room(self, planned: int) -> int:
        if self.grows and monotonic() - self.looked > ROOM_INTERVAL:
            self.looked = monotonic()
            self.largest = room_for_workers(self.remote)
        return max(planned, self.largest)

    def wait(self, workers: Sequence[Worker], seconds: float) -> list[Worker]:
        ray = ray_module()
        actors = [worker for worker in workers if isinstance(worker, RayWorker)]
        if actors and not any(worker.unread or worker.is_over for worker in actors):
            ray.wait([worker.answer for worker in actors], timeout=seconds)
        return [worker for worker in workers if worker.is_ready]

    def close(self) -> None:
        ray = ray_module()
        ray.shutdown()
