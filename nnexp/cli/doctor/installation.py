"""Is everything installed: Python, nnexp, the packages it needs, those it can use, its configuration."""

import json
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import nnexp
from nnexp.cli.doctor.finding import Finding, many

EXTRAS = {  # modules: what they give, and how to get them
    ("psutil",): ("processor and memory of a run in MLflow", "pip install 'nnexp[system]'"),
    ("onnx", "onnxruntime"): ("nnexp export --onnx", "pip install 'nnexp[onnx]'"),
    ("psycopg2",): ("a PostgreSQL store", "pip install 'nnexp[postgres]'"),
    ("torch",): ("only the tests that compare with PyTorch", "pip install 'nnexp[oracle]'"),
}


def python() -> Iterator[Finding]:
    """Its version, and which one it is."""
    found = f"Python {platform.python_version()} at {sys.executable}"
    wanted = str(metadata.metadata("nnexp")["Requires-Python"] or "")
    from packaging.specifiers import SpecifierSet

    if platform.python_version() not in SpecifierSet(wanted, prereleases=True):
        yield Finding(
            "python",
            "problem",
            f"{found}: nnexp needs {wanted}",
            "make an environment with a newer one: python3.12 -m venv .venv",
        )
    else:
        yield Finding("python", "ok", found)


def package() -> Iterator[Finding]:
    """Which nnexp it is, and whether it is the one that is installed."""
    folder, installed = Path(nnexp.__file__).resolve().parent, metadata.distribution("nnexp")
    source = json.loads(installed.read_text("direct_url.json") or "{}")
    editable = source.get("dir_info", {}).get("editable", False)
    homes = [Path(str(installed.locate_file("nnexp"))).resolve()]
    if editable:
        homes.append(Path(source["url"].removeprefix("file://")) / "nnexp")
    text = f"nnexp {installed.version} in {folder}{', editable' if editable else ''}"
    if folder not in [home.resolve() for home in homes]:
        remedy = "leave the folder, or take it out of PYTHONPATH; to work on it: pip install -e ."
        yield Finding("nnexp", "note", f"{text}; installed is another one, in {homes[-1]}", remedy)
    else:
        yield Finding("nnexp", "ok", text)


def packages() -> Iterator[Finding]:
    """Those that nnexp needs, against the versions it says it needs."""
    from packaging.requirements import Requirement

    good = []
    for requirement in map(Requirement, metadata.requires("nnexp") or []):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        remedy = f"pip install '{requirement.name}{requirement.specifier}'"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Finding("packages", "problem", f"{requirement.name} is not installed", remedy)
            continue
        if requirement.specifier.contains(version, prereleases=True):
            good.append(f"{requirement.name} {version}")
        else:
            yield Finding(
                "packages",
                "problem",
                f"{requirement.name} {version}: nnexp needs {requirement.specifier}",
                remedy,
            )
    yield Finding("packages", "ok", ", ".join(good))


def extras() -> Iterator[Finding]:
    """Those that are not needed and give something."""
    here = []
    for modules, (gives, remedy) in EXTRAS.items():
        if missing := [module for module in modules if find_spec(module) is None]:
            yield Finding(
                "extras", "note", f"without {' and '.join(missing)}: {gives} is not to be had", remedy
            )
        else:
            here.append(f"{' and '.join(map(_with_version, modules))} ({gives})")
    if here:
        yield Finding("extras", "ok", ", ".join(here))


def configuration() -> Iterator[Finding]:
    """Whether conf/ is whole: the default run composes, and its parts can be built."""
    from nnexp.config import ConfigError, compose
    from nnexp.config.compose import CONF

    groups = {
        path.name: len([*path.glob("*.yaml")])
        for path in CONF.iterdir()
        if path.is_dir() and path.name not in ("hydra", "local")
    }
    try:
        compose([])
    except ConfigError as error:
        yield Finding(
            "conf",
            "problem",
            f"{CONF}: {error}",
            "bring conf/ back as it was: git checkout conf, or install nnexp anew",
        )
        return
    yield Finding(
        "conf", "ok", f"{CONF}: {many(len(groups), 'group')}, {many(sum(groups.values()), 'option')}"
    )
    if (own := CONF / "local" / "default.yaml").exists():
        yield Finding("conf", "note", f"{own} changes the defaults on this machine")


def _with_version(module: str) -> str:
    names = metadata.packages_distributions().get(module, [module])
    try:
        return f"{module} {metadata.version(names[0])}"
    except metadata.PackageNotFoundError:
        return module
