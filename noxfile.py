"""The suite on each Python that is installed here, and the checks of the code: `nox`, `nox -s tests-3.13`."""

from pathlib import Path

import nox

VERSIONS = ("3.11", "3.12", "3.13")
PYENV = Path("~/.pyenv/versions").expanduser()
nox.options.error_on_missing_interpreters = False  # the others are tested


def interpreter(version: str) -> str:
    """Return the Python of a version that pyenv has, else its name, which nox looks for."""
    installed = [path for path in PYENV.glob(f"{version}.*/bin/python") if path.exists()]
    return str(max(installed, default=f"python{version}"))


def tests(session: nox.Session) -> None:
    """Run the suite; arguments after -- go to pytest."""
    session.install("-q", "-e", ".[test]")
    session.run("pytest", "-q", *session.posargs)


for version in VERSIONS:
    nox.session(tests, python=interpreter(version), name=f"tests-{version}")


@nox.session(python=interpreter(VERSIONS[0]))
def lint(session: nox.Session) -> None:
    """Check style, types and import contracts."""
    session.install("-q", "-e", ".[test,lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
