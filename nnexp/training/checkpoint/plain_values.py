"""Plain values of a state as JSON has them: numbers, texts, None, records of metrics, collections of them."""

from dataclasses import asdict
from typing import Any

from nnexp.training.record import Record

PLAIN = (bool, int, float, str, type(None))
OPTIONAL = ("val_loss", "val_score")  # of a record: None without validation examples
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
        return read_record(value[RECORD])
    if isinstance(value, list) and isinstance(former, tuple | set | frozenset):
        return type(former)(value)
    return value


def read_record(values: Any) -> Record:
    """Build a record from its values; a TypeError if they are not those of one."""
    record = Record(**values)
    numbers = {**values, **record.layers, **record.val_metrics}
    for name in numbers.keys() - {"score_name", "layers", "val_metrics"}:
        is_missing = numbers[name] is None and name in OPTIONAL
        if not is_missing and type(numbers[name]) not in (int, float):
            raise TypeError(f"expected a number as {name}, got {numbers[name]!r}"[:100])
    if type(record.score_name) is not str:
        raise TypeError("expected a name of the score")
    return record
