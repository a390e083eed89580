"""The door: `nnexp <verb> ...` or `nnexp key=value ...`."""

import gc
import os
import sys
from difflib import get_close_matches
from importlib import import_module

from nnexp.cli.help import VERBS, text, version

INTERRUPTED = 130


def main() -> int:
    """Send the command line to where it belongs; returns the exit code."""
    try:
        code = dispatch()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except (
        BrokenPipeError
    ):  # whoever reads has seen enough; what Python still holds back must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def dispatch() -> int:
    """The verb, the help or the experiment that the first words ask for."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first == "help" or (first not in VERBS and {"--help", "-h"} & set(sys.argv)):
        print(text())
        return 0
    if first == "--version":
        print(f"nnexp {version()}")
        return 0
    if first in VERBS:
        return int(import_module(f"nnexp.cli.commands.{first.replace('-', '_')}").main(sys.argv[2:]))
    if first and "=" not in first and first[0] not in "-~+":
        near = get_close_matches(first, VERBS, 1, 0.5)
        advice = f"did you mean {near[0]}? " if near else ""
        print(
            f"nnexp: no such command: {first}; {advice}there are: {', '.join(VERBS)}, or key=value; see nnexp --help",
            file=sys.stderr,
        )
        return 2
    if not any(argument.startswith("-") for argument in sys.argv[1:]):
        from nnexp.tracking.upload.client import Uploader

        Uploader.start(
            mlflow="tracking=none" not in sys.argv
        )  # it imports mlflow while we import and read the rest
    gc.disable()  # what is imported stays for good: the collector need not look at it, now or later
    from nnexp.cli.train import main as run

    gc.freeze()
    gc.enable()
    return run()


if __name__ == "__main__":
    sys.exit(main())
