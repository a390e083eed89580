"""Checks of the project: its data sets, its MLflow store, runs that were not uploaded."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnexp.cli.doctor.finding import Finding
from nnexp.data.images.cifar10 import CIFAR10
from nnexp.data.images.emnist import EMNIST
from nnexp.data.images.folders import ARRAYS, CACHE_VARIABLE, DEFAULT_ROOT, resolve_folder, user_cache
from nnexp.data.images.image_sets import KMNIST, MNIST, FashionMNIST
from nnexp.messages import plural, short_path
from nnexp.redaction import redacted
from nnexp.run_folder import RunFolder, end_of
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.sqlite.creation import is_half_made
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, tracking_uri
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.uris import check_uri
from nnexp.tracking.upload.sync import find_runs

DATA = "NNEXP_DATA"
OUTPUTS = Path("outputs")
MEGABYTE = 1e6
IMAGE_SETS = {kind.name: kind for kind in (CIFAR10, EMNIST, FashionMNIST, KMNIST, MNIST)}
OTHER_STORE = f"runs can be uploaded elsewhere: nnexp sync --uri {SQLITE}{DATABASE}"


def check_data() -> Iterator[Finding]:
    """Check which image data sets are in the data folder or in the user's cache."""
    given = resolve_folder(os.environ.get(DATA) or DEFAULT_ROOT)
    roots = [root for root in dict.fromkeys((given, user_cache())) if root is not None]
    names = sorted(IMAGE_SETS)
    for root in roots:
        if complete := [name for name in names if is_complete(name, [root])]:
            yield Finding("data", "ok", f"{', '.join(complete)} in {root}")
    if missing := [name for name in names if not is_complete(name, roots)]:
        places = " or ".join(map(str, roots)) or "a home directory: there is none"
        folder = f"{given or '...'}/{missing[0]}"
        remedy = f"a run downloads its data set; or put its files into {folder}, or set {DATA}"
        yield Finding("data", "note", f"{', '.join(missing)}: not, or not completely, in {places}", remedy)


def check_cache() -> Iterator[Finding]:
    """Check how much room the decoded images take, of whatever data set."""
    folder = user_cache()
    if folder is None:
        yield Finding(
            "cache", "note", "no home directory: images are decoded for each run", f"set {CACHE_VARIABLE}"
        )
        return
    arrays = list((folder / ARRAYS).glob("*/*.npy"))
    size = sum(path.stat().st_size for path in arrays) / MEGABYTE
    count = plural(len({path.parent for path in arrays}), "set")
    text = f"{count} of decoded images, {size:,.0f} MB in {folder / ARRAYS}, which may be deleted"
    yield Finding("cache", "ok", text)


def is_complete(name: str, roots: Sequence[Path]) -> bool:
    """Return whether all files of an image data set are in its folders below `roots`."""
    image_set = IMAGE_SETS[name](mirrors=[])
    files = image_set.find([root / name for root in roots])
    return not image_set.missing(files)


def check_store() -> Iterator[Finding]:
    """Check that the MLflow store answers and that its schema is that of the installed MLflow."""
    try:
        uri = tracking_uri(None)
        check_uri(uri)
        if uri.startswith(SQLITE):
            path = Path(uri.removeprefix(SQLITE))
            if not path.exists():
                yield missing_store(path)
                return
            if is_half_made(path):
                text = f"the creation of {path} was interrupted, it holds nothing; the next run makes it anew"
                yield Finding("store", "note", text)
                return
        assert Runs(uri, relocates=False).client
    except StoreError as error:
        text, _, remedy = str(error).partition("; fix: ")
        yield Finding("store", "problem", text, remedy or OTHER_STORE)
        return
    yield Finding("store", "ok", f"{redacted(uri)} can be read")


def missing_store(path: Path) -> Finding:
    """Report that there is no database yet, and the project's if the working directory lies inside it."""
    text = f"no store yet: the first run creates {path}"
    projects = [folder for folder in Path.cwd().parents if (folder / DATABASE).is_file()]
    if not projects:
        return Finding("store", "ok", text)
    return Finding("store", "note", f"{text}; there is one in {projects[0]}", f"cd {projects[0]}")


def check_runs() -> Iterator[Finding]:
    """Check for runs below outputs/ that were not uploaded, or whose journal has no end."""
    runs = list(find_runs(OUTPUTS))
    counts = Counter(run.state for run in runs)
    text = f"{plural(len(runs), 'run')} in {OUTPUTS}/, {counts['running']} in training"
    waiting = [run.folder for run in runs if run.state == "waiting"]
    if waiting:
        stale = [folder for folder in waiting if end_of(RunFolder(folder).entries()) is None]
        problem = f"{text}; {len(waiting)} not uploaded to MLflow, {len(stale)} of them ended abruptly"
        yield Finding("runs", "problem", problem, f"nnexp sync; {OTHER_STORE}")
    else:
        yield Finding("runs", "ok", f"{text}, none waits for an upload to MLflow")
    unreadable = [run.folder for run in runs if run.state == "unreadable"]
    if unreadable:
        text = f"{plural(len(unreadable), 'unreadable journal')}, the first in {short_path(unreadable[0])}"
        yield Finding("runs", "note", text)
