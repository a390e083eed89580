"""Rebuild a network from its specification and load its weights.

A specification may come from anywhere, so only models, layers, activations and initializers are built.
"""

from collections.abc import Sequence
from inspect import isclass
from pathlib import Path
from typing import Any

from nnexp.array_file import ArrayFileError, read_arrays
from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Layer
from nnexp.nn.models.model import Model
from nnexp.nn.network import Network
from nnexp.run_folder import Arrays
from nnexp.serving.errors import PredictorError
from nnexp.serving.locate import locate
from nnexp.serving.model_spec import ModelSpec

TARGET = "_target_"
ALLOWED = ("nnexp.nn.",)
WIDEST = 16  # bytes of a number of NumPy
MAX_WEIGHTS = 1 << 24  # bytes of what another network may have more, to say which it is
KINDS = (Model, Layer, Initializer)


def build_network(spec: ModelSpec) -> Network:
    """Build the network of a specification, without its weights.

    Raises:
        PredictorError: its model cannot be built.
    """
    try:
        model = _build(spec.model, spec.plugins)
        if not isinstance(model, Model):
            raise PredictorError(f"model.{TARGET}: expected a subclass of Model, got {type(model)}")
        layers = model.layers(spec.shape, spec.outputs)
        network = Network(layers, spec.inputs, spec.evaluation_batch, spec.dtype)
    except PredictorError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise PredictorError(f"the model cannot be rebuilt by this version of nnexp: {error}") from error
    if network.outputs != (spec.outputs,):
        raise PredictorError(f"the model has outputs {network.outputs}, expected {(spec.outputs,)}")
    return network


def build_network_of(spec: ModelSpec, path: Path) -> Network:
    """Build the network of a specification that was read from a file, which errors name."""
    try:
        return build_network(spec)
    except PredictorError as error:
        raise PredictorError(f"{path}: {error}") from error


def _build(value: Any, plugins: tuple[str, ...]) -> Any:
    """Replace every dictionary that has a `_target_` by an object."""
    if isinstance(value, list):
        return [_build(item, plugins) for item in value]
    if not isinstance(value, dict):
        return value
    arguments = {key: _build(item, plugins) for key, item in value.items() if key != TARGET}
    return _class(str(value[TARGET]), plugins)(**arguments) if TARGET in value else arguments


def _class(name: str, plugins: tuple[str, ...]) -> Any:
    """Locate a class that a network may be made of."""
    try:
        located = locate(name, plugins, ALLOWED)
    except ValueError as error:
        own = name.partition(".")[0] in plugins
        remedy = "; install it, or change to its folder" if own else ""
        raise PredictorError(f"{TARGET}={name}: {error}{remedy}") from error
    if not isclass(located) or not issubclass(located, KINDS):
        raise PredictorError(f"{TARGET}={name}: refused: it is no model, layer, activation or initializer")
    return located


def load_weights(network: Network, path: Path) -> None:
    """Load weights and state from an .npz file into a network.

    Raises:
        PredictorError: the file cannot be read, or holds those of another network.
    """
    set_weights(network, read_weights(path, [network]), str(path))


def read_weights(path: Path, networks: Sequence[Network]) -> Arrays:
    """Read an .npz file, about as large as the weights and states of these networks; errors as above."""
    size = sum(view.size for network in networks for view in views_of(network).values())
    try:
        return read_arrays(path, MAX_WEIGHTS + WIDEST * size)
    except ArrayFileError as error:
        raise PredictorError(f"{path}: cannot be read as weights: {error.advice}") from error
    except OSError as error:
        raise PredictorError(f"{path}: cannot be read as weights: {error.strerror or error}") from error


def set_weights(network: Network, arrays: Arrays, source: str) -> None:
    """Set weights and state of a network to the arrays of a file; a PredictorError if they do not fit."""
    views = views_of(network)
    another = f"{source}: weights of another network:"
    if missing := [name for name in views if name not in arrays]:
        raise PredictorError(f"{another} {', '.join(missing)} missing")
    if unknown := [name for name in arrays if name not in views]:
        raise PredictorError(f"{another} unknown {', '.join(unknown)}")
    for name, view in views.items():
        array = arrays[name]
        if array.shape != view.shape or array.dtype.kind != "f":
            what = f"{name}: expected {view.dtype} {view.shape}, got {array.dtype} {array.shape}"
            raise PredictorError(f"{another} {what}")
        view[...] = array


def views_of(network: Network) -> Arrays:
    """Return the views of a network's weights and state, by their names in an .npz file."""
    return network.parameters.values | network.parameters.states
