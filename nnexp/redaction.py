"""Redaction of user names and passwords within URIs, which are neither shown nor stored."""

import re

HIDDEN = "***"
IN_AUTHORITY = re.compile(r"//[^@\s?#'\"]*@")
IN_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:password|passwd|pwd|token|secret|key)=)[^&\s'\"]*")


def redacted(text: str) -> str:
    """Return a URI, or a text that holds some, without user names and passwords."""
    return IN_QUERY.sub(rf"\1{HIDDEN}", IN_AUTHORITY.sub(f"//{HIDDEN}@", text))
