"""Names of a configuration: flat params, a hash, names of runs and folders."""

import json
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

MAX_NAME = 250  # characters of a run's name in MLflow
NOT_LEARNT = (
    "checkpoint",
    "choices",
    "data.mirrors",
    "data.root",
    "diagnostics",
    "metrics",
    "optimized_metric",
    "plugins",
    "search",
    "sweep",
    "tracking",
    "trainer.kernels",
    "trainer.threads",
)
"""Keys and sections that do not change what is learnt: where files lie, what is recorded."""


NEW_DEFAULTS = (("trainer.on_nan", "stop"), ("data.standardize", False))
"""Left out of hashes, which runs without these keys have too."""


def params(values: dict[str, Any]) -> dict[str, str]:
    """Flatten a configuration with dots; the name of a config group holds its option."""
    flat = {key: value for key, value in flattened(values) if not key.startswith("choices.")}
    texts = flat | values["choices"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in texts.items()}


def changes_learning(key: str) -> bool:
    """Return whether the key of a flat configuration changes what is learnt."""
    return not any(key == other or key.startswith(f"{other}.") for other in NOT_LEARNT)


def config_hash(values: dict[str, Any]) -> str:
    """Hash the keys that change what is learnt: 16 hexadecimal digits of a SHA-256."""
    learnt = ((key, value) for key, value in flattened(values) if changes_learning(key))
    experiment = sorted(pair for pair in learnt if pair not in NEW_DEFAULTS)
    return sha256(json.dumps(experiment).encode()).hexdigest()[:16]


def run_name(values: dict[str, Any]) -> str:
    """Make a readable name: digits-mlp-he_normal-adam-cosine-s0; of files, their name comes first."""
    groups = ("data", "model", "init", "optimizer", "schedule")
    words = [str(values["choices"].get(group, "custom")) for group in groups]
    if words[0] in ("table", "images"):
        words[0] = Path(values["data"]["path"]).name.partition(".")[0] or words[0]
    return "-".join([*words, f"s{values['seed']}"])[-MAX_NAME:]


def short_id() -> str:
    """Draw eight random hexadecimal digits: two jobs started in the same second never share a folder."""
    return secrets.token_hex(4)


def flattened(values: dict[str, Any], prefix: str = "", lists: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dictionaries by dotted name; with `lists`, also those of lists by index."""
    for key, value in values.items():
        inner = dict(enumerate(value)) if lists and isinstance(value, list) else value
        if isinstance(inner, dict) and inner:
            yield from flattened(inner, f"{prefix}{key}.", lists)
        else:
            yield f"{prefix}{key}", value
