"""How much the interpolations of a configuration expand to: each may stand for twice another one."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnexp.config.errors import ConfigError, Problem

MAX_EXPANDED = 1 << 20  # characters and values of a resolved configuration
MAX_STEPS = 50  # from one interpolation to the next
REFERENCE = re.compile(r"\$\{(?:[\w.]+:)?(\.*)([\w.\[\]]+)")


def check_expansion(config: DictConfig) -> None:
    """Raise a `ConfigError` of interpolations that expand to too much, or in too many steps."""
    values = OmegaConf.to_container(config, resolve=False)
    assert isinstance(values, dict)
    measure = _Measure(values)
    try:
        sizes = {str(key): measure.size((str(key),), value) for key, value in values.items()}
    except RecursionError as error:
        raise ConfigError([Problem("", "interpolations are nested too deep; fix: write values")]) from error
    large = f"its interpolations expand to more than {MAX_EXPANDED:,} characters; fix: write text for them"
    problems = [Problem(key, large) for key, (size, _) in sizes.items() if size > MAX_EXPANDED]
    long = f"more than {MAX_STEPS} interpolations from one to the next; fix: write the value"
    problems += [Problem(key, long) for key, (_, steps) in sizes.items() if steps > MAX_STEPS]
    if problems:
        raise ConfigError(problems)


class _Measure:
    """The expanded sizes of values by their path, and the steps from interpolation to interpolation."""

    def __init__(self, values: dict[Any, Any]) -> None:
        self.values = values
        self.sizes: dict[tuple[str, ...], tuple[int, int]] = {}

    def size(self, path: tuple[str, ...], value: Any) -> tuple[int, int]:
        """Return the size of the value at a path, and its steps; 0 while it is measured."""
        if path not in self.sizes:
            self.sizes[path] = 0, 0
            inner = [self.size(other, value_there) for other, value_there in self.inner_values(path, value)]
            own = len(value) if isinstance(value, str) else 1
            steps = max((steps for _, steps in inner), default=0)
            is_reference = isinstance(value, str) and bool(inner)
            self.sizes[path] = own + sum(size for size, _ in inner), steps + is_reference
        return self.sizes[path]

    def inner_values(self, path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Yield what a value holds or refers to, each with its path."""
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            yield from (((*path, str(key)), inner) for key, inner in items)
        elif isinstance(value, str) and "${" in value:
            for dots, name in REFERENCE.findall(value):
                names = tuple(key for key in re.split(r"[.\[\]]+", name) if key)
                target = (*(path[: -len(dots)] if dots else ()), *names)
                yield target, self.value_at(target)

    def value_at(self, path: tuple[str, ...]) -> Any:
        value: Any = self.values
        for name in path:
            if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                value = value.get(name) if isinstance(value, dict) else None
        return value
