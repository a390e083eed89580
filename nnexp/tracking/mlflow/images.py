"""Logs the confusion matrices of some epochs as images, which the MLflow UI shows with a slider over them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from nnexp.run_folder import Entry, RunFolder
from nnexp.tracking.mlflow.refusals import Refusals, check_artifact_folder
from nnexp.tracking.mlflow.store import list_artifacts
from nnexp.tracking.mlflow.upload_state import UploadState

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DrawConfusion = Callable[[Sequence[Sequence[int]], Sequence[str], int, str], Any]
"""Draws a confusion matrix, given class names, step and unit of the step; returns a Pillow image."""
FOLDER, CONFUSION_IMAGES = "images", "confusion_val"
IMAGES = "mlflow.loggedImages"  # tag without which the UI shows none
FAST_PNG, FAST_WEBP = 2, 0  # in half of the time that a tenth less of bytes takes


class RunWithImages(Protocol):
    """A run that is being written to its store."""

    uri: str
    run_folder: RunFolder
    head: Entry
    draw_confusion: DrawConfusion
    refusals: Refusals
    state: UploadState
    tags: dict[str, str]  # that are set with the next metrics
    may_repeat: bool  # the store may have more than the state says
    heartbeat: Callable[[], None]

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store."""

    @property
    def artifact_uri(self) -> str:
        """Where the artifacts of the run go."""


def send_confusion(writer: RunWithImages, entry: Entry) -> None:
    """Log the confusion matrix of an epoch as an image, where the store takes images."""
    with writer.refusals.skipped("images"):
        check_artifact_folder(writer.uri, writer.artifact_uri)
        classes = writer.run_folder.dataset.get("classes") or list(map(str, range(len(entry["matrix"]))))
        log_confusion_image(writer, entry, partial(writer.draw_confusion, entry["matrix"], classes))
        writer.heartbeat()


def log_confusion_image(writer: RunWithImages, entry: Entry, draw: Callable[[int, str], Any]) -> None:
    """Log the image of an epoch, drawn for its step and unit, unless both of its files are there.

    The files are those of MLflow's `log_image`, which sends the tag with each of them.
    """
    run_id = writer.state.run_id
    step = entry["step"]
    time = entry["time"]
    prefix = f"{FOLDER}/{CONFUSION_IMAGES}+step+{step}+timestamp+{time}+"
    if writer.may_repeat:
        images = list_artifacts(writer.uri, writer.artifact_uri, FOLDER)
        if sum(image.path.startswith(prefix) for image in images) > 1:
            writer.tags[IMAGES] = "True"
            return
    image = draw(step, writer.head["unit"])
    name = prefix.removeprefix(f"{FOLDER}/") + str(uuid5(NAMESPACE_URL, f"{writer.head['id']}/{step}"))
    from mlflow.tracking.multimedia import compress_image_size

    with TemporaryDirectory() as folder:
        image.save(Path(folder, f"{name}.png"), compress_level=FAST_PNG)
        compress_image_size(image).save(Path(folder, f"{name}+compressed.webp"), method=FAST_WEBP)
        writer.client.log_artifacts(run_id, folder, FOLDER)
    writer.tags[IMAGES] = "True"
