"""A network again: the model section of a configuration becomes layers, a file of weights fills them.

Only classes of models, layers, activations and initializers are built, of nnexp.nn and of the packages that the description lists:
a description may come from anywhere.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from inspect import isabstract, isclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Layer
from nnexp.nn.models.model import Model
from nnexp.nn.network import Network
from nnexp.serving.errors import PredictorError

OWN = "nnexp.nn"
TARGET = "_target_"
KINDS = (Model, Layer, Initializer)


def network_of(description: Mapping[str, Any]) -> Network:
    """The network of a description, without weights.

    Raises:
        PredictorError: its model cannot be built.
    """
    try:
        model = built(description["model"], tuple(description.get("plugins") or ()))
        if not isinstance(model, Model):
            raise PredictorError(
                f"the model section makes a {type(model).__name__}, and must make a kind of nnexp.nn.models.model.Model"
            )
        layers = model.layers(tuple(description["shape"]), description["outputs"])
        network = Network(
            layers, tuple(description["inputs"]), description["evaluation_batch"], description["dtype"]
        )
    except PredictorError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise PredictorError(
            f"the model cannot be built again: {error}; was it trained by another version of nnexp?"
        ) from error
    if network.outputs != (description["outputs"],):
        raise PredictorError(
            f"the model has outputs {network.outputs}, the description says {description['outputs']}"
        )
    return network


def built(value: Any, plugins: tuple[str, ...]) -> Any:
    """A plain value with an object in the place of every dictionary that has a `_target_`."""
    if isinstance(value, list):
        return [built(item, plugins) for item in value]
    if not isinstance(value, dict):
        return value
    arguments = {key: built(item, plugins) for key, item in value.items() if key != TARGET}
    return located(value[TARGET], plugins)(**arguments) if TARGET in value else arguments


def located(name: Any, plugins: tuple[str, ...]) -> Any:
    """The class of that dotted name.

    Raises:
        PredictorError: there is none, or it is nothing that a network is made of.
    """
    module, _, attribute = str(name).rpartition(".")
    package = module.partition(".")[0]
    if not f"{module}.".startswith(f"{OWN}.") and package not in plugins:
        raise PredictorError(
            f"{TARGET}={name}: refused: it is neither of {OWN} nor of the listed plugins ({', '.join(plugins) or 'none'})"
        )
    if package in plugins and "" not in sys.path:
        sys.path.append("")  # a person's own package lies in the working directory
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        remedy = (
            "install it or go to its folder"
            if package in plugins
            else "was it trained by another version of nnexp?"
        )
        raise PredictorError(f"{TARGET}={name}: cannot be imported: {error}; {remedy}") from error
    if not isclass(found) or not issubclass(found, KINDS) or isabstract(found):
        raise PredictorError(
            f"{TARGET}={name}: refused: a network is made of classes of models, layers, activations and initializers"
        )
    return found


def fill(network: Network, path: Path) -> None:
    """Give the network the weights and the state in an .npz file.

    Raises:
        PredictorError: the file cannot be read, or holds those of another network.
    """
    values = network.parameters.values | network.parameters.states
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
    except (OSError, ValueError, BadZipFile, EOFError, KeyError, TypeError) as error:
        raise PredictorError(f"{path}: cannot be read as weights: {error}") from error
    for name, value in values.items():
        if name not in arrays:
            raise PredictorError(f"{path}: weights of another network: {name} is missing")
        if arrays[name].shape != value.shape or arrays[name].dtype.kind != "f":
            found = f"{arrays[name].dtype} {arrays[name].shape}"
            raise PredictorError(
                f"{path}: weights of another network: {name} is {found}, and must be {value.dtype} {value.shape}"
            )
    if surplus := sorted(set(arrays) - set(values)):
        raise PredictorError(f"{path}: weights of another network: it knows no {', '.join(surplus)}")
    for name, value in values.items():
        value[...] = arrays[name]
