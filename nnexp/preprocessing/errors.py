"""The errors of tables that do not fit a trained network, and of image files."""

from nnexp.errors import UserError


class EncodingError(UserError, ValueError):
    """A table that cannot be encoded as the network's inputs."""


class ImageFileError(UserError, ValueError):
    """A file that is no image, damaged or too large."""
