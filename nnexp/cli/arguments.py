"""How a verb reads its command line: the same words for what several verbs take, and a mistake in one line."""

import argparse
from typing import Any, NoReturn

USER_ERROR = 2
RUN = "an id or its first characters, a name, best, last, or the path of a run's folder"
URI = "another store (default: MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory)"
EXPERIMENT = "look only in this experiment (default: in all)"
JSON = "print all as JSON"


class Arguments(argparse.ArgumentParser):
    """The arguments of `nnexp VERB`.

    Args:
        verb: its name.
        description: what it does.
        rest: as argparse takes it.
    """

    def __init__(self, verb: str, description: str, **rest: Any) -> None:
        super().__init__(prog=f"nnexp {verb}", description=description, **rest)

    def add_run(self) -> None:
        """RUN: which run is meant."""
        self.add_argument("run", metavar="RUN", help=RUN)

    def add_store(self, experiment: bool = True) -> None:
        """--uri and, unless it makes no sense there, --experiment: where runs are looked for."""
        if experiment:
            self.add_argument("--experiment", metavar="NAME", help=EXPERIMENT)
        self.add_argument("--uri", help=URI)

    def add_json(self, told: str = JSON) -> None:
        """--json.

        Args:
            told: what is printed, where it is more or less than all.
        """
        self.add_argument("--json", action="store_true", help=told)

    def error(self, message: str) -> NoReturn:
        """End with what is wrong, in one line."""
        self.exit(USER_ERROR, f"nnexp: {message}; see {self.prog} --help\n")
