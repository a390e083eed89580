"""Plain values of a state as JSON has them: numbers, texts, None, records of metrics, collections of them."""

from dataclasses import asdict
from typing import Any

from nnexp.training.record import Record

PLAIN = (bool, int, float, str, type(None))
RECORD = "__record__"  # the key that marks a record


def is_plain(value: Any) -> bool:
    """Return whether a value is a number, a text, None, a record, or a collection of them."""
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(is_plain, value.values()))
    return type(value) in PLAIN or isinstance(value, Record)


def encode(value: Any) -> Any:
    """Return a plain value as JSON has it; a record becomes a dictionary with a mark."""
    if isinstance(value, Record):
        return {RECORD: asdict(value)}
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [encode(one) for one in value]
    return {key: encode(one) for key, one in value.items()} if isinstance(value, dict) else value


def decode(value: Any, former: Any) -> Any:
    """Return what `encode` made, in the type of the former value where that is a collection."""
    if isinstance(value, dict) and RECORD in value:
        return Record(**value[RECORD])
    if isinstance(value, list) and isinstance(former, tuple | set | frozenset):
        return type(former)(value)
    return value
