"""The errors that all data sets raise."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nnexp.errors import UserError
from nnexp.messages import merged_list_override, plural

MAX_LISTED = 20  # problems in a message


class DataError(UserError):
    """Data that are missing, damaged or unsuitable."""

    def __init__(
        self,
        problem: str,
        remedy: str = "",
        setting: str = "",
        path: Path | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem  # what is wrong, and in which row
        self.remedy = remedy  # what to change in the file
        self.path = path  # of the file
        self.columns = columns or {}  # what to add to the lists of settings instead: {"data.drop": ["a"]}
        self.existing: Mapping[str, Sequence[str]] = {}  # what these lists hold already
        self._setting = setting

    def complete(self, path: Path, existing: Mapping[str, Sequence[str]]) -> None:
        """Set the file, and what the lists of settings hold already."""
        self.path = path
        self.existing = existing

    def drop_settings(self, path: Path, *, only_lists: bool = False) -> None:
        """Set the file, and remove the settings, which only a training run has, or those of its table."""
        self.path = path
        self.columns = {}
        self._setting = self._setting if only_lists else ""

    @property
    def setting(self) -> str:
        """The override of a training run that helps instead, or several alternatives."""
        lists = self.columns.items()
        return self._setting or " or ".join(self.override_list(key, names) for key, names in lists)

    def override_list(self, key: str, names: Sequence[str]) -> str:
        """Format the override that adds columns to the list of a setting."""
        return merged_list_override(key, self.existing.get(key), names)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.problem}{'; ' if self.fix else ''}{self.fix}"

    @property
    def fix(self) -> str:
        """The advice: a change of the file, or a setting."""
        remedies = [self.remedy] if self.remedy else []
        remedies += [f"set {self.setting}"] if self.setting else []
        return f"fix: {', or '.join(remedies)}" if remedies else ""


class TableError(DataError):
    """Several problems of one table."""

    def __init__(self, errors: Sequence[DataError]) -> None:
        super().__init__(plural(len(errors), "problem"))
        self.errors = errors
        of_columns = [error for error in errors if error.columns]
        self.fixed_together = of_columns or [error for error in errors if error.setting]
        self.remedy = " and ".join(dict.fromkeys(e.remedy for e in self.fixed_together if e.remedy))

    @property
    def setting(self) -> str:
        """The overrides that help with all problems of columns at once, or alternatives."""
        errors = self.fixed_together
        if not any(error.columns for error in errors):
            return " ".join(dict.fromkeys(error.setting for error in errors))
        dropped = self._override("data.drop", errors)
        kept = [error for error in errors if "data.categorical" in error.columns]
        if not kept:
            return dropped
        rest = [error for error in errors if error not in kept]
        others = f" {self._override('data.drop', rest)}" if rest else ""
        return f"{dropped} or {self._override('data.categorical', kept)}{others}"

    def _override(self, key: str, errors: Sequence[DataError]) -> str:
        return self.override_list(key, [name for error in errors for name in error.columns[key]])

    def complete(self, path: Path, existing: Mapping[str, Sequence[str]]) -> None:
        super().complete(path, existing)
        for error in self.errors:
            error.existing = existing

    def drop_settings(self, path: Path, *, only_lists: bool = False) -> None:
        super().drop_settings(path, only_lists=only_lists)
        for error in self.errors:
            error.drop_settings(path, only_lists=only_lists)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        together = self.fixed_together if len(self.fixed_together) > 1 else []
        lines = [e.problem if e in together or not e.fix else f"{e.problem}; {e.fix}" for e in self.errors]
        lines[MAX_LISTED:] = [f"and {len(lines) - MAX_LISTED:,} more"] if len(lines) > MAX_LISTED else []
        lines += [self.fix] if together else []
        return "\n  ".join([f"{where}{self.problem}:", *lines])


def raise_errors(errors: Sequence[DataError]) -> None:
    """Raise the only error, or all of them as one; do nothing if there is none."""
    if errors:
        raise errors[0] if len(errors) == 1 else TableError(errors)
