"""The version of the code that learns: a SHA-256 of its sources, whether they are committed or not."""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

NNEXP = Path(__file__).parent.parent
LEARNING = (
    "data",
    "experiment",
    "metrics",
    "nn",
    "optim",
    "preprocessing",
    "task.py",
    "tasks.py",
    "training",
)
"""The packages and modules of nnexp that decide what a run learns and how it is evaluated."""


def code_sha256(plugins: Sequence[str] = ()) -> str:
    """Return the SHA-256 of the sources that learn: nnexp's, and those of plug-ins that can be found."""
    return _sha256(tuple(sorted(plugins)))


@cache
def _sha256(plugins: tuple[str, ...]) -> str:
    total = sha256()
    for root, path in [*_sources_of_nnexp(), *(one for name in plugins for one in _sources_of(name))]:
        total.update(f"{path.relative_to(root).as_posix()}\0".encode())
        total.update(sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _sources_of_nnexp() -> Iterator[tuple[Path, Path]]:
    for name in LEARNING:
        path = NNEXP / name
        yield from ((NNEXP, file) for file in ([path] if path.is_file() else sorted(path.rglob("*.py"))))


def _sources_of(plugin: str) -> Iterator[tuple[Path, Path]]:
    try:
        spec = find_spec(plugin)
    except (ImportError, ValueError):
        return
    for folder in map(Path, (spec.submodule_search_locations or ()) if spec is not None else ()):
        yield from ((folder.parent, file) for file in sorted(folder.rglob("*.py")))
    if spec is not None and not spec.submodule_search_locations and spec.origin is not None:
        file = Path(spec.origin)
        if file.is_file():
            yield file.parent, file
