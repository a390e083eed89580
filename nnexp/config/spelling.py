"""Spellings of values: the number or boolean that a text stands for, and how to write what was meant."""

from typing import Any

from pydantic import ValidationError

from nnexp.config.annotations import adapter, item_annotation, kinds, options, wants_text
from nnexp.messages import override, override_value

BOOLEANS = dict.fromkeys(("true", "yes", "on"), True)  # as in YAML
BOOLEANS |= dict.fromkeys(("false", "no", "off"), False)


def read_text(annotation: Any, text: str) -> Any:
    """Return the number or boolean that a text stands for, as of an environment variable; else the text."""
    allowed = kinds(annotation)
    if str in allowed:
        return text
    if bool in allowed:
        return BOOLEANS.get(text.lower(), text)
    for number_type in (int, float):
        if number_type in allowed:
            try:
                return number_type(text)
            except ValueError:
                continue
    return text


def spelling_advice(annotation: Any, value: Any, path: str) -> str:
    """Return how to write what an invalid value probably means; empty where that is not known."""
    number = _meant_number(annotation, value)
    if number is not None:
        return f"; fix: {override(path, number)}"
    has_items = item_annotation(annotation) is not None
    if has_items and isinstance(value, int | float):
        return f"; fix: {override(path, [value])}"
    if not wants_text(annotation) or options(annotation) or isinstance(value, str):
        return ""
    if isinstance(value, list) and has_items:
        texts = [item if isinstance(item, str) else override_value(item) for item in value]
        return f"; fix: {override(path, texts)}"
    return f"; fix: {override(path, override_value(value))}"


def _meant_number(annotation: Any, value: Any) -> Any:
    """Return the valid number that a decimal comma, a list of one, or 1e1 as a count stands for."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(single, str):
        single = read_text(annotation, single.replace(",", ".", 1))
    if isinstance(single, float) and single.is_integer() and int in kinds(annotation):
        single = int(single)
    try:
        adapter(annotation).validate_python(single)
    except ValidationError:
        return None
    return single if isinstance(single, int | float) else None
