"""The error that all data sets raise."""

from pathlib import Path

from nnexp.errors import UserError


class DataError(UserError):
    """Data that are missing, damaged or unsuitable.

    Attributes:
        problem: what is wrong, and in which row.
        remedy: what to change in the file.
        setting: the override that helps instead, for a training run.
        path: of the file.
    """

    def __init__(self, problem: str, remedy: str = "", setting: str = "", path: Path | None = None) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.setting, self.path = problem, remedy, setting, path

    def __str__(self) -> str:
        remedies = [self.remedy] if self.remedy else []
        remedies += [f"set {self.setting}"] if self.setting else []
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.problem}{'; fix: ' if remedies else ''}{', or '.join(remedies)}"
