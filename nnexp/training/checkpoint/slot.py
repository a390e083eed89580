"""The places of state within objects: attributes, keys and indices that lead to data, never to code."""

from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from nnexp.nn.layer import Layer
from nnexp.nn.network import Network
from nnexp.nn.parameters import Parameters

COLLECTIONS = (dict, list, tuple)
CODE = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
WITHOUT_STATE = (Layer, Network, Parameters, *CODE)
"""What is not followed: code, and the network, which is a root of its own."""


@dataclass(frozen=True)
class Slot:
    """A place that holds an array, a random generator, a plain value, or an object with a `state_dict`."""

    name: str
    owner: Any
    key: Any  # an attribute's name, a key or an index

    @property
    def value(self) -> Any:
        """What it holds."""
        return self.owner[self.key] if isinstance(self.owner, COLLECTIONS) else getattr(self.owner, self.key)

    def set(self, value: Any) -> None:
        """Replace what it holds."""
        if isinstance(self.owner, dict | list):
            self.owner[self.key] = value
        else:
            setattr(self.owner, self.key, value)

    @property
    def exists(self) -> bool:
        """Whether it is there; an attribute may be made later."""
        return isinstance(self.owner, COLLECTIONS) or hasattr(self.owner, self.key)


def attributes_of(owner: Any) -> list[str]:
    """Return the names of an object's attributes, without those that its class names as `scratch`."""
    scratch = getattr(type(owner), "scratch", ())
    return [name for name in vars(owner) if name not in scratch]


def data_of(owner: Any) -> Any:
    """Return a collection, or the attributes of an object: the names of a state must not lead to code."""
    if isinstance(owner, CODE):
        raise TypeError(f"{owner} is code")
    return owner if isinstance(owner, COLLECTIONS) else vars(owner)


def is_code(owner: Any, key: str) -> bool:
    """Return whether an object has a method or property of this name, or Python has a meaning for it."""
    attribute = None if isinstance(owner, COLLECTIONS) else getattr(type(owner), key, None)
    return key.startswith("__") or callable(attribute) or isinstance(attribute, property)


def has_attributes(owner: Any) -> bool:
    """Return whether an object is followed: neither code nor the network."""
    return hasattr(owner, "__dict__") and not isinstance(owner, WITHOUT_STATE)


def has_state_dict(value: Any) -> bool:
    """Return whether an object captures its state itself."""
    return hasattr(value, "state_dict") and hasattr(value, "load_state_dict")


def key_of(owner: Any, key: str) -> Any:
    """Return a key of a name as its owner takes it: of a list an index."""
    return int(key) if isinstance(owner, list | tuple) else key
