"""Errors of a trained network in use; each is printed as one message."""

from typing import ClassVar

from nnexp.errors import UserError


class PredictorError(UserError, ValueError):
    """A network that cannot be rebuilt, or examples that do not fit it."""


class BlankImageError(PredictorError):
    """A drawing without contrast."""


class TranslationError(PredictorError):
    """A layer without an ONNX translation."""


class VerificationError(PredictorError):
    """An exported model whose outputs differ from the network's."""

    exit_code: ClassVar[int] = 1
