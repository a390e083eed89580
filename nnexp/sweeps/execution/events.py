"""What happens to the jobs of a sweep, as values that processes send to each other and displays consume."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nnexp.metrics.objectives import Value

JobStatus = Literal["FINISHED", "FAILED", "KILLED", "SKIPPED"]


@dataclass(frozen=True)
class JobStarted:
    """A job begins, or goes on from its checkpoint, or begins again after a failure."""

    number: int
    folder: Path
    attempt: int = 1  # 2 is the first retry
    epochs: int = 0  # the settings' maximum
    name: str = ""  # what distinguishes it, for sweeps whose jobs no plan names


@dataclass(frozen=True)
class JobProgress:
    """An evaluation of a job."""

    number: int
    epoch: int  # the last one
    epochs: int  # the settings' maximum
    metrics: Mapping[str, float] = field(default_factory=dict)  # train/..., val/..., without those of layers


@dataclass(frozen=True)
class JobMessage:
    """A message or warning of a job."""

    number: int
    label: str
    text: str


@dataclass(frozen=True)
class JobEnded:
    """A job is over; SKIPPED: it was finished before, and its stored results are these."""

    number: int
    status: JobStatus
    value: Value | None = None  # what it returns to the sweep; None: there is none
    metrics: Mapping[str, float] = field(default_factory=dict)  # best/..., test/..., time/total
    seconds: float = 0.0
    folder: Path | None = None  # None: it failed before there was one
    error: str = ""  # the reason of a failure, in words
    log: Path | None = None  # the file with the details of a failure: error.txt or nnexp.log
    note: str = ""  # a warning, or how to go on
    pruned: str = ""  # where its search has ended it: "epoch 3"; its status is FINISHED
    is_lost: bool = False  # its worker died
    will_retry: bool = False  # the failure is not its last word: the job begins again
    name: str = ""  # of a job that no plan names, and that may not have started


@dataclass(frozen=True)
class UploadEnded:
    """The upload of a job is over; what went wrong with it was said before. Displays do not get it."""

    number: int
    folder: Path


@dataclass(frozen=True)
class UploadsLeft:
    """No job is left to run, but uploads are not over: the sweep waits for them."""


@dataclass(frozen=True)
class SearchEnded:
    """A search begins no further trial, though it has fewer than were asked for."""

    reason: str  # in words: "search.timeout=60 is over"


Event = JobStarted | JobProgress | JobMessage | JobEnded | UploadEnded | UploadsLeft | SearchEnded
Send = Callable[[Event], None]
