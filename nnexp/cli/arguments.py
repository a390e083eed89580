"""The arguments of commands: options that several of them share, and their wording."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from nnexp.errors import UserError
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import tracking_uri

RUN = "an id or its first characters, a name, best, last, or the path of a run's folder"
SWEEP = "its folder, its id or the beginning of it, its name, or last"
URI = "another store (default: MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory)"
EXPERIMENT = "only runs of this experiment (default: of all)"
JSON = "print everything as JSON"
PLOT_FORMATS = (".png", ".svg", ".pdf")


class Arguments(argparse.ArgumentParser):
    """The arguments of `nnexp COMMAND`; further options are argparse's."""

    def __init__(self, command: str, description: str, **options: Any) -> None:
        super().__init__(prog=f"nnexp {command}", description=description, **options)

    def add_run(self) -> None:
        self.add_argument("run", metavar="RUN", help=RUN)

    def add_store(self, experiment: bool = True) -> None:
        """Add --uri and, where it applies, --experiment: where to look for runs."""
        if experiment:
            self.add_argument("--experiment", metavar="NAME", help=EXPERIMENT)
        self.add_argument("--uri", help=URI)

    def add_json(self, text: str = JSON) -> None:
        self.add_argument("--json", action="store_true", help=text)

    def add_overrides(self, example: str) -> None:
        """Add overrides and --config-dir, as a run takes them; they need `parse_intermixed_args`."""
        self.add_argument("overrides", nargs="*", metavar="key=value", help=f"as of a run: {example}")
        self.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")

    def add_plot(self, default: str) -> None:
        self.add_output(PLOT_FORMATS, f"the plot (default: {default})", Path(default))

    def add_output(self, suffixes: Sequence[str], text: str, default: Path | None = None) -> None:
        """Add --out, a file in an existing folder whose name has one of the suffixes."""

        def parse(name: str) -> Path:
            path = Path(name)
            if path.suffix.lower() not in suffixes:
                expected = f"expected a name that ends in {', '.join(suffixes)}"
                raise argparse.ArgumentTypeError(f"{name}: {expected}")
            if path.is_dir() or not path.parent.is_dir():
                problem = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
                raise argparse.ArgumentTypeError(f"{name}: {problem}")
            return path

        self.add_argument("--out", type=parse, default=default, metavar="FILE", help=text)

    def error(self, message: str) -> NoReturn:
        """Raise the message as a UserError."""
        raise UserError(f"{message}; see {self.prog} --help")


def store_option(uri: str | None) -> str:
    """Return the option that makes a proposed command look at a store; empty: it is the default one."""
    return "" if uri is None or uri == tracking_uri(None) else f" --uri {shlex.quote(redacted(uri))}"
