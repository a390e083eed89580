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

    packages = [import_module(f"{__name__}.{name}") for name in ("activations", "layers")]
    names = [
        info.name for package in packages for info in iter_modules(package.__path__, f"{package.__name__}.")
    ]
    found = [
        value for name in names for value in vars(import_module(name)).values() if isinstance(value, type)
    ]
    layers = [cls for cls in found if issubclass(cls, Layer) and not isabstract(cls)]
    return {cls.__name__: cls for cls in layers if not cls.__name__.startswith("_")}
