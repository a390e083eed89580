"""Words for overrides that Hydra cannot parse: the character where it stops, and what is expected."""

import re
import shlex
from typing import Any, NoReturn

from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]
from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
from hydra.grammar.gen.OverrideLexer import OverrideLexer
from hydra.grammar.gen.OverrideParser import OverrideParser

from nnexp.config.annotations import describe, item_annotation, kinds, wants_text
from nnexp.config.overrides.text import OVERRIDE, split_items
from nnexp.messages import first_line, override


class _StoppedError(Exception):
    """Ends parsing at the first character that the grammar does not allow."""


class _Listener(ErrorListener):  # type: ignore[misc]
    def syntaxError(self, recognizer: Any, symbol: Any, line: int, column: int, *_: Any) -> NoReturn:  # noqa: N802
        raise _StoppedError(line, column)


def explain_syntax(text: str, error: Exception, annotation: Any, before: str = "") -> str:
    """Explain why an override cannot be parsed.

    Args:
        text: the override.
        error: of Hydra's parser.
        annotation: of its setting; None: unknown.
        before: the argument before it, which a space may have cut off.
    """
    key, is_override, value = text.partition("=")
    if not is_override and annotation is not None:
        return f"cannot be parsed: a value is missing after {key}=; it must be {describe(annotation)}"
    if not is_override:
        before_key, is_cut, start = before.partition("=")
        advice = f"; fix: {override(before_key, f'{start} {text}')} if it belongs to the argument before it"
        return f"cannot be parsed: expected key=value{advice if is_cut else ''}"
    mark = _mark(text)
    if not OVERRIDE.fullmatch(text):
        return f"cannot be parsed: expected key=value, with a key of letters, digits and dots{mark}"
    reason = "at the marked character" if mark else f": {_reason(error)}"
    expected = (
        f"must be {describe(annotation)}" if annotation else f"fix: {override(key, value)} if it is text"
    )
    return f"cannot be parsed{' ' * bool(mark)}{reason}; {expected}{mark}"


def _reason(error: Exception) -> str:
    """Return what Hydra says about a call that fails: Unknown function 'a'."""
    lines = [line for line in str(error).splitlines() if not line.startswith("Error parsing override")]
    return first_line("\n".join(lines)).partition("': ")[2] or first_line(error)


def explain_several(text: str, annotation: Any) -> str:
    """Explain that several values make a sweep, and how to write one value."""
    key, _, value = text.partition("=")
    items = split_items(value)
    fixes = ["add -m"]
    if item_annotation(annotation) is not None and all(items):
        fixes.append(f"as one list {override_of_items(key, items)}")
    if wants_text(annotation):
        fixes.append(f"as one text {override(key, value)}")
    if float in kinds(annotation) and re.fullmatch(r"[-+]?\d+,\d+", value):
        fixes.append(f"with a decimal point {key}={value.replace(',', '.')}")
    return f"several values make a sweep; fix: {', or '.join(fixes)}"


def override_of_items(key: str, items: list[str]) -> str:
    """Format items that are written for Hydra already as one list, as one types it."""
    return shlex.quote(f"{key}=[{','.join(items)}]")


def _mark(text: str) -> str:
    """Return the text on a line of its own, and below it a mark at the character that is not allowed."""
    listener = _Listener()
    lexer = OverrideLexer(InputStream(text))
    parser: Any = OverrideParser(CommonTokenStream(lexer))
    for recognizer in (lexer, parser):
        recognizer.removeErrorListeners()
        recognizer.addErrorListener(listener)
    try:
        parser.override()
    except _StoppedError as stopped:
        line, column = stopped.args
        return f"\n  {text.splitlines()[line - 1]}\n  {'^':>{column + 1}}"
    return ""
