"""What lies in the working directory and around it: data, runs that were never sent, code, settings in the environment."""

import gzip
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from hashlib import md5
from math import prod
from pathlib import Path

from nnexp.cli.doctor.finding import Finding, many
from nnexp.cli.doctor.servers import ELSEWHERE
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import place
from nnexp.data.images.image_sets import FILES, ImageSet
from nnexp.redaction import redacted
from nnexp.tracking import journal
from nnexp.tracking.mlflow.store import SQLITE
from nnexp.tracking.provenance import git
from nnexp.tracking.upload.sync import find

DATA, DEFAULT_DATA = "NNEXP_DATA", "~/.cache/nnexp"
DEFAULT_SET = "mnist"
SECRET = ("PASSWORD", "TOKEN", "SECRET", "KEY", "AUTH", "CREDENTIAL")
NOT_READ = {
    "MLFLOW_EXPERIMENT_NAME": "tracking.experiment=NAME",
    "MLFLOW_EXPERIMENT_ID": "tracking.experiment=NAME",
    "MLFLOW_RUN_ID": "",
}


def code() -> Iterator[Finding]:
    """What runs would record of the code here."""
    found = git()
    if found["commit"] == "none":
        yield Finding("git", "note", "no checkout here: runs will not say which code they were made with")
        return
    changes = (
        "with uncommitted changes, which each run keeps as git.diff"
        if found["dirty"] == "true"
        else "nothing changed since"
    )
    yield Finding("git", "ok", f"commit {found['commit'][:10]} on {found['branch']}, {changes}")


def variables() -> Iterator[Finding]:
    """MLflow's own settings in the environment."""
    found = {name: value for name, value in sorted(os.environ.items()) if name.startswith("MLFLOW_")}
    if not found:
        yield Finding("settings", "ok", "no MLFLOW_ variable is set")
        return
    told = (
        f"{name}={'***' if any(word in name for word in SECRET) else redacted(value)}"
        for name, value in found.items()
    )
    yield Finding("settings", "note", ", ".join(told))
    for name in found.keys() & NOT_READ.keys():
        yield Finding("settings", "note", f"nnexp does not look at {name}", NOT_READ[name])


def data(verify: bool = False) -> Iterator[Finding]:
    """The data folder, and which sets lie there.

    Args:
        verify: hold their content to what it must be, too.
    """
    said = os.environ.get(DATA)
    root = Path(said or DEFAULT_DATA).expanduser().resolve()
    origin = f"{root} ({DATA})" if said else f"{root} ({DATA} is not set)"
    if not root.is_dir():
        yield Finding(
            "data", "note", f"{origin} is not there: it is made when data are fetched; data=digits needs none"
        )
        return
    missing = []
    for kind in sorted(ImageSet.__subclasses__(), key=lambda kind: kind.name):
        source = kind(validation=0.1, root=str(root), mirrors=[])
        if not source.find(root / source.name):
            missing.append(source.name)
        else:
            yield image_set(source, root / source.name, verify)
    if missing:
        how = f"fetched when a run asks for it, or put its four files into {root / missing[0]}"
        yield Finding(
            "data",
            "note" if DEFAULT_SET in missing else "ok",
            f"not in {origin}: {', '.join(missing)}; {how}",
        )
    cache = place(root / DEFAULT_SET)
    where = (
        "beside the data"
        if cache.is_relative_to(root)
        else f"{cache.parents[1]}, as the data folder cannot be written"
    )
    yield Finding("cache", "ok", f"of arrays: {where}")


def image_set(source: ImageSet, folder: Path, verify: bool) -> Finding:
    """One set of images: are its files there, whole, and right?"""
    files = source.find(folder)
    if missing := [f"{name}.gz" for part, name in FILES.items() if part not in files]:
        remedy = "a run that asks for it fetches what is missing; or put it there"
        return Finding("data", "note", f"{folder} lacks {', '.join(missing)}", remedy)
    for file in files.values():
        if trouble := cut_short(file):
            return Finding("data", "problem", f"{file}: {trouble}", "delete it and fetch it anew")
    if not verify:
        return Finding(
            "data",
            "ok",
            f"{source.name}: four files in {folder}, of the right size (nnexp doctor --data verifies the content)",
        )
    return verified(source, folder, files)


def verified(source: ImageSet, folder: Path, files: dict[str, Path]) -> Finding:
    """The content against the SHA-256 that is known, public or of the first use; else against what the mirrors offer."""
    cache = place(folder)
    first_use = cache.with_name(f"{cache.name}-first-use.json")
    try:
        if source.sha256 is not None or first_use.exists():
            source.read(files, first_use)
            return Finding("data", "ok", f"{source.name}: four files in {folder}, verified by SHA-256")
    except DataError as error:
        return Finding("data", "problem", str(error))
    for file, known in zip(files.values(), [source.md5[[*FILES].index(part)] for part in files], strict=True):
        if file.suffix != ".gz":
            return Finding(
                "data",
                "note",
                f"{source.name}: {file.name} is unpacked, and no digest of that is known before its first use",
            )
        if md5(file.read_bytes(), usedforsecurity=False).hexdigest() != known:
            return Finding(
                "data",
                "problem",
                f"{file}: not the file that the mirrors offer",
                "delete it and fetch it anew",
            )
    return Finding("data", "ok", f"{source.name}: four files in {folder}, verified by the mirrors' MD5")


def cut_short(file: Path) -> str:
    """What is wrong with an IDX file's size, raw or compressed, read off its first bytes and, of a .gz, its last four."""
    try:
        size = file.stat().st_size
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            head = opened.read(4)
            dimensions = struct.unpack(f">{head[3]}I", opened.read(4 * head[3]))
        if file.suffix == ".gz":
            with file.open("rb") as opened:
                opened.seek(-4, os.SEEK_END)
                (size,) = struct.unpack("<I", opened.read(4))
    except (OSError, EOFError, IndexError, struct.error, zlib.error) as error:
        return f"is no IDX file: {error}"
    wanted = 4 + 4 * len(dimensions) + prod(dimensions)
    if size == wanted:
        return ""
    return (
        "its end does not fit its head: cut short"
        if file.suffix == ".gz"
        else f"{size:,} bytes, but its head promises {wanted:,}"
    )


def unsent() -> Iterator[Finding]:
    """Runs below outputs/ that are not in their store."""
    outputs = Path("outputs")
    if not outputs.is_dir():
        yield Finding("outputs", "ok", "no runs here yet")
        return
    found = list(find(outputs))
    states = Counter(run.state for run in found)
    told = f"{many(len(found), 'run')} in outputs/"
    if states["running"]:
        told += f", {states['running']} being trained"
    if waiting := states["waiting"]:
        for_servers = any(run.state == "waiting" and for_server(run.folder) for run in found)
        remedy = (
            f"nnexp sync, when their server is back; or elsewhere: {ELSEWHERE}"
            if for_servers
            else "nnexp sync"
        )
        yield Finding("outputs", "problem", f"{told}: {waiting} did not reach MLflow, or not wholly", remedy)
    else:
        yield Finding("outputs", "ok", f"{told}, none waits to be sent to MLflow")
    if broken := [run.folder for run in found if run.state == "unreadable"]:
        yield Finding(
            "outputs", "note", f"{many(len(broken), 'journal')} cannot be read, the first in {broken[0]}"
        )


def for_server(folder: Path) -> bool:
    """Whether a run was made for a store that may be out of reach, and not for a file here."""
    uri = journal.read(folder)[0][0]["destination"]["uri"]
    return uri is not None and not uri.startswith(SQLITE)
