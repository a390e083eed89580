"""Import a class by its dotted name, from nnexp's own components and from listed plugins only."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import isabstract, isclass, isroutine
from pathlib import Path
from traceback import extract_tb
from typing import Any

OWN = "nnexp"
NEVER_PLUGINS = (
    *sys.stdlib_module_names,
    *(
        "hydra",
        "omegaconf",
        "joblib",
        "cloudpickle",
        "mlflow",
        "numpy",
        "scipy",
        "sklearn",
        "pandas",
        "pyarrow",
    ),
    *(
        "matplotlib",
        "PIL",
        "yaml",
        "jinja2",
        "pydantic",
        "sqlalchemy",
        "requests",
        "rich",
        "pip",
        "setuptools",
    ),
)
"""Packages whose functions could do anything: the standard library, and those that nnexp needs."""
COMPONENTS = ("nnexp.data.", "nnexp.nn.", "nnexp.optim.")
"""The modules whose classes a configuration may build: a function elsewhere could do anything."""


def locate(
    name: str, plugins: Sequence[str] = (), allowed: tuple[str, ...] = COMPONENTS
) -> Callable[..., Any]:
    """Import a class of nnexp, or a class or function of a plugin.

    Plugins are packages besides nnexp that may be imported; allowed are prefixes of nnexp's own modules.

    Raises:
        ValueError: it cannot be imported, or must not be.
    """
    module, _, attribute = name.rpartition(".")
    package = name.partition(".")[0]
    if package in NEVER_PLUGINS or "__main__" in name.split("."):
        raise ValueError(f"refused: code of {package} never runs from a configuration")
    if package != OWN and package not in plugins:
        raise ValueError(f"refused: code outside {OWN} runs only if its package is listed in plugins")
    if package != OWN and "" not in sys.path:
        sys.path.insert(0, "")  # the working directory, where a console script does not look
    try:
        target: Callable[..., Any] = getattr(import_module(module), attribute)
    except Exception as error:  # whatever the code of a plugin raises
        raise ValueError(f"cannot be imported: {_describe(error, package)}") from error
    if not (isclass(target) or isroutine(target)) or isabstract(target):
        raise ValueError("must be a class that can be built, or a function")
    if target.__module__.partition(".")[0] not in (OWN, *plugins):  # a module also holds what it imports
        raise ValueError(f"refused: it is defined in {target.__module__}, not where it is named")
    if package == OWN and not (isclass(target) and target.__module__.startswith(allowed)):
        raise ValueError(f"refused: of {OWN}, only classes of {', '.join(allowed)} may be built")
    return target


def _describe(error: Exception, package: str) -> str:
    """Describe an error of an import, with the last line of the package that led to it."""
    frames = [
        frame
        for frame in extract_tb(error.__traceback__)
        if package in Path(frame.filename).parts[-2:] or Path(frame.filename).stem == package
    ]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    kind = "" if isinstance(error, ImportError | AttributeError | ValueError) else f"{type(error).__name__}: "
    return f"{kind}{error}{where}"
