"""What MLflow's tables in a database say of themselves: whose they are, what is in them, where files should lie."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from nnexp.cli.doctor.finding import Finding, many
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import StoreError, address, first_line

SILENT = 3600.0  # seconds without a sign of life, after which a run's process is likely gone
Rows = Sequence[Sequence[Any]]
Ask = Callable[[str], Rows]


def tables(ask: Ask, uri: str) -> Iterator[Finding]:
    """What MLflow's tables say of themselves, by SQL."""
    place = redacted(uri)
    try:
        version = next(iter(ask("SELECT version_num FROM alembic_version")), [""])[0]
    except Exception as error:  # each database has an error of its own for a table that is not there
        if "alembic_version" not in first_line(error):
            raise
        yield Finding("store", "note", f"{place} has no tables of MLflow's yet: the first run makes them")
        return
    ((experiments,),) = ask("SELECT COUNT(*) FROM experiments WHERE lifecycle_stage = 'active'")
    ((runs,),) = ask("SELECT COUNT(*) FROM runs WHERE lifecycle_stage = 'active'")
    known, latest = schemas()
    own = f"MLflow {metadata.version('mlflow')}"
    counts = f"{many(experiments, 'experiment')}, {many(runs, 'run')}"
    if version in latest:
        yield Finding("store", "ok", f"{place}: {counts}, tables as {own} has them")
    elif version in known:
        yield Finding(
            "store",
            "problem",
            f"{place} ({counts}) was made by an older MLflow than {own}",
            f"copy it, then: mlflow db upgrade {place}",
        )
    else:
        remedy = "pip install --upgrade mlflow"
        yield Finding("store", "problem", f"{place} ({counts}) was made by a newer MLflow than {own}", remedy)
    running = ask(
        "SELECT r.name, r.run_uuid, r.start_time, MAX(m.timestamp) FROM runs r LEFT JOIN latest_metrics m ON m.run_uuid = r.run_uuid "
        "WHERE r.status = 'RUNNING' AND r.lifecycle_stage = 'active' GROUP BY r.name, r.run_uuid, r.start_time"
    )
    yield from forsaken((name, run_id, max(start or 0, seen or 0)) for name, run_id, start, seen in running)
    places = ask(
        "SELECT e.name, e.artifact_location, COUNT(r.run_uuid) FROM experiments e LEFT JOIN runs r ON r.experiment_id = e.experiment_id "
        "WHERE e.lifecycle_stage = 'active' GROUP BY e.name, e.artifact_location"
    )
    yield from artifacts(places)


def artifacts(experiments: Rows) -> Iterator[Finding]:
    """The folders on this machine that hold an experiment's files."""
    good = 0
    for name, location, runs in experiments:
        found = urlparse(location or "")
        if found.scheme not in ("", "file") or not runs:
            continue
        folder = Path(url2pathname(found.path))
        if folder.is_dir() and os.access(folder, os.W_OK):
            good += 1
        elif folder.is_dir():
            yield Finding(
                "artifacts",
                "problem",
                f"{folder} of experiment {name} cannot be written",
                f"chmod -R u+w {folder}",
            )
        else:
            text = f"the files of experiment {name} ({many(runs, 'run')}) should lie in {folder}, which is not there"
            remedy = (
                "if the project was moved, move or link it back; for new runs: tracking.experiment=ANOTHER"
            )
            yield Finding("artifacts", "problem", text, remedy)
    if good:
        yield Finding("artifacts", "ok", f"of {many(good, 'experiment')} can be read and written")


def forsaken(running: Iterable[tuple[str, str, int]]) -> Iterator[Finding]:
    """Runs that are said to run, of which nobody has heard for long: (name, id, last sign of life in milliseconds)."""
    old = [
        (name, run_id, seen / 1000) for name, run_id, seen in running if time.time() - seen / 1000 > SILENT
    ]
    if old:
        name, run_id, seen = old[0]
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(seen))
        first = f"{name} ({run_id[:8]}), silent since {since}"
        more = f", and {len(old) - 1} more" if len(old) > 1 else ""
        end = f"python -c \"from mlflow import MlflowClient; MlflowClient('{redacted(address(None))}').set_terminated('{run_id}', 'KILLED')\""
        text = f"{many(len(old), 'run')} said to run, though the process is likely gone: {first}{more}"
        yield Finding("store", "note", text, f"nnexp sync, if it was made here; else {end}")


def schemas() -> tuple[set[str], set[str]]:
    """The versions of tables that the installed MLflow knows, and the latest; read from its migrations without importing it."""
    spec = find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        raise StoreError("mlflow is not installed")
    revisions: set[str] = set()
    before: set[str] = set()
    for file in (Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions").glob(
        "*.py"
    ):
        text = file.read_text(encoding="utf-8")
        revisions.update(re.findall(r"""^revision\b.*=\s*["'](\w+)["']""", text, re.MULTILINE))
        for line in re.findall(r"^down_revision\b.*?=(.*)$", text, re.MULTILINE):
            before.update(re.findall(r"""["'](\w+)["']""", line))
    return revisions, revisions - before
