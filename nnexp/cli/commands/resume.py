"""`nnexp resume RUN`: go on with a run that was interrupted, or extend a finished one."""

from nnexp.cli.api import resume_folder
from nnexp.cli.arguments import Arguments
from nnexp.cli.display import TerminalDisplay
from nnexp.cli.errors import FAILURE
from nnexp.cli.run_log import log_to
from nnexp.run_folder import LOG
from nnexp.runs.local import find_folder
from nnexp.runs.query import Runs


def main(arguments: list[str]) -> int:
    """Resume the run; returns the exit code."""
    text = "Go on with a run that was interrupted, from its last checkpoint, or extend a finished one."
    epilog = "It stays the same run, in its folder and in MLflow. Data, network and seed cannot change."
    parser = Arguments("resume", text, epilog=epilog)
    parser.add_run()
    change = "change a setting: trainer.epochs=20"
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=change)
    parser.add_store()
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own config groups")
    options = parser.parse_intermixed_args(arguments)
    folder = find_folder(options.run, Runs(options.uri, options.experiment))
    log_to(folder / LOG)
    result = resume_folder(folder, options.overrides, TerminalDisplay(), options.config_dir)
    return 0 if result.status == "FINISHED" else FAILURE
