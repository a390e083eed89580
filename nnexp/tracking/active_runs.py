"""The runs that are active in a project, and those whose process has died.

`outputs/.active/` has a file for each run that is going on, so that commands need not search all outputs;
where a run has ended but its upload has not, the file stays, as `.unsent`. A run shows that it is alive by
its process, and to other machines by its heartbeat: the time of its journal.
"""

import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

from filelock import Timeout

from nnexp.errors import Interrupted
from nnexp.run_folder import JOURNAL, RunFolder, end_of, head_of
from nnexp.tracking.journal import DIED, close, process_identity
from nnexp.tracking.mlflow.upload_state import read_states
from nnexp.tracking.run_lock import run_lock

ACTIVE = Path("outputs", ".active")
ATTEMPTS = 5
HEARTBEAT = 30.0  # seconds
ACTIVE_WITHIN = 300.0  # seconds since the last heartbeat of a run on another machine
UNSENT = ".unsent"  # end of the file of a run that has ended, and whose upload has not
RETRY_AFTER = 60.0  # seconds from one attempt to upload such a run to the next


@contextmanager
def active(folder: Path, home: Path, until_uploaded: bool = False) -> Iterator[None]:
    """List a run among those of the project within the block, and keep its heartbeat going.

    With `until_uploaded` it stays listed: what waits for its upload takes it off, with `remove_entry`.
    """
    ended = Event()
    Thread(target=beat, args=(folder / JOURNAL, ended), daemon=True, name="heartbeat").start()
    entry = add_entry(folder, home)
    try:
        yield
    except Interrupted:
        raise  # its upload goes on in the background: the next command sees whether it has come to its end
    except BaseException:
        if not until_uploaded:
            remove_entry(entry)
        raise
    else:
        if not until_uploaded:
            remove_entry(entry)
    finally:
        ended.set()


def beat(journal: Path, ended: Event) -> None:
    """Set the journal's time again and again until the run has ended."""
    while not ended.wait(HEARTBEAT):
        with suppress(OSError):
            os.utime(journal)


def add_entry(folder: Path, home: Path) -> Path:
    """Make the file of an active run, which holds the path of its folder; return the file's path.

    There is none where a project cannot be written to.
    """
    entry = entry_of(folder, home)
    path = os.path.relpath(folder, home) if folder.is_relative_to(home) else str(folder)
    for _ in range(ATTEMPTS):
        with suppress(OSError):  # maybe another run has ended, and removed the empty folder
            entry.parent.mkdir(parents=True, exist_ok=True)
            entry.write_text(path, encoding="utf-8")
            break
    return entry


def entry_of(folder: Path, home: Path) -> Path:
    """Return the path of the file that lists a run while it is active."""
    return home / ACTIVE / sha256(os.fsencode(folder)).hexdigest()[:16]


def remove_entry(entry: Path) -> None:
    """Remove the file of a run that has ended, and folders that are empty then."""
    with suppress(OSError):
        entry.unlink(missing_ok=True)
        entry.parent.rmdir()
        entry.parent.parent.rmdir()


def close_dead_runs(home: Path) -> tuple[list[Path], list[Path]]:
    """End the journals of runs whose process died, as FAILED.

    Returns:
        the folders of these runs, and those of all that have ended and are to be uploaded now: each once in a
        minute, until its store has it.
    """
    dead = []
    unsent = []
    for entry in sorted((home / ACTIVE).glob("[0-9a-f]*")):
        try:
            folder = home / entry.read_text(encoding="utf-8")
            head = head_of(RunFolder(folder).entries())
        except (OSError, ValueError, IndexError):  # the run was removed, or has ended just now
            remove_entry(entry)
            continue
        if is_alive(head["writer"], folder):
            continue
        close_if_dead(folder)
        end = end_of(RunFolder(folder).entries())
        is_new = entry.suffix != UNSENT
        if end is None or ((DIED not in end or not is_new) and is_being_uploaded(folder)):
            continue
        if DIED in end and is_new:
            dead.append(folder)
        if head["destination"] is None or is_in_a_store(folder):
            remove_entry(entry)
        elif is_new or time.time() - entry.stat().st_mtime >= RETRY_AFTER:
            unsent.append(folder)
            keep_until_uploaded(entry)
    return dead, unsent


def is_in_a_store(folder: Path) -> bool:
    """Return whether a run was uploaded to its end."""
    run = RunFolder(folder)
    return any(state.has_all(len(run.sessions())) for state in read_states(folder).values())


def keep_until_uploaded(entry: Path) -> None:
    """Mark the file of a run that has ended, and whose upload begins again now."""
    with suppress(OSError):
        kept = entry.replace(entry.with_suffix(UNSENT))
        os.utime(kept)


def is_being_uploaded(folder: Path) -> bool:
    """Return whether a process uploads a run at this moment, which will also end its journal if it died."""
    try:
        with run_lock(folder):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def close_if_dead(folder: Path, is_dead: bool = False) -> bool:
    """End the journal of a run as FAILED if its process died and nothing has ended it; return whether.

    Args:
        folder: of the run.
        is_dead: the process is known to have died, maybe on another machine.
    """
    try:
        with run_lock(folder):
            entries = RunFolder(folder).entries()
            if not entries or end_of(entries) is not None:
                return False
            if not is_dead and is_alive(head_of(entries)["writer"], folder):
                return False
            close(folder, "FAILED")
    except (Timeout, OSError, ValueError):  # its upload goes on still, and will do it
        return False
    return True


def is_running(folder: Path) -> bool:
    """Return whether the journal in a folder has no end, and the process that writes it is alive."""
    try:
        entries = RunFolder(folder).entries()
        return end_of(entries) is None and is_alive(head_of(entries)["writer"], folder)
    except (OSError, ValueError, LookupError):
        return False


def is_alive(writer: Mapping[str, Any], folder: Path) -> bool:
    """Return whether the process that writes a journal is alive; where that is unknown, its heartbeat."""
    if writer["host"] != platform.node() or os.name == "nt":  # where `os.kill` would end it
        return time.time() - (folder / JOURNAL).stat().st_mtime < ACTIVE_WITHIN
    try:
        os.kill(writer["pid"], 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # of another user
    return process_identity(writer["pid"]) == writer
