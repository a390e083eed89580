"""nnexp: experiments with neural networks from scratch, described in YAML, recorded in MLflow.

>>> from nnexp import compose, run
>>> result = run(compose(["data=digits", "trainer.epochs=3"]))
>>> result.history, result.network, result.splits["val"].report
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnexp.cli.api import run
    from nnexp.config import compose
    from nnexp.experiment.result import Result

__all__ = ["Result", "compose", "run"]

_HOMES = {"compose": "nnexp.config", "run": "nnexp.cli.api", "Result": "nnexp.experiment.result"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import nnexp` and `nnexp --help` stay instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nnexp' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
