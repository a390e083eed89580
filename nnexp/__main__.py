"""The door: `nnexp <verb> ...` or `nnexp key=value ...`."""

import sys
from importlib import import_module

from nnexp.help import VERBS, text, version


def main() -> int:
    """Send the command line to where it belongs; returns the exit code."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first in ("--help", "-h", "help"):
        print(text())
        return 0
    if first == "--version":
        print(f"nnexp {version()}")
        return 0
    if first in VERBS:
        return int(import_module(f"nnexp.verbs.{first}").main(sys.argv[2:]))
    if first and "=" not in first and first[0] not in "-~+":
        from nnexp.config.problems import did_you_mean

        advice = did_you_mean(first, VERBS)
        print(f"nnexp: no such command: {first}; {advice}there are: {', '.join(VERBS)}, or key=value; see nnexp --help", file=sys.stderr)
        return 2
    from nnexp.app import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
