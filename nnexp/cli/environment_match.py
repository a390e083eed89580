"""Whether a run that is done again is done under the circumstances of the record: its data, its code, its machine."""

import json
from collections.abc import Mapping
from typing import Any

from nnexp.config import build
from nnexp.config.recorded import Values
from nnexp.data.errors import DataError
from nnexp.runs.query import RunError
from nnexp.runs.run import Run
from nnexp.tracking.provenance import describe_environment, git_state
from nnexp.training.numerics import blas_threads

ENVIRONMENT, DIFF = "environment.json", "git.diff"
Circumstance = tuple[str, str, bool]  # a label, what was found, whether it is the same


def same_data(recorded: Run, values: Values, anyway: bool) -> Circumstance:
    """Whether the data are those that were learnt from.

    Raises:
        DataError: they are not, and nobody said anyway.
    """
    data, wanted = build(values).data.load(), recorded.tags.get("nnexp.data_sha256", "")
    if not wanted:
        return "data", f"{data.name}; which data it was is not recorded", False
    if data.sha256 == wanted:
        return "data", f"the same: {data.name}, SHA-256 {wanted[:12]}...", True
    what = f"not those that the run learnt from: {data.name} has the SHA-256 {data.sha256[:12]}..., recorded is {wanted[:12]}..."
    if not anyway:
        raise DataError(f"the data are {what}; get those, or go on with --anyway")
    return "data", what, False


def same_code(recorded: Run) -> Circumstance:
    """Whether commit and uncommitted changes of the working directory are those of the record."""
    here = git_state()
    commit, dirty = (recorded.tags.get(f"nnexp.git_{what}", "none") for what in ("commit", "dirty"))
    if commit == "none":
        return (
            "code",
            "recorded outside of a git checkout: which code it was is not known",
            here["commit"] == "none",
        )
    if here["commit"] != commit:
        return "code", f"another: recorded is commit {commit[:10]}, here is {here['commit'][:10]}", False
    if dirty == here["dirty"] == "false":
        return "code", f"the same: commit {commit[:10]}, nothing changed since", True
    try:
        diff = recorded.file(DIFF).read_text(encoding="utf-8", errors="replace")
    except RunError:
        diff = ""
    if dirty == here["dirty"] and diff == here["diff"]:
        return "code", f"the same: commit {commit[:10]} and the same uncommitted changes", True
    where = [
        name for name, state in (("when it was recorded", dirty), ("here", here["dirty"])) if state == "true"
    ]
    return (
        "code",
        f"commit {commit[:10]} in both, with other uncommitted changes ({' and '.join(where)})",
        False,
    )


def same_machine(there: Mapping[str, Any], threads: int | None) -> Circumstance:
    """Whether what calculates is the same, as far as it is recorded."""
    with blas_threads(threads) as used:
        here = facts(describe_environment(used))
    known = facts(there)
    if not known:
        return "machine", "not recorded", False
    if other := [
        f"{name} {known[name]} recorded, {here.get(name, 'none')} here"
        for name in known
        if known[name] != here.get(name)
    ]:
        return "machine", f"another: {'; '.join(other)}", False
    return "machine", f"the same: {', '.join(f'{name} {value}' for name, value in here.items())}", True


def facts(machine: Mapping[str, Any]) -> dict[str, str]:
    """What of a machine can change the bits of a result."""
    packages, blas = machine.get("packages", {}), (machine.get("blas") or [{}])[0]  # the first one is NumPy's
    found = {
        "CPU": machine.get("cpu"),
        "threads": machine.get("threads"),
        "BLAS": " ".join(
            str(blas[key]) for key in ("internal_api", "version", "architecture") if blas.get(key)
        ),
        "NumPy": packages.get("numpy"),
        "SciPy": packages.get("scipy"),
        "Python": machine.get("python"),
        "nnexp": packages.get("nnexp"),
    }
    return {name: str(value) for name, value in found.items() if value}


def remembered(recorded: Run) -> dict[str, Any]:
    """The record's environment.json; empty where there is none that can be read."""
    try:
        found = json.loads(recorded.file(ENVIRONMENT).read_text(encoding="utf-8"))
    except (RunError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
