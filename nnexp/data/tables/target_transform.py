"""Check that the targets of a table suit `data.target_transform`, and float32: N rows, T targets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.data.tables.column_buffers import NumberColumns
from nnexp.data.tables.column_statistics import describe_pair, describe_steps, sampled_pair
from nnexp.data.tables.reader import ColumnType
from nnexp.data.tables.target import TargetColumn
from nnexp.messages import listed, override
from nnexp.preprocessing.columns import DescribeRow
from nnexp.preprocessing.scaling import TRANSFORMS, Transform

KEY = "data.target_transform"


def check_numbers(targets: Mapping[str, ColumnType], transform: Transform) -> None:
    """Require that the targets are columns of numbers; raise a `DataError` otherwise."""
    if texts := [name for name, column_type in targets.items() if column_type == "text"]:
        problem = f"the target {texts[0]!r} holds text, and {KEY}={transform} needs numbers"
        raise DataError(problem, "correct the column", override(KEY, None))


def describe_learnt(names: Sequence[str], transform: Transform) -> str:
    """Describe what is learnt in place of the targets of these names."""
    learnt = ", ".join(f"{transform}({name})" for name in names)
    units = "scores are in the target's own units, the loss is not"
    return f"{learnt} is learnt: predictions estimate the median, not the mean; {units}"


def check_domain(
    y: NDArray[Any], names: Sequence[str], transform: Transform, rows: Rows, describe_row: DescribeRow
) -> None:
    """Require that the targets y (N, T) of these rows (N,) exceed the transform's limit.

    Raises:
        DataError: one does not.
    """
    limit = TRANSFORMS[transform][2]
    if (outside := ~(y > limit)).any():
        n, t = np.argwhere(outside)[0].tolist()
        where = f"the target {names[t]!r} is {y[n, t]:g} in {describe_row(int(rows[n]))}"
        others = [other for other, (_, _, lowest) in TRANSFORMS.items() if (y > lowest).all()]
        problem = f"{where}, and {KEY}={transform} needs numbers above {limit:g}"
        raise DataError(problem, "correct the value", override(KEY, others[0] if others else None))


def precision_notes(target: TargetColumn) -> list[str]:
    """Note numbers of a regression's targets that become one when they are standardized."""
    if not target.targets or target.labels or not isinstance(target.buffer, NumberColumns):
        return []
    statistics = target.buffer.statistics
    constant = {name for name, same in zip(target.targets, statistics.constant, strict=True) if same}
    merged = []
    for j, name in enumerate(target.targets):
        sample = statistics.sample(j)
        mean = float(sample.mean()) if len(sample) else 0.0
        if name not in constant and (pair := sampled_pair(sample, mean, mean)):
            merged.append(describe_pair(name, pair))
    suited = [transform for transform, (_, _, limit) in TRANSFORMS.items() if (statistics.low > limit).all()]
    remedy = f"fix: {override(KEY, suited[0])}" if suited else "fix: correct extreme numbers"
    problem = f"different numbers of the target become one in float32: {listed(merged)}; {remedy}"
    steps = {name: statistics.coarse_step(j) for j, name in enumerate(target.targets)}
    rounded = describe_steps({name: step for name, step in steps.items() if step and name not in constant})
    return rounded + ([problem] if merged else [])
