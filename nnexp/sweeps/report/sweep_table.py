"""The runs of a sweep as the plain table that statistics are computed from."""

import json
from collections.abc import Sequence
from contextlib import suppress

from nnexp.analysis.run_table import RunRow, RunTable
from nnexp.config.naming import NOT_LEARNT
from nnexp.metrics.metric_info import Direction
from nnexp.run_folder import CODE_TAG, DATASET, METRICS_TAG
from nnexp.runs.backends import RunError
from nnexp.runs.run import Run
from nnexp.runs.sweeps import Sweep

DATA_TAG = "nnexp.data_sha256"


def sweep_table(sweep: Sweep) -> RunTable:
    """Build the table of a sweep: a row for each run, in their order."""
    swept = list(sweep.record.get("swept", {}))
    known = {key for run in sweep.runs for key in run.params}
    return RunTable(
        rows=[run_row(run) for run in sweep.runs],
        swept=swept if known.issuperset(swept) else (),  # a preset that was swept is no param
        metric=sweep.record.get("metric"),
        objectives=sweep.record.get("objectives") or (),
        directions=directions(sweep.runs),
        examples=validation_examples(sweep.runs),
        ignored=NOT_LEARNT,
    )


def run_row(run: Run) -> RunRow:
    """Build the row of a run."""
    return RunRow(
        name=run.name,
        params=run.params,
        metrics=run.metrics,
        status=run.status,
        seconds=run.seconds,
        id=row_id(run),
        data=run.tags.get(DATA_TAG, ""),
        code=run.tags.get(CODE_TAG, ""),
        pruned=run.pruned,
    )


def validation_examples(runs: Sequence[Run]) -> dict[str, int]:
    """Read how many validation examples each data set has, from the record of one of its runs."""
    examples = {}
    for name, run in {run_row(run).data_name: run for run in reversed(runs)}.items():
        with suppress(RunError, OSError, LookupError, TypeError, ValueError):
            examples[name] = int(run.json(DATASET)["splits"]["validation"]["examples"])
    return examples


def row_id(run: Run) -> str:
    """Return the id of a run in the table: MLflow's, or its folder; each finds the run again."""
    return run.id or str(run.folder or "")


def directions(runs: Sequence[Run]) -> dict[str, Direction]:
    """Collect which values of metrics of one's own are better."""
    collected: dict[str, Direction] = {}
    for text in {run.tags.get(METRICS_TAG, "{}") for run in runs}:
        with suppress(ValueError):
            collected |= json.loads(text)
    return collected
