"""What the JSON files of a run's folder must hold: a damaged or foreign one is read as far as it is valid."""

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any

Kinds = Mapping[str, type | tuple[type, ...]]
NUMBER = (int, float)
ENTRIES: dict[str, Kinds] = {  # of the journal, by kind
    "run": {"name": str, "params": dict, "tags": dict},
    "resume": {"name": str, "writer": dict, "params": dict, "tags": dict},
    "metrics": {"step": int, "values": dict},
    "confusion": {"step": int, "matrix": list},
    "artifact": {"path": str},
    "end": {"status": str},
}
STATUSES = ("FINISHED", "FAILED", "KILLED")
WRITER: Kinds = {"host": str, "pid": int}
NO_DESTINATION = {"folder": "", "experiment": "", "uri": None}
NO_WRITER = {"host": "", "pid": 0}
DESTINATION: Kinds = {"folder": str, "experiment": str, "uri": (str, NoneType)}
ENVIRONMENT: Kinds = {
    "kernels": str,
    "command": str,
    "python": str,
    "folder": str,
    "threads": int,
    "blas": list,
    "packages": dict,
    "git": dict,
}
DATASET: Kinds = {
    "name": str,
    "task": str,
    "sha256": str,
    "shape": list,
    "stored": str,
    "classes": list,
    "targets": list,
    "split": dict,
    "splits": dict,
}
SPLIT: Kinds = {"examples": int, "digest": str}
TASKS = ("classification", "multilabel", "regression")


def valid_entry(value: Any) -> bool:
    """Return whether a value is an entry of a journal, of a kind that is known or will be."""
    if not has_kinds(value, {"kind": str}) or not isinstance(value.get("time", 0), int):
        return False
    return has_kinds(value, ENTRIES.get(value["kind"], {})) and has_valid_content(value)


def has_valid_content(entry: Mapping[str, Any]) -> bool:
    """Return whether the values within an entry's mappings and lists have the right kind."""
    match entry["kind"]:
        case "run":
            target = entry.get("destination") or {}
            texts = [*entry["params"].values(), *entry["tags"].values()]
            has_target = isinstance(target, dict) and has_kinds(NO_DESTINATION | target, DESTINATION)
            has_writer = has_kinds(entry.get("writer", NO_WRITER), WRITER)
            return has_writer and has_target and are(texts, str)
        case "resume":
            return has_kinds(entry["writer"], WRITER)
        case "metrics":
            return are(entry["values"].values(), NUMBER)
        case "confusion":
            rows = entry["matrix"]
            return are(rows, list) and all(len(row) == len(rows) and are(row, int) for row in rows)
        case "end":
            return entry["status"] in STATUSES and isinstance(entry.get("pruned", ""), str)
    return True


def valid_environment(values: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of an environment.json that have the right kind."""
    facts = {key: value for key, value in values.items() if isinstance(value, ENVIRONMENT.get(key, object))}
    if isinstance(pools := facts.get("blas"), list) and not are(pools, dict):
        del facts["blas"]
    return facts


def valid_dataset(values: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a dataset.json that have the right kind; none without a task that is known."""
    facts = {key: value for key, value in values.items() if isinstance(value, DATASET.get(key, object))}
    if facts.get("task") not in TASKS:
        return {}
    if isinstance(splits := facts.get("splits"), dict):
        facts["splits"] = {name: split for name, split in splits.items() if has_kinds(split, SPLIT)}
    return {"classes": [], "targets": [], "splits": {}} | facts


def are(values: Iterable[Any], kind: type | tuple[type, ...]) -> bool:
    """Return whether all values have that type."""
    return all(isinstance(value, kind) for value in values)


def has_kinds(value: Any, kinds: Kinds) -> bool:
    """Return whether a value is a mapping that has all these keys, with values of these types."""
    return isinstance(value, dict) and all(isinstance(value.get(key), kinds[key]) for key in kinds)
