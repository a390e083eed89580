"""The state of objects, found by their attributes: arrays, random generators and plain values, by name.

An optimizer, average, schedule, loss, layer or augmentation of one's own has its state captured without a
line of code for it. The name of a value is the path of attributes, keys and indices to it: "optimizer/m",
"averaging/buffers/0/1". Where an object's attributes do not show its state, it has methods `state_dict` and
`load_state_dict`, as in PyTorch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.errors import UserError
from nnexp.training.checkpoint.plain_values import decode, encode, is_plain
from nnexp.training.checkpoint.slot import (
    SEQUENCES,
    Slot,
    attributes_of,
    data_of,
    has_attributes,
    has_state_dict,
    is_code,
    key_of,
    named_keys,
)

Arrays = dict[str, NDArray[Any]]
Values = dict[str, Any]  # JSON-like


class StateError(UserError):
    """A state does not fit the objects that it is restored to."""


@dataclass(frozen=True)
class State:
    """Arrays and plain values by name."""

    arrays: Arrays = field(default_factory=dict)
    values: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Root:
    """An object with state.

    Args:
        owner: the object.
        only: the attributes that are state; none: all.
        generators_only: whether only its random generators are state, as those of a layer of nnexp, whose
            other attributes are buffers.
        has_buffers: whether some of its arrays may be buffers, whose shape is that of the last batch.
    """

    owner: Any
    only: tuple[str, ...] = ()
    generators_only: bool = False
    has_buffers: bool = False


class ObjectState:
    """Captures and restores the state of some objects.

    Only plain values that have changed since this object was made are captured, so that constants derived
    from settings do not replace those of other settings.

    Args:
        roots: the objects, by the first word of their names.
        shared: arrays that are captured elsewhere; their views are left out.
    """

    def __init__(self, roots: Mapping[str, Root], shared: Sequence[NDArray[Any]] = ()) -> None:
        self.roots = roots
        self.shared = shared
        self.initial = {
            slot.name: deepcopy(encode(slot.value)) for slot in self.slots() if is_plain(slot.value)
        }

    def slots(self) -> Iterator[Slot]:
        """Yield the places of all state; an object that is reached twice has its first name."""
        seen: set[int] = set()
        for name, root in self.roots.items():
            for key in root.only or attributes_of(root.owner):
                yield from self._slots(Slot(f"{name}/{key}", root.owner, key), root.generators_only, seen)

    def _slots(self, slot: Slot, generators_only: bool, seen: set[int]) -> Iterator[Slot]:
        value = slot.value
        if is_plain(value):
            if not generators_only:
                yield slot
            return
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, np.random.Generator) or (has_state_dict(value) and not generators_only):
            yield slot
        elif isinstance(value, np.ndarray | np.generic):
            if not generators_only and not self.is_shared(value):
                yield slot
        elif isinstance(value, SEQUENCES):
            for index in range(len(value)):
                yield from self._slots(Slot(f"{slot.name}/{index}", value, index), generators_only, seen)
        elif isinstance(value, dict):
            for text, key in named_keys(value):
                yield from self._slots(Slot(f"{slot.name}/{text}", value, key), generators_only, seen)
        elif has_attributes(value):
            for key in attributes_of(value):
                yield from self._slots(Slot(f"{slot.name}/{key}", value, key), generators_only, seen)

    def is_shared(self, value: Any) -> bool:
        """Return whether an array is a view of one that is captured elsewhere."""
        return any(np.may_share_memory(value, array) for array in self.shared)

    def capture(self) -> State:
        """Copy the state."""
        state = State()
        for slot in self.slots():
            value = slot.value
            if isinstance(value, np.ndarray | np.generic):
                state.arrays[slot.name] = np.array(value)
            elif isinstance(value, np.random.Generator):
                state.values[slot.name] = value.bit_generator.state
            elif has_state_dict(value):
                for key, one in value.state_dict().items():
                    target = state.arrays if isinstance(one, np.ndarray) else state.values
                    target[f"{slot.name}/{key}"] = deepcopy(one)
            elif (plain := encode(value)) != self.initial.get(slot.name, slot):
                state.values[slot.name] = deepcopy(plain)
        return state

    def restore(self, state: State, kept: Iterable[str] = ()) -> None:
        """Restore a state that was captured from objects of the same structure.

        Args:
            state: of all roots; names of no root are left alone.
            kept: names whose present values stay.

        Raises:
            StateError: arrays are missing or have other shapes.
        """
        names = set(kept)
        self.empty_collections()
        for slot in list(self.slots()):
            if slot.name not in names:
                names.add(slot.name)
                if has_state_dict(slot.value):
                    names |= load_state_dict(slot, state)
                else:
                    self.restore_slot(slot, state)
        since = (state.arrays.keys() | state.values.keys()) - names  # made where there was nothing
        for name in sorted(since, key=lambda name: [key.rjust(9) for key in name.split("/")]):  # 9 before 10
            if name.partition("/")[0] in self.roots:
                self.restore_slot(self.slot_of(name), state)

    def empty_collections(self) -> None:
        """Empty the lists and dictionaries that were empty at first: a state names what they held."""
        for name in (name for name, value in self.initial.items() if value in ([], {})):
            slot = self.slot_of(name)
            if slot.exists and type(slot.value) in (list, dict):
                slot.set(type(slot.value)())

    def restore_slot(self, slot: Slot, state: State) -> None:
        """Set one value: the captured one, else the initial one; a StateError if it does not fit."""
        try:
            self._restore_slot(slot, state)
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise StateError(f"{slot.name}: the state has an unsuitable value: {error}"[:200]) from error

    def _restore_slot(self, slot: Slot, state: State) -> None:
        value = slot.value if slot.exists else None
        if slot.name in state.arrays:
            array = state.arrays[slot.name]
            if isinstance(value, np.ndarray) and not (self.has_buffers(slot) and is_other(array, value)):
                copy_array(slot.name, array, value)
            else:
                slot.set(array.copy() if array.ndim else array[()])
        elif isinstance(value, np.random.Generator):
            if slot.name not in state.values:
                raise StateError(f"{slot.name}: the random stream is missing in the state")
            value.bit_generator.state = state.values[slot.name]
        elif slot.name in state.values:
            slot.set(decode(deepcopy(state.values[slot.name]), value))
        elif slot.name in self.initial:
            slot.set(decode(deepcopy(self.initial[slot.name]), value))
        elif isinstance(value, np.ndarray) and value.size and not self.has_buffers(slot):
            raise StateError(f"{slot.name}: the array is missing in the state")

    def has_buffers(self, slot: Slot) -> bool:
        """Return whether an array there may be a buffer."""
        root = self.roots.get(slot.name.partition("/")[0])
        return root is not None and root.has_buffers

    def slot_of(self, name: str) -> Slot:
        """Return the place of a name that does not exist yet; collections on the way to it are made."""
        first, *path = name.split("/")
        owner = self.roots[first].owner if first in self.roots else None
        try:
            for key, following in pairwise(path):
                slot = Slot(name, data_of(owner), key_of(owner, key))
                if (not slot.exists or slot.value is None) and not is_code(owner, key):
                    slot.set([] if following.isdigit() else {})
                owner = slot.value
            data = data_of(owner)
            is_there = bool(path) and isinstance(data, dict) and path[-1] in data
            is_free = is_there or (bool(path) and not is_code(owner, path[-1]))
        except (LookupError, TypeError, ValueError):
            is_free = False
        if not is_free:
            raise StateError(f"{name}: the state has a value that there is no place for")
        return Slot(name, owner, key_of(owner, path[-1]))


def is_other(source: NDArray[Any], target: NDArray[Any]) -> bool:
    """Return whether two arrays differ in type or shape."""
    return source.dtype != target.dtype or source.shape != target.shape


def copy_array(name: str, source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy an array of the state in place; a StateError if type or shape differ."""
    if is_other(source, target):
        expected = f"expected {target.dtype} of shape {target.shape}"
        raise StateError(f"{name}: {expected}, got {source.dtype} of shape {source.shape}")
    np.copyto(target, source)


def load_state_dict(slot: Slot, state: State) -> set[str]:
    """Restore an object by its own method; return the names that belong to it."""
    prefix = f"{slot.name}/"
    values = {name: one for name, one in (state.arrays | state.values).items() if name.startswith(prefix)}
    slot.value.load_state_dict({name.removeprefix(prefix): one for name, one in values.items()})
    return set(values)
