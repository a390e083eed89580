"""The one spelling of settings that can be written in several ways: equal settings are recorded equally."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MinLen


@dataclass(frozen=True)
class Canonical:
    """Annotates a setting with the function that maps each valid value to its canonical spelling."""

    function: Callable[[Any], Any]


def file_path(path: str) -> str:
    """Return a path relative to the working directory where it lies below it, else absolute; `~` is home."""
    if "://" in path:
        return path
    absolute = Path(os.path.abspath(os.path.expanduser(path)))  # keeps links, which `resolve` follows
    for candidate in (absolute, Path(os.path.realpath(absolute))):
        if candidate.is_relative_to(Path.cwd()):
            return str(candidate.relative_to(Path.cwd()))
    return str(absolute)


def optional_file_path(path: str | None) -> str | None:
    """Return a path as `file_path` does, and None as it is."""
    return None if path is None else file_path(path)


def expand_home(uri: str) -> str:
    """Return a path or the URI of a file with the home folder in place of `~`."""
    return re.sub(r"^(sqlite:///|file://)?~(?=/|$)", lambda match: f"{match[1] or ''}{Path.home()}", uri)


def single_name(names: str | list[str]) -> str | list[str]:
    """Return a list of one name as that name."""
    return names[0] if isinstance(names, list) and len(names) == 1 else names


def name_list(names: str | list[str] | None) -> list[str]:
    """Return one name, or none, as a list."""
    return [names] if isinstance(names, str) else names or []


FilePath = Annotated[str, MinLen(1), Canonical(file_path)]
OptionalFilePath = Annotated[str | None, Canonical(optional_file_path)]
Columns = Annotated[str | Annotated[list[str], MinLen(1)], Canonical(single_name)]
OptionalColumns = Annotated[str | list[str] | None, Canonical(name_list)]
