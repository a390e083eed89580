"""nnexp: experiments with neural networks from scratch, described in YAML, recorded in MLflow.

>>> import nnexp
>>> result = nnexp.run(nnexp.compose(["data=digits", "trainer.epochs=3"]), display="quiet")
>>> result.metrics["test/accuracy"], result.history_frame(), result.network
>>> nnexp.runs('metrics."best/val_accuracy" > 0.9'), nnexp.load("last").predictions["test"]
>>> nnexp.predict("best", images)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnexp import runs
    from nnexp.cli.api import resume, run
    from nnexp.config import compose
    from nnexp.errors import UserError
    from nnexp.experiment.result import Result
    from nnexp.runs.loaded_run import load, predict

__all__ = ["Result", "UserError", "compose", "load", "predict", "resume", "run", "runs"]

_HOMES = {
    "Result": "nnexp.experiment.result",
    "UserError": "nnexp.errors",
    "compose": "nnexp.config",
    "load": "nnexp.runs.loaded_run",
    "predict": "nnexp.runs.loaded_run",
    "resume": "nnexp.cli.api",
    "run": "nnexp.cli.api",
    "runs": "nnexp.runs",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import nnexp` and `nnexp --help` stay instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nnexp' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_HOMES[name])
    return module if name == "runs" else getattr(module, name)  # the module itself can be called


def __dir__() -> list[str]:
    """List the names that are imported later too: completion offers them."""
    return sorted({*globals(), *__all__})
