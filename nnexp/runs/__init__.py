"""Recorded runs: query, compare, reproduce. The module itself can be called: `nnexp.runs(filter)`."""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


class _Runs(ModuleType):
    """A package that is a function too: its name in the public API is that of this folder."""

    def __call__(self, filter: str = "", **options: Any) -> "DataFrame":  # noqa: A002
        """Return recorded runs as a data frame: see `nnexp.runs.frames.runs_frame`."""
        from nnexp.runs.frames import runs_frame

        return runs_frame(filter, **options)


sys.modules[__name__].__class__ = _Runs
