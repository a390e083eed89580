"""The specification of a trained network: what is needed beside its weights, as JSON (`network.json`)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.nn.network import Network
from nnexp.nn.output_activations import LINKS, Link
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.scaling import Standardization, TargetScale
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats
from nnexp.tasks import TASKS

if TYPE_CHECKING:
    from nnexp.data.dataset import Dataset

FORMAT = 2
Scale = float | Standardization


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What a `Predictor` builds a network from.

    Attributes:
        name: of the data set.
        model: the section `model` of the configuration.
        plugins: packages that its classes may come from.
        inputs: the shape of one example as the first layer gets it.
        shape: of one example as the data set has it.
        outputs: O.
        dtype: of the network.
        stored: the dtype of the data set's numbers.
        task: classification, multilabel or regression.
        classes: their names; empty where the task has none.
        targets: the names of a regression's targets, or of the labels.
        link: the activation from outputs to probabilities.
        scale: from stored numbers to inputs: a factor, or a standardization of each column.
        target_scale: from outputs to a regression's own units.
        columns: of a table; empty for images.
        target_columns: the columns of a table that hold the true values.
        drawings: size and position of the data set's drawings; None if its images are none.
        evaluation_batch: the examples of one forward pass; another number may give other last bits.
    """

    name: str
    model: Mapping[str, Any]
    plugins: tuple[str, ...]
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    outputs: int
    dtype: str
    stored: str
    task: str
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    link: Link
    scale: Scale
    target_scale: TargetScale | None
    columns: tuple[Column, ...]
    target_columns: tuple[str, ...]
    drawings: DrawingStats | None
    evaluation_batch: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, labels or targets."""
        return self.classes or self.targets

    def to_json(self) -> str:
        """Serialize as JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps({"format": FORMAT} | values, default=_to_json, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Parse what `to_json` made.

        Raises:
            PredictorError: it is no specification, or one of another version of nnexp.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise PredictorError(f"cannot be read as the specification of a network: {error}") from error
        if not isinstance(values, dict) or not isinstance(values.get("format"), int):
            raise PredictorError("not the specification of a network; a run writes one as network.json")
        if values.pop("format") != FORMAT:
            raise PredictorError("written by another version of nnexp; use that version, or train again")
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in values]:
            raise PredictorError(f"damaged, {', '.join(missing)} missing; take the run's own network.json")
        for key, known in (("task", TASKS), ("link", LINKS)):
            if values[key] not in known:
                raise PredictorError(f"{key}={values[key]}: expected one of {', '.join(known)}")
        try:
            return cls(**_from_json({name: values[name] for name in names}))
        except (TypeError, ValueError, LookupError) as error:
            raise PredictorError(f"damaged: {error}; take the run's own network.json") from error

    @classmethod
    def read(cls, path: Path) -> "ModelSpec":
        """Read a file.

        Raises:
            PredictorError: see `from_json`.
        """
        try:
            return cls.from_json(path.read_text())
        except (OSError, ValueError) as error:
            raise PredictorError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _to_json(value: Any) -> Any:
    """Convert a nested object."""
    return asdict(value) if isinstance(value, DrawingStats) else value.to_json()


def _from_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with lists as tuples and nested objects built."""
    values |= {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    if isinstance(values["scale"], dict):
        values["scale"] = Standardization.from_json(values["scale"])
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
    link: Link,
    evaluation_batch: int,
) -> ModelSpec:
    """Build the specification of a trained network.

    Args:
        values: the configuration, plain and resolved.
        dataset: that it was trained on.
        network: that the section `model` of `values` describes.
        scale: see `ModelSpec`, as are target_scale, link and evaluation_batch.
        target_scale: or None.
        link: of the loss.
        evaluation_batch: of the configuration.
    """
    target = values.get("data", {}).get("target") or ()
    target_columns = dataset.targets or ((target,) if isinstance(target, str) else tuple(target))
    return ModelSpec(
        name=dataset.name,
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
        link=link,
        scale=scale,
        target_scale=target_scale,
        columns=dataset.columns,
        target_columns=target_columns if dataset.columns else (),
        drawings=DrawingStats.of(dataset.x, dataset.shape),
        evaluation_batch=evaluation_batch,
    )
