"""Template of a new SQLite store: empty tables, made once per version of MLflow, in the user's cache.

The name of the file holds MLflow's version and the SHA-256 of the content: what does not fit is not used.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from nnexp.atomic_write import write_atomically
from nnexp.data.images.folders import user_cache
from nnexp.regular_file import open_regular

FOLDER = "mlflow"  # in the cache
DIGITS = 32  # of the SHA-256
MAX_BYTES = 1 << 24


def read_template() -> bytes | None:
    """Return the template for this version of MLflow, if there is one, whole and undamaged."""
    for path in template_files():
        with suppress(OSError), open_regular(path) as file:
            content = file.read(MAX_BYTES)
            if path.stem.endswith(f"-{digest(content)}"):
                return content
    return None


def keep_template(database: Path) -> None:
    """Keep the tables of a store that was just made as the template; without a cache, do nothing."""
    if (cache := user_cache()) is None:
        return
    with suppress(OSError, sqlite3.Error), TemporaryDirectory() as folder:
        empty = Path(folder, "mlflow.db")
        empty.write_bytes(database.read_bytes())
        with closing(sqlite3.connect(empty)) as connection, connection:
            connection.execute("DELETE FROM experiments")  # MLflow makes "Default", with a path of the folder
        content = empty.read_bytes()
        for stale in template_files():
            stale.unlink(missing_ok=True)
        write_atomically(cache / FOLDER / f"{prefix()}{digest(content)}.db", content)


def template_files() -> Iterator[Path]:
    """Yield the files of templates for this version of MLflow."""
    if (cache := user_cache()) is not None:
        yield from (cache / FOLDER).glob(f"{prefix()}*.db")


def prefix() -> str:
    """Return the beginning of a template's name."""
    from mlflow.version import VERSION

    return f"{VERSION}-"


def digest(content: bytes) -> str:
    """Return the SHA-256 of a template, shortened."""
    return sha256(content).hexdigest()[:DIGITS]
