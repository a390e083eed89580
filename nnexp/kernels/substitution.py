"""The pass over a built trainer that puts compiled twins in the place of NumPy classes."""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import numpy as np

from nnexp import kernels
from nnexp.data.augmentation.augment import Compose
from nnexp.data.batches import Batches
from nnexp.kernels.threads.team import CompiledProducts
from nnexp.kernels.twins import compile_object
from nnexp.metrics.running import InOwnUnits
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Container
from nnexp.optim.optimizers import Optimizer
from nnexp.training.non_finite import NonFiniteError
from nnexp.training.threads.products import Products
from nnexp.training.trainer import Trainer

NO_LOOPS = {"Dense", "Identity", "NoAugment", "NoAveraging"}  # nothing to compile: products are BLAS's
NO_LOOPS |= {"Flatten", "Residual", "Unflatten"}  # one copy or sum


def substitute(trainer: Trainer, *others: Batches) -> list[str]:
    """Put compiled twins in the place of a trainer's layers, loss, score, optimizer, average and batches.

    Args:
        trainer: with all of its components.
        others: batches of splits that it does not hold.

    Returns:
        The names of the classes without a twin, which keep their NumPy lines; sorted.
    """
    register_twins()
    values = [*components(trainer), *others]
    plain = {type(value).__name__ for value in values if not compile_object(value)}
    return sorted(plain - NO_LOOPS)


def register_twins() -> None:
    """Import all modules of twins."""
    for module in walk_packages(kernels.__path__, f"{kernels.__name__}."):
        import_module(module.name)


def substitute_products(products: Products) -> None:
    """Let threads share the products of a run, and the updates of its weights, within compiled code."""
    register_twins()
    compile_object(products)


def compile_now(trainer: Trainer) -> None:
    """Compile the kernels of a substituted trainer, by one step and one evaluation of a copy of it.

    So training's time is that of training, also where `trainer.time_budget` ends it.
    """
    batches = [batches for batches in (trainer.train, trainer.validation) if batches is not None]
    data = [array for one in batches for array in (one.source_x, one.source_y, one.narrow_y)]
    copy = deepcopy(trainer, {id(array): array for array in data})  # which shares the data
    copy.pause()
    products = CompiledProducts()
    products.use_in(copy.network, copy.optimizer_step, copy.train)
    products.compile_helper()
    with suppress(NonFiniteError), np.errstate(all="ignore"):
        copy.train_until_pause()
        copy.optimizer_step.flush()
        x, y = next(iter(copy.train))
        copy.score.update(copy.network.forward(x), y)


def components(trainer: Trainer) -> Iterator[Any]:
    """Yield the objects that a trainer is made of, whose classes may have twins."""
    yield from layers(trainer.network.stack)
    yield trainer.loss
    yield trainer.score.metric if isinstance(trainer.score, InOwnUnits) else trainer.score
    yield trainer.optimizer_step
    yield from optimizers(trainer.optimizer_step.optimizer)
    yield trainer.optimizer_step.averaging
    yield trainer.optimizer_step.regularizer
    yield trainer.train
    yield from augmentations(trainer.train.augment)
    if trainer.validation is not None:
        yield trainer.validation


def optimizers(optimizer: Optimizer) -> Iterator[Optimizer]:
    """Yield an optimizer and those that it is made of, such as Muon's Adam."""
    yield optimizer
    for value in vars(optimizer).values():
        if isinstance(value, Optimizer):
            yield from optimizers(value)


def layers(container: Container) -> Iterator[Layer]:
    """Yield a container and all layers in it, at any depth."""
    yield container
    for layer in container.children.values():
        if isinstance(layer, Container):
            yield from layers(layer)
        else:
            yield layer


def augmentations(augment: object) -> Iterator[object]:
    """Yield the steps of an augmentation, at any depth; nothing of none."""
    if isinstance(augment, Compose):
        for step in augment.steps:
            yield from augmentations(step)
    elif augment is not None:
        yield augment
