"""Tags of one's own: set in the stores of a run, and kept in its folder for a store that is made again."""

import json
import posixpath
import re
from collections.abc import Mapping, Sequence

from nnexp.atomic_write import write_atomically
from nnexp.errors import UserError
from nnexp.messages import did_you_mean
from nnexp.run_folder import TAGS, RunFolder
from nnexp.runs.backends import RunError, store_errors
from nnexp.runs.housekeeping.records import Record
from nnexp.runs.query import Runs

NAME = re.compile(r"[\w.\-: /]+")  # what MLflow takes as the name of a tag
MAX_NAME, MAX_VALUE = 250, 5000  # characters, MLflow's own limits
RESERVED = ("nnexp.", "mlflow.")

Changes = Mapping[str, str | None]  # of tags; None removes one


def parse_tags(texts: Sequence[str]) -> dict[str, str | None]:
    """Parse key=value, and ~key, which removes a tag; UserError: there is something else."""
    changes: dict[str, str | None] = {}
    for text in texts:
        key, is_set, value = text.partition("=")
        removes = key.startswith("~") and not is_set
        key = key.removeprefix("~") if removes else key
        if not is_set and not removes:
            raise UserError(f"{text}: expected key=value, or ~key to remove a tag")
        if not NAME.fullmatch(key) or posixpath.normpath(key) != key or key.startswith((".", "/")):
            expected = "expected letters, digits, spaces and _ - . : / as in a path"
            raise UserError(f"{text}: {key!r} is no name of a tag; {expected}")
        if len(key) > MAX_NAME or len(value) > MAX_VALUE:
            limits = f"expected at most {MAX_NAME} characters for a name and {MAX_VALUE:,} for a value"
            raise UserError(f"{key[:40]}: the tag is too long; {limits}, got {len(key)} and {len(value):,}")
        if key.startswith(RESERVED):
            raise UserError(
                f"{text}: names that begin with {' or '.join(RESERVED)} are reserved; use another one"
            )
        changes[key] = None if removes else value
    return changes


def check_removals(records: Sequence[Record], changes: Changes) -> None:
    """Raise a RunError for a tag that is to be removed and that no run has."""
    names = {name for record in records for name in record.run.tags if not name.startswith(RESERVED)}
    for key in changes:
        if changes[key] is None and key not in names:
            there_are = f"there are: {', '.join(sorted(names))}" if names else "it has no tags of its own"
            raise RunError(f"{records[0].label} has no tag {key}; {did_you_mean(key, names)}{there_are}")


def change_tags(record: Record, changes: Changes, stores: dict[str, Runs]) -> None:
    """Set and remove tags of a run, in its stores and its folder.

    `stores` are those that are open, by URI; others are opened and added.

    Raises:
        StoreError: a store cannot be reached; its tags and those in the folder are as before.
    """
    for uri, run_id in record.ids.items():
        client = stores.setdefault(uri, Runs(uri)).client
        with store_errors(uri):
            tags = client.get_run(run_id).data.tags
            for key, value in changes.items():
                if value is not None:
                    client.set_tag(run_id, key, value)
                elif key in tags:
                    client.delete_tag(run_id, key)
    if record.folder is not None:
        changed = {**RunFolder(record.folder).tags, **changes}
        kept = {key: value for key, value in changed.items() if value is not None}
        write_atomically(record.folder / TAGS, json.dumps(kept, indent=2) + "\n")
