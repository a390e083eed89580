"""The facts of a machine that can change the bits of a result, and in which of them runs differ."""

from collections.abc import Mapping, Sequence
from typing import Any


def environment_facts(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts in an environment.json that can change the bits of a result."""
    packages = environment.get("packages", {})
    blas = (environment.get("blas") or [{}])[0]  # the first one is NumPy's
    facts = {
        "CPU": environment.get("cpu"),
        "threads": environment.get("threads"),
        "BLAS": " ".join(
            str(blas[key]) for key in ("internal_api", "version", "architecture") if blas.get(key)
        ),
        "NumPy": packages.get("numpy"),
        "SciPy": packages.get("scipy"),
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
