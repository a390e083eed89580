"""The places of state within objects: attributes, keys and indices that lead to data, never to code."""

from collections import deque
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from nnexp.nn.layer import Buffer, Layer
from nnexp.nn.network import Network
from nnexp.nn.parameters import Parameters

SEQUENCES = (list, tuple, deque)
COLLECTIONS = (dict, *SEQUENCES)
CODE = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
WITHOUT_STATE = (Buffer, Layer, Network, Parameters, *CODE)
"""What is not followed: code, buffers, and the network and its layers, which are roots of their own."""
NUMBER = "#"  # before a key of a dictionary that is an integer


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
        """Replace what it holds; a list may grow by one."""
        if isinstance(self.owner, list | deque) and self.key == len(self.owner):
            self.owner.append(value)
        elif isinstance(self.owner, dict | list | deque):
            self.owner[self.key] = value
        else:
            setattr(self.owner, self.key, value)

    @property
    def exists(self) -> bool:
        """Whether it is there; attributes, keys and items may be made later."""
        if isinstance(self.owner, SEQUENCES):
            return 0 <= int(self.key) < len(self.owner)
        return self.key in self.owner if isinstance(self.owner, dict) else hasattr(self.owner, self.key)


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
    if isinstance(owner, dict) and key.startswith(NUMBER):
        return int(key.removeprefix(NUMBER))
    return int(key) if isinstance(owner, SEQUENCES) else key


def named_keys(owner: dict[Any, Any]) -> list[tuple[str, Any]]:
    """Return the keys of a dictionary that can stand in a name, each after what it is there."""
    texts = [(key, key) for key in owner if isinstance(key, str) and "/" not in key and key[:1] != NUMBER]
    return texts + [(f"{NUMBER}{key}", key) for key in owner if type(key) is int]
