"""The journal of a run: one JSON object a line, appended as things become known.

It is the truth of a run; MLflow is filled from it, now or later. Lines by `kind`: `run` (first: params, tags, where it is to
be shipped), `metrics` (values at a step), `confusion` (of the validation set, at a step), `artifact` (a file of the run's
folder), `end` (last: the status).
"""

import json
import os
import platform
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from nnexp.errors import UserError

NAME = "journal.jsonl"
Status = Literal["FINISHED", "FAILED", "KILLED"]
Entry = dict[str, Any]


class Journal:
    """Appends entries to `journal.jsonl` in a run's folder; each is on its way to the disk when the call returns.

    Raises:
        UserError: the folder holds a run already.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.file = (folder / NAME).open("x", encoding="utf-8")
        except FileExistsError as error:
            raise UserError(f"{folder} already holds a run; fix: give this one another folder") from error

    def run(
        self,
        name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        destination: Mapping[str, Any] | None,
        began: float | None = None,
        unit: str = "epoch",
    ) -> None:
        """What the run is, and where it is to be shipped.

        Args:
            name: for people.
            params: the configuration, flat.
            tags: where it comes from.
            destination: `experiment`, `uri` (None: what the environment says), `folder` (of the default store), and what else the
                store is to be given: `register`, `baseline`; None: nowhere.
            began: when, in seconds since 1970; None is now.
            unit: what the steps of its metrics count: epoch or step.
        """
        place = dict(destination) if destination is not None else None
        journal_id = secrets.token_hex(16)  # by which a store is asked whether it knows the run already
        began = time.time() if began is None else began
        what = {"name": name, "params": dict(params), "tags": dict(tags), "destination": place, "unit": unit}
        self._write("run", time=round(1000 * began), id=journal_id, writer=writer(os.getpid()), **what)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers at an epoch."""
        self._write("metrics", step=step, values=dict(values))

    def confusion(self, step: int, matrix: Sequence[Sequence[int]]) -> None:
        """How often each class of the validation set was taken for each other at an epoch, (C, C), true classes down."""
        self._write("confusion", step=step, matrix=[list(row) for row in matrix])

    def artifacts(self, *paths: str) -> None:
        """Files of the run's folder that belong to its record."""
        for path in paths:
            self._write("artifact", path=path)

    def end(self, status: Status) -> None:
        """How it ended."""
        self._write("end", status=status)

    def _write(self, kind: str, **entry: Any) -> None:
        self.file.write(json.dumps({"kind": kind, "time": time.time_ns() // 1_000_000, **entry}) + "\n")
        self.file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def writer(pid: int) -> dict[str, Any]:
    """What tells a process from all others: its machine, its number, and when it began, in ticks of the machine's clock."""
    try:
        began = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        began = ""
    return {"host": platform.node(), "pid": pid, "began": began}


def read(folder: Path, offset: int = 0) -> tuple[list[Entry], int]:
    """The entries after `offset` bytes, and the offset after the last whole one."""
    with (folder / NAME).open("rb") as file:
        file.seek(offset)
        whole, _, _ = file.read().rpartition(b"\n")
    if not whole:
        return [], offset
    return [json.loads(line) for line in whole.splitlines()], offset + len(whole) + 1


def close(folder: Path, status: Status) -> None:
    """End the journal of a run whose writer is gone, at the time of its last entry; a line that it began is dropped."""
    entries, offset = read(folder)
    with (folder / NAME).open("r+b") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(
            json.dumps({"kind": "end", "time": entries[-1]["time"], "status": status}).encode() + b"\n"
        )


def history(entries: Iterable[Entry]) -> Iterator[tuple[int, dict[str, float]]]:
    """The metrics entries as (step, values)."""
    return ((entry["step"], entry["values"]) for entry in entries if entry["kind"] == "metrics")
