"""Errors of MLflow stores: explained in one line, and whether a server has refused a request for good."""

import re
from collections.abc import Iterator

from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.redaction import redacted

SERVERS = ("http://", "https://", "databricks")
REBUILD = "nnexp sync --rebuild"
STRICT = (
    "its TLS certificate, or its authority's, lacks an extension that Python 3.13 requires (RFC 5280); "
    "fix: issue it anew with keyUsage, basicConstraints and key identifiers"
)
WRONG_HOST = "its TLS certificate is for another host name: use that one in the address"
CLOSED = "it closed the connection without an answer: is the address right, http:// or https://?"
NO_TLS = "it does not speak TLS: the address should begin with http://"
REASONS = {  # by a text in the error message
    "No module named 'psycopg": "a PostgreSQL store needs its driver: pip install 'nnexp[postgres]'",
    "is not a database": f"the database is damaged; fix: {REBUILD}",
    "disk image is malformed": f"the database is damaged; fix: {REBUILD}",
    "disk is full": "no space is left on its disk",
    "readonly database": "the database is read-only for this user",
    "out-of-date database schema": "its schema is that of another version of MLflow; fix: of an older one, "
    "mlflow db upgrade {uri}; of a newer one, pip install -U mlflow",
    "mlflow-artifacts URI": "a server keeps the artifacts of this experiment; fix: use the server's address",
    "Can't locate revision": "the database was made by a newer MLflow; fix: pip install -U mlflow",
    "Unable to connect to proxy": "the proxy of HTTP_PROXY or HTTPS_PROXY does not answer; NO_PROXY names "
    "hosts that need none",
    "WRONG_VERSION_NUMBER": NO_TLS,
    "record layer failure": NO_TLS,
    "Hostname mismatch": WRONG_HOST,
    "certificate is not valid for": WRONG_HOST,
    "key usage extension": STRICT,
    "Key Identifier": STRICT,
    "not marked critical": STRICT,
    "certificate has expired": "its TLS certificate has expired",
    "CERTIFICATE_VERIFY_FAILED": "its TLS certificate is from an unknown authority; fix: set "
    "MLFLOW_TRACKING_SERVER_CERT_PATH (or REQUESTS_CA_BUNDLE) to the file of that authority's certificate",
    "TLS CA certificate bundle": "MLFLOW_TRACKING_SERVER_CERT_PATH (or REQUESTS_CA_BUNDLE) names no file",
    "Connection refused": "connection refused: is the server running?",
    "Name or service not known": "unknown host",
    "Temporary failure in name resolution": "the host name cannot be resolved: is there a network?",
    "No route to host": "no route to the host: is there a network, a VPN?",
    "Network is unreachable": "the network is unreachable",
    "timed out": "no answer in time",
    "Remote end closed": CLOSED,
    "Connection aborted": CLOSED,
    "Connection reset": CLOSED,
    "valid JSON": "it answers with a web page, not as MLflow: is the address right, or is a login before it?",
}
STATUSES = {  # by the HTTP status
    401: "it refuses the name or the password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
    "MLFLOW_TRACKING_TOKEN",
    403: "this account may not do that there (403): ask for the permission to edit",
    404: "no MLflow server at this address (404): is its path right, e.g. the prefix that a proxy needs?",
    407: "the proxy before it wants a name and a password (407), within HTTP_PROXY or HTTPS_PROXY",
    413: "the request is too large for it (413)",
    429: "it has too many requests (429)",
}


class StoreError(UserError):
    """The MLflow store cannot be used: why, and the remedy."""


def explain_error(uri: str, error: Exception) -> str:
    """Explain an error of the store at `uri` in one line, without a password."""
    status = http_status(error) if uri.startswith(SERVERS) else None
    known = next((reason for text, reason in REASONS.items() if text in str(error)), None)
    if known is None and status is not None and not _is_from_mlflow(error):
        known = describe_status(status)
    text = known.format(uri=redacted(uri)) if known else redacted(first_line(error))
    return f"MLflow at {redacted(uri)}: {text}"


def describe_status(status: int | None) -> str:
    """Describe the HTTP status that a server has answered with; None: there was no answer."""
    if status is None:
        return "it breaks off, or does not answer in time"
    return STATUSES.get(status, f"it answers with errors ({status})")


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status that a server has answered with; None: there was no answer."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if (status := getattr(response, "status_code", None)) is not None:
            return int(status)
        if match := re.search(r"error code (\d{3}) !=|too many (\d{3}) error responses", str(cause)):
            return int(match[1] or match[2])
        if _is_from_mlflow(cause):
            return int(cause.get_http_status_code())  # type: ignore[attr-defined]
    return None


def _is_from_mlflow(error: BaseException) -> bool:
    """Return whether a server of MLflow's has answered with an error in its own words."""
    return type(error).__name__ == "RestException"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
