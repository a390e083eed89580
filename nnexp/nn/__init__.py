"""The network, from scratch: parameters, layers, activations, initializers, losses. Pure NumPy and SciPy.

Every concrete layer and activation can be imported from here, as a configuration does with
`_target_: nnexp.nn.Conv2d`. The modules that define them are imported at the first such use.
"""

from functools import cache
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from typing import Any


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_layers())
    if name.startswith("_") or name not in _layers():
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return _layers()[name]


@cache
def _layers() -> dict[str, type]:
    """Collect the concrete layers and activations of this package by name."""
    from nnexp.nn.layer import Layer

    names: dict[str, Any] = {}
    for package in ("activations", "layers"):
        for module in iter_modules(import_module(f"{__name__}.{package}").__path__):
            names |= vars(import_module(f"{__name__}.{package}.{module.name}"))
    classes = {name: value for name, value in names.items() if isinstance(value, type) and name[0] != "_"}
    return {name: cls for name, cls in classes.items() if issubclass(cls, Layer) and not isabstract(cls)}
