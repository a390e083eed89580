"""Whether runs have the same data, code and machine: the facts that can change the bits of a result."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nnexp.data.dataset import Dataset
from nnexp.data.errors import DataError
from nnexp.run_folder import GIT_DIFF
from nnexp.runs.run import Run
from nnexp.tracking.provenance import describe_environment, git_state
from nnexp.training.threads.limits import thread_limit


class Match(NamedTuple):
    """The result of one check."""

    label: str
    text: str
    same: bool


def match_data(recorded: Run, dataset: Dataset, anyway: bool) -> Match:
    """Compare the data with those of the record; DataError: they differ, and `anyway` is false."""
    if not (expected := recorded.tags.get("nnexp.data_sha256", "")):
        return Match("data", f"{dataset.name}; the record has no SHA-256 of its data", same=False)
    if dataset.sha256 == expected:
        return Match("data", f"the same: {dataset.name}, SHA-256 {expected[:12]}...", same=True)
    text = f"not those of the record: expected SHA-256 {expected[:12]}..., got {dataset.sha256[:12]}..."
    if not anyway:
        raise DataError(f"the data {dataset.name} are {text}; fix: get those, or go on with --anyway")
    return Match("data", text, same=False)


def match_code(recorded: Run) -> Match:
    """Compare commit and uncommitted changes of the working directory with those of the record."""
    here = git_state()
    commit, dirty = (recorded.tags.get(f"nnexp.git_{key}", "none") for key in ("commit", "dirty"))
    if commit == "none":
        return Match("code", "recorded outside of a git checkout, version unknown", here["commit"] == "none")
    if here["commit"] != commit:
        text = f"another commit: {commit[:10]} recorded, {here['commit'][:10]} here"
        return Match("code", text, same=False)
    path = recorded.backend.file(GIT_DIFF) if dirty == "true" else None
    diff = "" if path is None else path.read_text(encoding="utf-8", errors="replace")
    same = (dirty, diff) == (here["dirty"], here["diff"])
    changes = "with the same" if same else "but other"
    text = "without changes" if same and dirty == "false" else f"{changes} uncommitted changes"
    return Match("code", f"the same commit {commit[:10]} {text}", same)


def match_machine(recorded: Mapping[str, Any], threads: int | None, kernels: str) -> Match:
    """Compare machine, packages and the path of the computation with a recorded environment."""
    if not environment_facts(recorded):
        return Match("machine", "not recorded", same=False)
    here = describe_environment(thread_limit(threads)) | {"kernels": kernels}
    if diff := environment_diff([recorded, here]):
        facts = (f"{name} {old} recorded, {new} here" for name, (old, new) in diff.items())
        return Match("machine", f"another: {'; '.join(facts)}", same=False)
    facts = (f"{name} {value}" for name, value in environment_facts(here).items())
    return Match("machine", f"the same: {', '.join(facts)}", same=True)


def environment_facts(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts in an environment.json that can change the bits of a result."""
    packages = environment.get("packages", {})
    blas = (environment.get("blas") or [{}])[0]  # the first one is NumPy's
    blas_facts = [str(blas[key]) for key in ("internal_api", "version", "architecture") if blas.get(key)]
    facts = {
        "CPU": environment.get("cpu"),
        "threads": environment.get("threads"),
        "kernels": environment.get("kernels"),
        "BLAS": " ".join(blas_facts),
        "NumPy": packages.get("numpy"),
        "SciPy": packages.get("scipy"),
        "Numba": packages.get("numba") if environment.get("kernels") == "compiled" else None,
        "Python": environment.get("python"),
        "nnexp": packages.get("nnexp"),
    }
    return {name: str(value) for name, value in facts.items() if value}


def environment_diff(environments: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the facts that differ, each with its value in every environment; unknown values are empty."""
    all_facts = [environment_facts(environment) for environment in environments]
    names = dict.fromkeys(name for facts in all_facts for name in facts)
    values = {name: [facts.get(name, "") for facts in all_facts] for name in names}
    return {name: row for name, row in values.items() if len({*row} - {""}) > 1}
