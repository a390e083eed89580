"""The error of a table that does not fit a trained network."""

from nnexp.errors import UserError


class EncodingError(UserError, ValueError):
    """A table that cannot be encoded as the network's inputs."""
