"""Command-line entry point: `nnexp <command> ...` or `nnexp key=value ...`."""

import gc
import os
import sys
from importlib import import_module

from nnexp.cli.signals import end_at_once, raise_interrupted

ACTIVE_RUNS = os.path.join("outputs", ".active")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code; print the error that ended it.

    Args:
        arguments: after the program's name; None takes them from sys.argv.
    """
    is_program = arguments is None
    if is_program:
        end_at_once()  # also while what follows is imported
    from nnexp.cli.errors import USER_ERROR, exit_code, format_error
    from nnexp.cli.streams import check_encoding, prepare_streams, restart_in_utf8_mode
    from nnexp.errors import FULL_ERROR
    from nnexp.redaction import redact_logs_and_tracebacks, redacted

    if is_program:
        redact_logs_and_tracebacks()
        restart_in_utf8_mode()
    prepare_streams()
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        check_encoding(arguments)
        code = dispatch(arguments, is_program)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # what Python still buffers must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as error:
        return exit_code(error) or USER_ERROR
    except Exception as error:
        failure = exit_code(error)
        if failure is None or os.environ.get(FULL_ERROR) == "1":
            raise
        print(f"nnexp: {redacted(format_error(error))}", file=sys.stderr)
        return failure
    finally:
        if is_program:
            end_at_once()  # also while Python exits


def dispatch(arguments: list[str], is_program: bool = False) -> int:
    """Print the help, or run the command or the experiment that the arguments describe."""
    from nnexp.cli.help import COMMANDS, config_dir_of, help_text, version
    from nnexp.errors import UserError
    from nnexp.messages import did_you_mean

    first = arguments[0] if arguments else ""
    if first == "help" or (first not in COMMANDS and {"--help", "-h"} & set(arguments)):
        print(help_text(config_dir_of(arguments)))
        return 0
    if first == "--version":
        print(f"nnexp {version()}")
        return 0
    if os.path.isdir(ACTIVE_RUNS):
        from nnexp.cli.dead_runs import report_dead_runs

        report_dead_runs(first)
    if first in COMMANDS:
        command = import_module(f"nnexp.cli.commands.{first.replace('-', '_')}")
        if is_program:
            raise_interrupted()
        return int(command.main(arguments[1:]))
    if first and "=" not in first and first[0] not in "-~+":
        advice = f"{did_you_mean(first, COMMANDS)}there are: {', '.join(COMMANDS)}, or key=value"
        raise UserError(f"no such command: {first}; {advice}; see nnexp --help")
    return train(arguments)


def train(arguments: list[str]) -> int:
    """Run an experiment or a sweep."""
    if not any(argument.startswith("-") for argument in arguments):
        from nnexp.tracking.upload.client import Uploader

        Uploader.start(
            mlflow="tracking=none" not in arguments
        )  # imports mlflow while this process imports the rest
    gc.disable()  # what is imported stays for good: the collector need not look at it, now or later
    from nnexp.cli.train import main as run

    gc.freeze()
    gc.enable()
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
