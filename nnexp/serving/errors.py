"""The one error of a trained network at work."""


class PredictorError(ValueError):
    """A network that cannot be built again, or examples that it cannot take: what, where, and what to do about it."""
