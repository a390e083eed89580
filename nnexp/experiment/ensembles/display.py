"""The interface of displays of an ensemble."""

from collections.abc import Sequence

from nnexp.config.schema import TrackingSettings
from nnexp.data.dataset import Dataset
from nnexp.experiment.ensembles.members import Member
from nnexp.experiment.ensembles.result import EnsembleResult
from nnexp.tracking.upload.client import Outcome


class EnsembleDisplay:
    """Interface for displays of an ensemble; this one shows nothing."""

    def header(self, members: Sequence[Member], dataset: Dataset) -> None:
        """Show what is averaged, before it is evaluated."""

    def message(self, label: str, text: str) -> None:
        """Show a message, or a warning."""

    def uploading(self) -> None:
        """Show that the evaluation is over; plots and tracking are being finished."""

    def waiting(self, reason: str) -> None:
        """Show what keeps the upload."""

    def conclusion(self, result: EnsembleResult, tracking: TrackingSettings, outcome: Outcome) -> None:
        """Show the scores, and what became of the upload."""
