"""The comparison of runs: all differences in configuration and results, by class too."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from nnexp.config.naming import changes_learning
from nnexp.messages import natural_key, plural
from nnexp.metrics.metric_info import TASK_METRICS, Direction, format_metric, metric_info
from nnexp.redaction import redacted
from nnexp.run_folder import is_ensemble
from nnexp.runs.compare.caveats import Caveat, find_caveats
from nnexp.runs.compare.compared_run import LETTERS, ComparedRun
from nnexp.runs.compare.matrices import (
    SPLIT_NAMES,
    ConfusionDifference,
    ConfusionMatrix,
    confusion_differences,
    confusion_matrices,
)
from nnexp.runs.compare.significance import OTHER_EXAMPLES, Headline, PairwiseResult, headline
from nnexp.runs.query import Run, RunError

MIN_RUNS = 2
MAX_RUNS = len(LETTERS)
MAX_MATRICES = 3  # runs whose confusion matrices are compared with the baseline's
MAIN = ("best/", "test/", "val/", "train/", "time/", "examples_per_second")  # prefixes of the main metrics
ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}


@dataclass(frozen=True)
class ParamDifference:
    """A param that differs between runs (None: missing), and whether it changes what is learned."""

    key: str
    values: list[str | None]
    learned: bool


@dataclass(frozen=True)
class MetricRow:
    """The last value of a metric in each run; where they are not comparable, none is the best."""

    name: str
    values: list[float | None]
    direction: Direction
    best: frozenset[int]
    is_main: bool

    def texts(self, absent: str) -> list[str]:
        """Format the values."""
        return [absent if value is None else format_metric(self.name, value) for value in self.values]


@dataclass(frozen=True)
class OutputRow:
    """A class, label or target: its examples, and the score of each run (None: unknown)."""

    name: str
    examples: int
    values: list[float | None]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side; the first is the baseline, `skipped` is what could not be compared."""

    runs: list[ComparedRun]
    headline: Headline
    results: list[PairwiseResult]
    caveats: list[Caveat]
    params: list[ParamDifference]
    metrics: list[MetricRow]
    split: str
    outputs: list[OutputRow]
    confusion_matrices: list[ConfusionMatrix]
    confusion_differences: list[ConfusionDifference]
    skipped: list[str]


def compare(recorded: Sequence[Run]) -> Comparison:
    """Compare two to ten runs."""
    check_number(len(recorded))
    runs = [ComparedRun.read(letter, run) for letter, run in zip(LETTERS, recorded, strict=False)]
    base = runs[0]
    others = runs[1:]
    results = [PairwiseResult.between(base, other) for other in others]
    comparable = [result.other for result in results if not result.incomparable_reason]
    common = (s for s in ("test", "val") if s in base.reports and any(s in run.reports for run in others))
    split = next(common, "")
    matrices = confusion_matrices([base, *comparable[:MAX_MATRICES]], split)
    reasons = {result.other.letter: result.incomparable_reason for result in results}
    skipped = [f"{letter} with {base.letter}: {reason}" for letter, reason in reasons.items() if reason]
    if not split:
        skipped.append("errors by class: the baseline and another run need reports of the same split")
    if len(comparable) > MAX_MATRICES:
        skipped.append(f"more than {MAX_MATRICES} confusion matrices: name fewer runs")
    return Comparison(
        runs=runs,
        headline=headline(results),
        results=results,
        caveats=find_caveats(runs),
        params=differing_params(runs),
        metrics=metric_rows(runs, results),
        split=SPLIT_NAMES.get(split, ""),
        outputs=_output_rows(runs, {run.letter for run in (base, *comparable)}, split),
        confusion_matrices=matrices,
        confusion_differences=confusion_differences(matrices),
        skipped=skipped,
    )


def check_number(n: int) -> None:
    """Raise an error if there are too few or too many runs."""
    if not MIN_RUNS <= n <= MAX_RUNS:
        example = "e.g. nnexp compare best last; list the runs with: nnexp runs"
        raise RunError(f"{plural(n, 'run')} to compare, expected {MIN_RUNS} to {MAX_RUNS}: {example}")


def differing_params(runs: Sequence[ComparedRun]) -> list[ParamDifference]:
    """Find every param that differs or that some runs lack; first those that change what is learned.

    What an ensemble lacks, the settings of training, is no difference.
    """

    def differs(values: Sequence[str | None]) -> bool:
        pairs = zip(runs, values, strict=True)
        return len({v for run, v in pairs if v is not None or not is_ensemble(run.run.description)}) > 1

    keys = sorted({key for run in runs for key in run.run.params})
    rows = {key: [run.run.params.get(key) for run in runs] for key in keys}
    differences = [
        ParamDifference(key, [value and redacted(value) for value in row], changes_learning(key))
        for key, row in rows.items()
        if differs(row)
    ]
    return sorted(differences, key=lambda difference: not difference.learned)


def metric_rows(runs: Sequence[ComparedRun], results: Sequence[PairwiseResult]) -> list[MetricRow]:
    """Collect every metric that any of the runs has; main metrics first."""

    def rank(name: str) -> tuple[int, int, tuple[Any, ...]]:
        prefix = next((i for i, prefix in enumerate(MAIN) if name.startswith(prefix)), len(MAIN))
        short = name.rpartition("/")[2].removeprefix("val_")
        order = TASK_METRICS.index(short) if short in TASK_METRICS else len(TASK_METRICS)
        return prefix, order, natural_key(name)

    def is_comparable(name: str) -> bool:
        if metric_info(name).cost:
            return True
        wrong_loss = name.endswith("loss") and not same_loss
        return same_task and not wrong_loss and (same_test or not name.startswith("test/"))

    same_loss = len({run.loss for run in runs}) == 1
    same_task = not any(result.incomparable_reason for result in results)
    same_test = not any(result.test_skipped_reason == OTHER_EXAMPLES for result in results)
    rows = []
    for name in sorted({name for run in runs for name in run.run.metrics}, key=rank):
        values = [run.run.metrics.get(name) for run in runs]
        direction: Direction = "neither"
        if is_comparable(name):
            directions = (run.run.direction(name) for run in runs)
            direction = next((one for one in directions if one != "neither"), "neither")
        rows.append(MetricRow(name, values, direction, _best(values, direction), rank(name)[0] < len(MAIN)))
    return rows


def _best(values: Sequence[float | None], direction: Direction) -> frozenset[int]:
    known = {i: value for i, value in enumerate(values) if value is not None and not math.isnan(value)}
    if direction == "neither" or len(set(known.values())) < 2:
        return frozenset()
    best = (max if direction == "higher" else min)(known.values())
    return frozenset(i for i, value in known.items() if value == best)


def _output_rows(runs: Sequence[ComparedRun], letters: Collection[str], split: str) -> list[OutputRow]:
    rows = [{name: value for name, _, value in run.outputs(split) if run.letter in letters} for run in runs]
    outputs = runs[0].outputs(split) if len(letters) > 1 else []
    return [OutputRow(name, examples, [row.get(name) for row in rows]) for name, examples, _ in outputs]
