"""Names and passwords within addresses: they are told to nobody and written nowhere."""

import re

HIDDEN = "***"
IN_ADDRESS = re.compile(r"//[^@\s?#'\"]*@")
IN_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:password|passwd|pwd|token|secret|key)=)[^&\s'\"]*")


def redacted(text: str) -> str:
    """An address, or a text with some in it, without the names and passwords that they carry."""
    return IN_QUERY.sub(rf"\1{HIDDEN}", IN_ADDRESS.sub(f"//{HIDDEN}@", text))
