"""Import of mlflow without what no upload uses, in three quarters of the time.

What is left out is optional for the libraries that import it, or runs when it is used. Where a version of
MLflow needs it all the same, everything is imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

MODULES = ("mlflow.pyfunc", "mlflow.tracking")
HIDDEN = ("pyarrow", "pygments", "scipy")  # optional for pandas, Alembic and MLflow
LAZY = ("gateway", "genai")  # of MLflow, with the packages in them: a web framework, language models


class LazyPackage(ModuleType):
    """A package whose own code runs when a name of it is used; its modules are imported without that."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]  # as the import system documents
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def import_lean(*modules: str) -> None:
    """Import mlflow, and these modules of it."""
    names = (*MODULES, *modules)
    if "mlflow" not in sys.modules:
        with suppress(ImportError), hidden():
            add_lazy_packages()
            return import_all(names)
        for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
            del sys.modules[name]
    return import_all(names)


def import_all(names: tuple[str, ...]) -> None:
    """Import modules."""
    for name in names:
        import_module(name)


@contextmanager
def hidden() -> Iterator[None]:
    """Let packages, as long as they are not imported yet, seem not to be installed in the block."""
    names = [name for name in HIDDEN if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # as the import system documents
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def add_lazy_packages() -> None:
    """Put lazy packages in their places, as far as this version of MLflow has them."""
    if (mlflow := find_spec("mlflow")) is None:
        return
    for name in LAZY:
        for folder in add_lazy_package(f"mlflow.{name}", mlflow.submodule_search_locations):
            for module in iter_modules([folder]):
                if module.ispkg:
                    add_lazy_package(f"mlflow.{name}.{module.name}", [folder])


def add_lazy_package(name: str, folders: list[str] | None) -> list[str]:
    """Put a lazy package in its place, if it is in one of these folders; return its own folders."""
    spec = PathFinder.find_spec(name, folders)
    if spec is None or spec.submodule_search_locations is None:
        return []
    package = module_from_spec(spec)
    package.__class__ = LazyPackage
    sys.modules[name] = package
    return list(spec.submodule_search_locations)
