"""The specification of a trained network: what is needed beside its weights, as JSON (`network.json`)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnexp.nn.network import Network
from nnexp.nn.output_activations import OUTPUT_ACTIVATIONS, OutputActivation
from nnexp.preprocessing.channels import ChannelScaling, pixel_scale
from nnexp.preprocessing.columns import Column, mark_untrained
from nnexp.preprocessing.images.pixels import Resize
from nnexp.preprocessing.scaling import Standardization, TargetScale
from nnexp.regular_file import open_regular
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats
from nnexp.tasks import TASKS

if TYPE_CHECKING:
    from nnexp.data.dataset import Dataset

FORMAT = 3
READABLE = (2, FORMAT)  # in 2, columns are numbers or categories, without an origin
Scale = float | Standardization | ChannelScaling


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What a `Predictor` builds a network from; of images, the fields about columns are empty."""

    model: Mapping[str, Any]  # the section of the configuration
    plugins: tuple[str, ...]  # packages that the model's classes may come from
    inputs: tuple[int, ...]  # the shape of one example as the first layer gets it
    shape: tuple[int, ...]  # of one example as the data set has it
    outputs: int  # O
    dtype: str  # of the network
    stored: str  # the dtype of the data set's numbers
    task: str
    classes: tuple[str, ...]  # their names; empty where the task has none
    targets: tuple[str, ...]  # the names of a regression's targets, or of the labels
    output_activation: OutputActivation  # the activation from outputs to probabilities
    scale: Scale  # from stored numbers to inputs: a factor, or a standardization of columns or channels
    target_scale: TargetScale | None  # from outputs to a regression's own units
    columns: tuple[Column, ...]  # of a table
    target_columns: tuple[str, ...]  # that hold the true values
    id_column: str | None = None  # of a table, that predictions carry along
    drawings: DrawingStats | None  # None if the images are no drawings
    resize: Resize | None = None  # how image files are brought to the shape; None: not made of files
    evaluation_batch: int  # examples of one forward pass; another number may give other last bits
    members: "tuple[ModelSpec, ...]" = ()  # of an ensemble its networks; it has no model of its own

    @property
    def given(self) -> np.dtype[Any]:
        """The dtype of the numbers that are predicted from: float64 if an origin is to be subtracted."""
        has_origin = isinstance(self.scale, Standardization) and self.scale.origin is not None
        return np.dtype(np.float64 if has_origin else self.stored)

    @property
    def pixel_scale(self) -> float | None:
        """The factor from stored pixels to [0, 1]; None for columns that are standardized."""
        return None if isinstance(self.scale, Standardization) else pixel_scale(self.scale)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, labels or targets."""
        return self.classes or self.targets

    def to_json(self) -> str:
        """Serialize as JSON."""
        return json.dumps({"format": FORMAT} | self.fields(), default=_to_json, indent=1)

    def fields(self) -> dict[str, Any]:
        """Return the fields by name; members only of an ensemble."""
        return {name: value for name, value in vars(self).items() if name != "members" or value}

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Parse what `to_json` made.

        Raises:
            PredictorError: it is no specification, or one of another version of nnexp.
        """
        try:
            values = json.loads(text)
            version = values.pop("format")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise PredictorError("not the specification of a network, a run's network.json") from error
        if version not in READABLE:
            raise PredictorError("written by another version of nnexp; use that version, or train again")
        try:
            members = tuple(cls(**_from_json(member)) for member in values.pop("members", ()))
            spec = cls(**_from_json(values), members=members)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise PredictorError(f"damaged: {error}; take the run's own network.json") from error
        for one in (spec, *members):
            for value, known in ((one.task, TASKS), (one.output_activation, OUTPUT_ACTIVATIONS)):
                if value not in known:
                    raise PredictorError(f"expected one of {', '.join(known)}, got {value}")
        return spec

    @classmethod
    def read(cls, path: Path) -> "ModelSpec":
        """Read a file.

        Raises:
            PredictorError: see `from_json`.
        """
        try:
            with open_regular(path) as file:
                return cls.from_json(file.read().decode())
        except (OSError, ValueError) as error:
            raise PredictorError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _to_json(value: Any) -> Any:
    """Convert a nested object."""
    if isinstance(value, ModelSpec):
        return value.fields()
    return asdict(value) if isinstance(value, DrawingStats) else value.to_json()


def _from_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with lists as tuples and nested objects built."""
    values |= {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    if isinstance(values["scale"], dict):
        kind = ChannelScaling if "deviation" in values["scale"] else Standardization
        values["scale"] = kind.from_json(values["scale"])
    if values["target_scale"]:
        values["target_scale"] = TargetScale.from_json(values["target_scale"])
    values["columns"] = tuple(map(Column.from_json, values["columns"]))
    if drawings := values["drawings"]:
        values["drawings"] = DrawingStats(drawings["size"], tuple(drawings["centre"]))
    return values


def describe(
    values: Mapping[str, Any],
    dataset: "Dataset",
    network: Network,
    *,
    scale: Scale,
    target_scale: TargetScale | None,
    output_activation: OutputActivation,
    evaluation_batch: int,
) -> ModelSpec:
    """Build the specification of a trained network from its resolved configuration and its components."""
    target = values.get("data", {}).get("target") or ()
    target_columns = dataset.targets or ((target,) if isinstance(target, str) else tuple(target))
    columns = dataset.columns
    if isinstance(scale, Standardization):
        columns = tuple(mark_untrained(columns, scale.factor))
    return ModelSpec(
        model=values["model"],
        plugins=tuple(values.get("plugins") or ()),
        inputs=tuple(network.inputs),
        shape=tuple(dataset.shape),
        outputs=network.outputs[0],
        dtype=str(network.dtype),
        stored=str(dataset.x.dtype),
        task=dataset.task,
        classes=dataset.classes,
        targets=dataset.targets,
        output_activation=output_activation,
        scale=scale,
        target_scale=target_scale,
        columns=columns,
        id_column=dataset.id_column,
        target_columns=target_columns if dataset.columns else (),
        drawings=None if dataset.resize else DrawingStats.of(dataset.x, dataset.shape),
        resize=dataset.resize,
        evaluation_batch=evaluation_batch,
    )
