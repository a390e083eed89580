"""Main effects: what each param does on average over all others, from runs that differ in nothing else."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Literal

from nnexp.analysis.comparisons import Sample, compare, correct
from nnexp.analysis.estimate import estimate, resolution_of
from nnexp.analysis.levels import Levels, levels_of
from nnexp.analysis.results import Level, MainEffect
from nnexp.analysis.run_group import RunGroup
from nnexp.analysis.settings import overlap_of
from nnexp.messages import listed, plural

Repeat = tuple[str, ...]
Block = tuple[Hashable, ...]  # the values of all params but one
Cells = dict[tuple[Block, Repeat], dict[int, float]]  # the mean of each level's runs
NO_BLOCKS = "no two runs differ in this param alone: the others are averaged over as they happen to be"


def main_effects(group: RunGroup) -> tuple[MainEffect, ...]:
    """Return the effect of each param that makes settings; the largest comes first.

    The comparisons of all levels of all params are corrected together.
    """
    effects = [effect for key in group.keys if (effect := main_effect(group, key)) is not None]
    corrected = iter(correct([each for effect in effects for each in effect.comparisons]))
    effects = [
        replace(effect, comparisons=tuple(next(corrected) for _ in effect.comparisons)) for effect in effects
    ]
    return tuple(sorted(effects, key=lambda effect: -effect.size))


def main_effect(group: RunGroup, key: str) -> MainEffect | None:
    """Average over complete blocks: runs of equal other params and repeat, in which all levels have a result.

    A level that has a result in less than half of the blocks (others diverged) is left out. Where each block
    has one level (random search), levels are averaged as they are. None: there are no two levels.
    """
    rows = [row for row in group.rows if group.value(row) is not None and key in row.params]
    levels = levels_of(rows, key)
    cells = _cells(group, levels)
    counts = [sum(level in cell for cell in cells.values()) for level in range(len(levels.names))]
    kept = [level for level, count in enumerate(counts) if 2 * count >= max(counts)]
    if len(kept) < 2:
        return None
    complete = {block: cell for block, cell in cells.items() if all(level in cell for level in kept)}
    units = _units(complete or cells, bool(complete))
    overlap = overlap_of(group) if units.name == "repeats" else 0.0
    values = {level: units.of(level, complete or cells) for level in kept}
    samples = [Sample(levels.names[level], values[level]) for level in kept]
    resolution = resolution_of([value for sample in samples for value in sample.values.values()])
    return MainEffect(
        key=key,
        label=group.labels[key],
        levels=tuple(
            Level(each.label, estimate(list(each.values.values()), overlap, resolution)) for each in samples
        ),
        unit=units.name,
        comparisons=tuple(compare(a, b, overlap, resolution) for a, b in combinations(samples, 2)),
        note=_note(levels, kept, counts, len(cells), len(complete)),
    )


@dataclass(frozen=True)
class _Units:
    """What was repeated independently of each other: seeds and folds, else blocks."""

    name: Literal["repeats", "settings"]

    def of(self, level: int, cells: Cells) -> Mapping[Hashable, float]:
        """Return the mean of a level for each unit."""
        members: dict[Hashable, list[float]] = {}
        for (block, repeat), cell in cells.items():
            if level in cell:
                members.setdefault(repeat if self.name == "repeats" else block, []).append(cell[level])
        return {unit: fmean(values) for unit, values in members.items()}


def _units(cells: Cells, are_complete: bool) -> _Units:
    """Choose repeats where there are several in common, or nothing else differs."""
    blocks = {block for block, _ in cells}
    repeats = {repeat for _, repeat in cells}
    return _Units("repeats" if len(repeats) > 1 and (are_complete or len(blocks) == 1) else "settings")


def _cells(group: RunGroup, levels: Levels) -> Cells:
    members: dict[tuple[Block, Repeat], dict[int, list[float]]] = {}
    others = [key for key in group.keys if key != levels.key]
    for row in group.rows:
        value = group.value(row)
        level = levels.of(row)
        if value is not None and level is not None:
            block = tuple(row.params.get(key) for key in others)
            members.setdefault((block, group.repeat(row)), {}).setdefault(level, []).append(value)
    return {key: {level: fmean(values) for level, values in cell.items()} for key, cell in members.items()}


def _note(levels: Levels, kept: list[int], counts: list[int], blocks: int, complete: int) -> str:
    """Describe what was left out, and why."""
    notes = []
    dropped = [name for level, name in enumerate(levels.names) if level not in kept]
    if dropped:
        notes.append(f"{listed(dropped)}: fewer than half of the runs of others have a result, left out")
    if not complete:
        notes.append(NO_BLOCKS)
    elif complete < blocks and complete < max(counts):
        rest = plural(blocks - complete, "comparable set")
        notes.append(f"{rest} of runs of {blocks:,} left out: not every value has a result in them")
    return "; ".join(notes)
