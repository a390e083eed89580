"""The error that all data sets raise."""

from pathlib import Path

from nnexp.errors import UserError


class DataError(UserError):
    """Data that are missing, damaged or unsuitable."""

    def __init__(self, problem: str, remedy: str = "", setting: str = "", path: Path | None = None) -> None:
        super().__init__(problem)
        self.problem = problem  # what is wrong, and in which row
        self.remedy = remedy  # what to change in the file
        self.setting = setting  # the override of a training run that helps instead
        self.path = path  # of the file

    def __str__(self) -> str:
        remedies = [self.remedy] if self.remedy else []
        remedies += [f"set {self.setting}"] if self.setting else []
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.problem}{'; fix: ' if remedies else ''}{', or '.join(remedies)}"
