"""Forecast of the memory and the disk space that a run needs, compared with what is free."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from math import prod
from pathlib import Path
from shutil import disk_usage

import numpy as np

from nnexp.available_memory import memory
from nnexp.config import ConfigError, Problem, Settings
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Stack
from nnexp.nn.layers.dense import Weighted
from nnexp.nn.network import Network
from nnexp.nn.parameters import Parameters, Shape
from nnexp.training.checkpoint.state import ObjectState, Root

Warn = Callable[[str, str], object]  # a label and a text
SMALL = 64 << 20  # bytes that are not worth a look at what is free
OTHER_FILES = 4 << 20  # bytes of plots, tables, and entries of the store
SAMPLE = 64  # the inputs and outputs of the layer that the state of an optimizer is measured on
FIXED_VECTORS = 4  # weights, gradients, the optimizer's update, the best weights
CHECKPOINTS = 3  # two that are kept, and one that is being written
COPIES = 5  # of the weights: best, final, the same in the store, and its model
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def check_memory(
    settings: Settings, layers: Sequence[Layer], inputs: Shape, capacity: int, warn: Warn
) -> None:
    """Compare the memory that training needs with what there is, before any is taken.

    Args:
        settings: with the optimizer and the average.
        layers: of the network.
        inputs: the shape of one example.
        capacity: the largest batch.
        warn: is called where less is free now.

    Raises:
        ConfigError: it is more than the machine, or the limit of this process, has in all.
    """
    stack = Stack(layers)
    stack.connect(inputs)
    weights = sum(map(prod, stack.shapes().values()))
    outputs = capacity * sum(outputs_of(layer) for layer in stack.walk())
    itemsize = np.dtype(settings.trainer.dtype).itemsize
    if itemsize * (16 * weights + outputs) < SMALL:
        return
    needed = itemsize * (round(weights * (FIXED_VECTORS + state_vectors(settings))) + outputs)
    total, free = memory()
    size = f"training needs about {in_bytes(needed)} of memory for {weights:,} parameters"
    if total is not None and needed > total:
        fix = "fix: fewer or smaller layers, or a smaller trainer.batch_size"
        raise ConfigError([Problem("model", f"{size}, and there is {in_bytes(total)}; {fix}")])
    if free is not None and needed > free:
        warn(
            "warning", f"{size}, and {in_bytes(free)} is free: it may become slow, or be ended by the system"
        )


def check_disk(settings: Settings, network: Network, folder: Path, warn: Warn) -> None:
    """Warn if the files of a run may take more space than is free."""
    vector = network.theta.nbytes
    checkpoint = vector * (2 + state_vectors(settings)) * (2 if settings.trainer.on_nan == "rewind" else 1)
    needed = round(CHECKPOINTS * checkpoint + COPIES * vector) + OTHER_FILES
    with suppress(OSError):
        free = disk_usage(folder).free
        if needed > free:
            size = f"the run's files may take {in_bytes(needed)}"
            warn("warning", f"{size}, and {in_bytes(free)} is free on the disk of {folder}")


def outputs_of(layer: Layer) -> int:
    """Return about how many numbers a layer keeps of each example, with their gradients."""
    size = 2 * prod(layer.input_shape)
    if isinstance(layer, Weighted):
        size += layer.outputs
        if layer.receptive_field > 1:  # its input is unfolded into patches
            size += layer.receptive_field * prod(layer.input_shape)
    return size


def state_vectors(settings: Settings) -> float:
    """Measure how many numbers optimizer and average keep for each weight, on a small layer."""
    parameters = Parameters({"W": (SAMPLE, SAMPLE)}, settings.trainer.dtype)
    try:
        optimizer, averaging = deepcopy((settings.optimizer, settings.averaging))
        optimizer.bind(parameters)
        averaging.bind(parameters.theta, parameters.state)
        roots = {"optimizer": Root(optimizer), "averaging": Root(averaging)}
        slots = ObjectState(roots, (parameters.theta, parameters.grad)).slots()
        values = [slot.value for slot in slots]
    except Exception:  # noqa: BLE001, of a plug-in, which shows its error when it is used
        return 0.0
    return sum(value.size for value in values if isinstance(value, np.ndarray)) / len(parameters)


def in_bytes(size: float) -> str:
    """Format a number of bytes: 7.3 GiB."""
    power = min(max((int(size).bit_length() - 1) // 10, 0), len(UNITS) - 1)
    return f"{size / 1024**power:.4g} {UNITS[power]}"
