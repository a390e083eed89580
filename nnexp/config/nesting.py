"""How deep brackets are nested in a text: Hydra and OmegaConf parse it by recursion."""

MAX_NESTING = 20  # lists in lists, mappings, interpolations
OPENING, CLOSING = "([{", ")]}"


class NestingError(ValueError):
    """Brackets within too many brackets."""


def check_nesting(text: str) -> None:
    """Raise a `NestingError` where brackets outside quotes are nested too deep."""
    if _scan(text, "\"'"):
        _scan(text, "")


def _scan(text: str, quotes: str) -> str:
    """Count the brackets outside quotes; return the quote that is open at the end."""
    depth = 0
    quote = ""
    escaped = False
    for position, character in enumerate(text, 1):
        if escaped or character == "\\":
            escaped = not escaped
        elif quote:
            quote = "" if character == quote else quote
        elif character in quotes:
            quote = character
        elif character in OPENING:
            depth += 1
            if depth > MAX_NESTING:
                what = f"brackets within more than {MAX_NESTING} brackets, at character {position:,}"
                raise NestingError(what)
        elif character in CLOSING:
            depth = max(depth - 1, 0)
    return quote
