"""Redaction of secrets: they are neither shown nor stored, wherever a text comes from.

Hidden are user names and passwords within URIs, values of settings that are named like a secret, and the
secrets in this process's environment, also as they are spelled within a URI.
"""

import logging
import os
import re
import sys
import traceback
from functools import lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
USER = r"[^\s/@?#'\"]*"  # and only a password may hold a slash: else it is a path, which may hold an @
IN_AUTHORITY = re.compile(rf"(?<!/)//(?:{USER}:(?!\d+[/?#])[^\s'\"]*|{USER}:[^\s?#'\"]*|[^\s/?#'\"]*)@")
IN_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:password|passwd|pwd|token|secret|key|odbc_connect)=)[^&\s'\"]*")
SETTING = re.compile(
    r"(?i)((?<![\w-])[\w.+-]*(?:password|passwd|token|secret|access_key|api_key)=['\"]?)[^&\s'\",;}\]]+"
)
VARIABLE = re.compile(r"(\b[A-Z][A-Z_]*(?:PASSWORD|TOKEN|SECRET|ACCESS_KEY)['\"]?: *['\"]?)[^\s'\",}]+")
HEADER = re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic\s|bearer\s)?\s*)[^\s'\"]+")
SECRETS = (  # environment variables
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN", "PGPASSWORD"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCESS_KEY"),
)
URIS = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PASSWORD_IN_URI = re.compile(r"//[^\s/:@]*:(.*)@")
MIN_LENGTH = 6  # characters of a secret: a shorter one is part of many words


def redacted(text: str) -> str:
    """Return a text without secrets."""
    text = IN_QUERY.sub(rf"\1{HIDDEN}", IN_AUTHORITY.sub(f"//{HIDDEN}@", text))
    for pattern in (SETTING, VARIABLE, HEADER):
        text = pattern.sub(rf"\1{HIDDEN}", text)
    values = tuple(os.environ.get(name, "") for name in SECRETS)
    uris = tuple(os.environ.get(name) or os.environ.get(name.lower(), "") for name in URIS)
    known = secrets_pattern(values, uris) if any(values) or any(uris) else None
    return text if known is None else known.sub(HIDDEN, text)


@lru_cache(maxsize=8)
def secrets_pattern(values: tuple[str, ...], uris: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return what matches these secrets and the passwords of these URIs; None: there are none."""
    passwords = [match[1] for uri in uris if (match := PASSWORD_IN_URI.search(uri))]
    plain = {spelling for value in (*values, *passwords) for spelling in (value, unquote(value))}
    spellings = {spelling for value in plain for spelling in (value, quote(value, ""), quote_plus(value))}
    long_enough = sorted((one for one in spellings if len(one) >= MIN_LENGTH), key=len, reverse=True)
    if not long_enough:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, long_enough))})(?![A-Za-z0-9])")


def redact_logs_and_tracebacks() -> None:
    """Let no log record and no traceback of an uncaught exception in this process hold a secret."""
    make = logging.getLogRecordFactory()
    if getattr(make, "__name__", "") == "make_redacted":
        return

    def make_redacted(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = make(*arguments, **options)
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):  # reported by `logging`
            return record
        if (safe := redacted(text)) != text:
            record.msg, record.args = safe, ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redacted("".join(traceback.format_exception(*record.exc_info))).rstrip()
        return record

    logging.setLogRecordFactory(make_redacted)
    sys.excepthook = print_redacted


def print_redacted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback without secrets, in place of Python's own function."""
    print(redacted("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)
