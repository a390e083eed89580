"""`nnexp doctor`: what is installed, what is wrong and how to mend it. It makes nothing and needs nothing."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rich.markup import escape

from nnexp.cli.arguments import Arguments
from nnexp.cli.doctor import installation, machine, project, store
from nnexp.cli.doctor.finding import Check, Finding, many

FAILURE = 1
COLORS = {"ok": "green", "note": "yellow", "problem": "bold red"}
CHECKS: Mapping[str, Check] = {
    "python": installation.python,
    "nnexp": installation.package,
    "packages": installation.packages,
    "extras": installation.extras,
    "conf": installation.configuration,
    "blas": machine.linear_algebra,
    "product": machine.product,
    "denormals": machine.denormals,
    "disk": machine.disk,
    "git": project.code,
    "settings": project.variables,
    "store": store.store,
    "leftovers": store.leftovers,
    "outputs": project.unsent,
    "data": project.data,
}


def main(arguments: list[str]) -> int:
    """Look at everything and tell; returns the exit code, 1 if there is a problem."""
    parser = Arguments(
        "doctor",
        "Look at the installation, the machine, the MLflow store and the data here: what is wrong, and how to mend it.",
        epilog="Exit code 0: no problem; 1: at least one. Nothing is made or changed.",
    )
    parser.add_argument(
        "--data",
        action="store_true",
        help="verify the content of the data sets that are there, which takes longer",
    )
    parser.add_json()
    options = parser.parse_args(arguments)
    checks: dict[str, Check] = {**CHECKS, "data": partial(project.data, verify=options.data)}
    found: list[Finding] = []
    show = _printer()
    for finding in examine(checks):
        found.append(finding)
        if not options.json:
            show(finding)
    problems = sum(finding.state == "problem" for finding in found)
    if options.json:
        print(json.dumps({"problems": problems, "findings": [_told(finding) for finding in found]}, indent=2))
    else:
        print(f"\n{many(problems, 'problem') if problems else 'no problem'}")
    return FAILURE if problems else 0


def examine(checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Every finding of every check; one that fails is a finding too, and stops no other."""
    for about, check in checks.items():
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001, whatever a broken installation can do is what we are here to tell
            yield Finding(about, "problem", f"this check itself failed: {type(error).__name__}: {error}")


def _printer() -> Any:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)

    def show(finding: Finding) -> None:
        console.print(
            f"[{COLORS[finding.state]}]{finding.state:8}[/] [bold]{finding.about:10}[/] {escape(finding.text)}"
        )
        if finding.remedy:
            console.print(f"{'':19} [dim]->[/] {escape(finding.remedy)}")

    return show


def _told(finding: Finding) -> dict[str, str]:
    return {"about": finding.about, "state": finding.state, "text": finding.text, "remedy": finding.remedy}
