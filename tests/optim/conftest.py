"""The options of a config group, built from their YAML files alone."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from nnexp.config.compose import CONF
from nnexp.serving.locate import locate


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `optimizer_name`, `schedule_name` or `averaging_name` runs for every option there is."""
    for group in ("optimizer", "schedule", "averaging"):
        if f"{group}_name" in metafunc.fixturenames:
            metafunc.parametrize(f"{group}_name", sorted(path.stem for path in (CONF / group).glob("*.yaml")))


@pytest.fixture
def option() -> Callable[..., Any]:
    """group, name, settings -> the object that the option describes."""

    def build(group: str, name: str, **settings: Any) -> Any:
        values = yaml.safe_load((CONF / group / f"{name}.yaml").read_text()) | settings
        return locate(values.pop("_target_"))(**values)

    return build
