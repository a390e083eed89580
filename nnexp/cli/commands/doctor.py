"""`nnexp doctor`: check the installation, the machine, the data and the MLflow store."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from rich.markup import escape

from nnexp.cli.arguments import Arguments
from nnexp.cli.console import PipeSafeConsole
from nnexp.cli.doctor import installation, machine, project
from nnexp.cli.doctor.finding import Check, Finding
from nnexp.cli.errors import FAILURE
from nnexp.messages import plural

COLORS = {"ok": "green", "note": "yellow", "problem": "bold red"}
CHECKS: dict[str, Check] = {
    "python": installation.check_python,
    "packages": installation.check_packages,
    "extras": installation.check_extras,
    "plugins": installation.check_plugins,
    "conf": installation.check_configuration,
    "blas": machine.check_blas,
    "disk": machine.check_disk,
    "data": project.check_data,
    "cache": project.check_cache,
    "store": project.check_store,
    "runs": project.check_runs,
}


def main(arguments: list[str]) -> int:
    """Run all checks and print the findings; return 1 if there is a problem."""
    description = "Check the installation, the machine, the data and the MLflow store. Nothing is changed."
    parser = Arguments("doctor", description, epilog="Exit code 0: no problem; 1: at least one.")
    parser.add_json()
    options = parser.parse_args(arguments)
    console = PipeSafeConsole()
    findings = []
    for finding in run_checks(CHECKS.items()):
        findings.append(finding)
        if not options.json:
            state = f"[{COLORS[finding.state]}]{finding.state:8}[/]"
            console.print(f"{state} [bold]{finding.about:10}[/] {escape(finding.text)}")
        if not options.json and finding.remedy:
            console.print(f"{'':19} [dim]fix:[/] {escape(finding.remedy)}")
    problems = sum(finding.state == "problem" for finding in findings)
    if options.json:
        print(json.dumps({"problems": problems, "findings": [asdict(f) for f in findings]}, indent=2))
    else:
        print(f"\n{plural(problems, 'problem') if problems else 'no problem'}")
    return FAILURE if problems else 0


def run_checks(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Yield the findings of all checks; a check that fails is a finding too."""
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001, a broken installation can raise anything
            yield Finding(name, "problem", f"the check failed: {type(error).__name__}: {error}")
