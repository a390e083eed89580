"""Whether several names are of different runs."""

from collections.abc import Sequence
from itertools import combinations

from nnexp.runs.backends import RunError
from nnexp.runs.ensembles import reference_to, short_reference
from nnexp.runs.run import Run


def check_distinct(named: Sequence[tuple[str, Run]]) -> None:
    """Raise a RunError if the same run stands under two names, or twice under one."""
    for (one, first), (other, second) in combinations(named, 2):
        if first.is_same(second):
            same = (
                f"{one} and {other} are the same run ({first.name}, {short_reference(reference_to(first))})"
            )
            raise RunError(f"{same}: name another; list the runs with: nnexp runs")
