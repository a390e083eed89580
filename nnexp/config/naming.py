"""What a configuration is called: flat params, a hash, names for people and folders."""

import json
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

LONGEST_NAME = 250  # characters that MLflow takes
NOT_THE_EXPERIMENT = (
    "tracking",
    "choices",
    "diagnostics",
    "optimized_metric",
    "data.root",
    "data.mirrors",
    "trainer.threads",
)
"""Keys that change where things lie and who is told, and not what is learnt."""


def params(values: dict[str, Any]) -> dict[str, str]:
    """The configuration, flattened with dots; each group's own name holds the option it was composed from."""
    flat = {key: value for key, value in flattened(values) if not key.startswith("choices.")}
    return {key: _text(value) for key, value in (flat | values["choices"]).items()}


def config_hash(values: dict[str, Any]) -> str:
    """The same for configurations that ask for the same experiment: 16 hexadecimal digits of a SHA-256."""

    def matters(key: str) -> bool:
        return not any(key == left_out or key.startswith(f"{left_out}.") for left_out in NOT_THE_EXPERIMENT)

    experiment = sorted((key, value) for key, value in flattened(values) if matters(key))
    return sha256(json.dumps(experiment).encode()).hexdigest()[:16]


def run_name(values: dict[str, Any]) -> str:
    """A name that a person can read: digits-mlp-he_normal-adam-cosine-s0; of a table, its file's name comes first."""
    parts = [
        str(values["choices"].get(group, "custom"))
        for group in ("data", "model", "init", "optimizer", "schedule")
    ]
    if parts[0] == "table":
        parts[0] = Path(values["data"]["path"]).name.partition(".")[0] or parts[0]
    return "-".join([*parts, f"s{values['seed']}"])[-LONGEST_NAME:]


def short_id() -> str:
    """Eight random hexadecimal digits: two jobs started in the same second never share a folder."""
    return secrets.token_hex(4)


def flattened(values: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dictionaries, by dotted name."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flattened(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


OmegaConf.register_new_resolver("nnexp.id", short_id, use_cache=True, replace=True)
