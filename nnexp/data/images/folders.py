"""Folders of data sets and caches: a given folder is only read; what is made goes to the user's cache."""

import os
from hashlib import sha256
from pathlib import Path

DEFAULT_ROOT = "~/.cache/nnexp"  # of data sets, without NNEXP_DATA
CACHE_VARIABLE = "NNEXP_CACHE"
ARRAYS = "arrays"  # in the cache


def user_cache() -> Path | None:
    """Return the user's cache folder: NNEXP_CACHE, or nnexp in XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    default = os.path.join(base, "nnexp") if os.path.isabs(base) else DEFAULT_ROOT
    return resolve_folder(os.environ.get(CACHE_VARIABLE) or default)


def resolve_folder(folder: str) -> Path | None:
    """Return the path of a folder without links and ~; None where the user has no home directory."""
    path = os.path.expanduser(folder)
    return None if path.startswith("~") else Path(os.path.realpath(path))  # also of a loop of links


def cache_entry(name: str, source: Path | None = None) -> Path | None:
    """Return the folder for a data set's arrays in the user's cache, another one for each source folder."""
    cache = user_cache()
    suffix = f"-{sha256(os.fsencode(source)).hexdigest()[:12]}" if source is not None else ""
    return None if cache is None else cache / ARRAYS / f"{name}{suffix}"
