"""Arguments and files in UTF-8 whatever the locale; output in what the terminal can show."""

import codecs
import io
import locale
import os
import sys

from nnexp.errors import UserError

STDERR = 2
UTF8_MODE = "PYTHONUTF8"  # environment variables of Python
OUTPUT_ENCODING = "PYTHONIOENCODING"
SUBSTITUTES = {"±": "+/-", "−": "-", "–": "-", "…": "~", "→": "->", "↑": "^", "↓": "v"}
"""ASCII for the symbols that nnexp itself prints; names from the data are kept, or escaped."""


def restart_in_utf8_mode() -> None:
    """Start this program again in Python's UTF-8 mode if the locale's encoding is another one.

    Libraries open files in the locale's encoding, and look for their names in it: Hydra, pyarrow, MLflow.
    """
    encoding = locale.getencoding()
    in_utf8 = sys.flags.utf8_mode or _is_utf8(encoding)
    if in_utf8 or os.name == "nt" or not sys.executable or os.environ.get(UTF8_MODE) == "1":
        return
    os.environ[UTF8_MODE] = "1"
    os.environ.setdefault(OUTPUT_ENCODING, f"{encoding}:backslashreplace")
    arguments = [to_utf8(argument, encoding) for argument in sys.orig_argv[1:]]
    os.execv(sys.executable, [os.fsencode(sys.executable), *arguments])  # noqa: S606, no shell


def to_utf8(argument: str, encoding: str) -> bytes:
    """Return an argument in UTF-8, in which it may have been typed although the locale says `encoding`."""
    typed = os.fsencode(argument)
    try:
        typed.decode()
    except UnicodeDecodeError:
        return typed.decode(encoding, "surrogateescape").encode("utf-8", "surrogateescape")
    return typed


def check_encoding(arguments: list[str]) -> None:
    """Check that all arguments are text."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            shown = argument.encode("utf-8", "backslashreplace").decode()
            advice = "rename the file or column, or type it on a UTF-8 terminal"
            raise UserError(f"expected arguments in UTF-8, got {shown}; fix: {advice}") from error


def prepare_streams() -> None:
    """Make standard streams usable whatever the environment says about them."""
    open_closed_streams()
    degrade_output()
    follow_color_settings()


def open_closed_streams() -> None:
    """Open those of the three standard streams that are closed, as cron may leave them, on the null device.

    Else the next file that is opened would get the number of such a stream, and all that is printed.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(STDERR, "w", encoding="utf-8")


def follow_color_settings() -> None:
    """Translate CLICOLOR and CLICOLOR_FORCE to NO_COLOR and FORCE_COLOR, which rich follows."""
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        os.environ.setdefault("FORCE_COLOR", "1")
    elif os.environ.get("CLICOLOR") == "0":
        os.environ.setdefault("NO_COLOR", "1")


def degrade_output() -> None:
    """Make output degrade to what its encoding has: symbols to ASCII, other characters to escapes.

    In a C locale, for which Python writes UTF-8, symbols become ASCII and names stay UTF-8.
    """
    codecs.register_error("nnexp.escape", _escape)
    codecs.register_error("nnexp.keep", _keep)
    in_ascii = not _is_utf8(locale.getencoding()) and OUTPUT_ENCODING not in os.environ
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if not _is_utf8(stream.encoding):
                stream.reconfigure(errors="nnexp.escape")
            elif in_ascii:
                stream.reconfigure(encoding="ascii", errors="nnexp.keep")


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    rest = error.object[error.start : error.end]
    escaped = (SUBSTITUTES.get(c) or c.encode("ascii", "backslashreplace").decode() for c in rest)
    return "".join(escaped), error.end


def _keep(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    rest = error.object[error.start : error.end]
    kept = "".join(SUBSTITUTES.get(c, c) for c in rest)
    return kept.encode("utf-8", "surrogateescape"), error.end


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"
