"""Checks of the installation: Python, nnexp, its packages, Hydra plugins, the configuration."""

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import nnexp
from nnexp.cli.doctor.finding import Finding
from nnexp.messages import plural

EXTRAS = {
    "system": "processor and memory of a run in MLflow",
    "onnx": "nnexp export --onnx",
    "postgres": "a PostgreSQL store",
}


def check_python() -> Iterator[Finding]:
    """Check the version of Python."""
    version = platform.python_version()
    required = str(metadata.metadata("nnexp")["Requires-Python"] or "")
    text = f"Python {version} at {sys.executable}"
    if version in SpecifierSet(required, prereleases=True):
        yield Finding("python", "ok", text)
    else:
        problem = f"{text}: nnexp needs {required}"
        yield Finding("python", "problem", problem, "create an environment with that")


def check_packages() -> Iterator[Finding]:
    """Check nnexp and the packages that it requires."""
    folder = Path(nnexp.__file__).resolve().parent
    yield Finding("nnexp", "ok", f"nnexp {metadata.version('nnexp')} in {folder}")
    requirements = _requirements()
    unmet = {requirement: error for requirement in requirements if (error := _unmet(requirement))}
    for requirement, error in unmet.items():
        remedy = f"pip install '{requirement.name}{requirement.specifier}'"
        yield Finding("packages", "problem", error, remedy)
    names = [requirement.name for requirement in requirements if requirement not in unmet]
    yield Finding("packages", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in names))


def check_extras() -> Iterator[Finding]:
    """Check the optional packages."""
    for extra, purpose in EXTRAS.items():
        unmet = [error for requirement in _requirements(extra) if (error := _unmet(requirement))]
        remedy = f"pip install 'nnexp[{extra}]'" if unmet else ""
        text = f"{', '.join(unmet) or extra}: for {purpose}"
        yield Finding("extras", "note" if unmet else "ok", text, remedy)


def check_plugins() -> Iterator[Finding]:
    """Check that Hydra's launchers and sweepers can be imported."""
    from hydra.core.plugins import Plugins
    from hydra.plugins.launcher import Launcher
    from hydra.plugins.sweeper import Sweeper

    plugins = Plugins.instance()
    names = [plugin.__name__ for kind in (Launcher, Sweeper) for plugin in plugins.discover(kind)]
    yield Finding("plugins", "ok", f"of Hydra: {', '.join(names)}")


def check_configuration() -> Iterator[Finding]:
    """Check that conf/ is complete: the default run can be composed and built."""
    from nnexp.config import ConfigError, compose
    from nnexp.config.compose import CONF

    try:
        compose([])
    except ConfigError as error:
        yield Finding("conf", "problem", f"{CONF}: {error}", "git checkout conf, or install nnexp again")
        return
    options = len([*CONF.glob("[!hl]*/*.yaml")])
    yield Finding("conf", "ok", f"{CONF}: {plural(options, 'option')} in its groups")
    if (local := CONF / "local" / "default.yaml").exists():
        yield Finding("conf", "note", f"{local} changes the defaults on this machine")


def _requirements(extra: str = "") -> list[Requirement]:
    """Return what nnexp requires, or what one of its extras adds."""
    requirements = [Requirement(text) for text in metadata.requires("nnexp") or []]
    if not extra:
        return [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return [r for r in requirements if r.marker is not None and r.marker.evaluate({"extra": extra})]


def _unmet(requirement: Requirement) -> str:
    try:
        version = metadata.version(requirement.name)
    except ImportError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} {version} is installed, nnexp needs {requirement.specifier}"
