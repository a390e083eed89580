"""Settings of a resumed run that differ from the recorded ones: which may, and which the state depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnexp.config.naming import flattened
from nnexp.messages import override_value

MAY_CHANGE = (
    "checkpoint",
    "choices",
    "data.folder",
    "data.mirrors",
    "data.path",
    "data.root",
    "data.test_path",
    "metrics",
    "model.evaluation_batch",
    "optimized_metric",
    "optimizer",
    "plugins",
    "regularization",
    "schedule",
    "tracking",
    "trainer.epochs",
    "trainer.kernels",
    "trainer.min_delta",
    "trainer.min_epochs",
    "trainer.on_nan",
    "trainer.patience",
    "trainer.threads",
    "trainer.time_budget",
)
"""Keys and sections that may change; of data the content is compared."""
MISSING = "none"


@dataclass(frozen=True)
class Change:
    """A setting that differs from the recorded one."""

    key: str
    recorded: Any
    value: Any

    def __str__(self) -> str:
        return f"{self.key}={override_value(self.value)} (recorded: {override_value(self.recorded)})"

    @property
    def is_refused(self) -> bool:
        """Whether the state of training depends on the recorded value."""
        classes = f"{self.recorded} {self.value}"
        if self.key == "schedule._target_" and "Plateau" in classes:  # the one schedule that has state
            return True
        return self.key == "optimizer._target_" or not any(
            self.key == key or self.key.startswith(f"{key}.") for key in MAY_CHANGE
        )


def differences(recorded: Mapping[str, Any], values: Mapping[str, Any]) -> list[Change]:
    """Return the settings that differ, by dotted name."""
    old = dict(flattened(dict(recorded)))
    new = dict(flattened(dict(values)))
    keys = [key for key in {**old, **new} if not key.startswith("choices.")]
    return [
        Change(key, old.get(key), new.get(key))
        for key in keys
        if old.get(key, MISSING) != new.get(key, MISSING)
    ]
