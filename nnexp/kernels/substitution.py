"""The pass over a built trainer that puts compiled twins in the place of NumPy classes."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from nnexp import kernels
from nnexp.kernels.twins import compile_object
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Container
from nnexp.training.trainer import Trainer

PASSIVE = {"NoAveraging", "NoAugment", "Flatten", "Unflatten", "Identity"}  # nothing in them takes time


def substitute(trainer: Trainer) -> list[str]:
    """Put compiled twins in the place of a trainer's layers, loss, score, optimizer, average and batches.

    Returns:
        The names of the classes without a twin, which keep their NumPy lines; sorted.
    """
    for module in iter_modules(kernels.__path__):
        import_module(f"{kernels.__name__}.{module.name}")  # registers its twins
    plain = {type(value).__name__ for value in components(trainer) if not compile_object(value)}
    return sorted(plain - PASSIVE)


def components(trainer: Trainer) -> Iterator[Any]:
    """Yield the objects that a trainer is made of, whose classes may have twins."""
    yield from layers(trainer.network.stack)
    yield trainer.loss
    yield trainer.score
    yield trainer.optimizer_step.optimizer
    yield trainer.optimizer_step.averaging
    yield trainer.optimizer_step.regularizer
    yield trainer.train
    if trainer.train.augment is not None:
        yield trainer.train.augment
    if trainer.validation is not None:
        yield trainer.validation


def layers(container: Container) -> Iterator[Layer]:
    """Yield a container and all layers in it, at any depth."""
    yield container
    for layer in container.children.values():
        if isinstance(layer, Container):
            yield from layers(layer)
        else:
            yield layer
