"""The registry of compiled twins by the NumPy class whose place they take."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T", bound=type)
TWINS: dict[type, type] = {}


def twin_of(numpy_class: type) -> Callable[[T], T]:
    """Register a subclass as the compiled twin of a class, under whose name metrics know it."""

    def register(twin: T) -> T:
        twin.__name__ = numpy_class.__name__
        TWINS[numpy_class] = twin
        return twin

    return register


def compile_object(value: Any) -> bool:
    """Give an object the class of its twin; return whether it has one now.

    Only the class itself has a twin: a subclass of one's own keeps its NumPy lines.
    """
    twin = TWINS.get(type(value))
    if twin is not None:
        value.__class__ = twin
    return type(value) in TWINS.values()
