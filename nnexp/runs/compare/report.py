"""A comparison as one HTML file that needs nothing else: no network, no scripts, no fonts."""

import time
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib import metadata
from importlib.resources import files
from string import Template

from nnexp.messages import duration
from nnexp.metrics.metric_info import format_metric
from nnexp.plots.style import FONTS
from nnexp.runs.compare.compared_run import NONE, ComparedRun
from nnexp.runs.compare.comparison import Comparison, Member, Setting
from nnexp.runs.compare.html import (
    ABSENT,
    box,
    chip,
    delta,
    head,
    note,
    number,
    pictures,
    row,
    signed,
    table,
    text_cell,
)
from nnexp.runs.compare.metric_rows import Metric, shown
from nnexp.runs.compare.significance import LEVEL, McNemar, PairwiseResult, corrected, p_value, scored

ARROWS = {"higher": "↑", "lower": "↓", "": ""}
SMALLEST = 0.68  # of a matrix: the counts in it must stay readable
ID = 12  # characters of an id or digest
NO_CAUTIONS = "Nothing that is known of data, split, seed, code, threads and machine differs."
MCNEMAR = (
    "p is of McNemar's exact test (1947): how probable so uneven a split of the examples that only one of the two gets right would be, "
    "were both networks equally good. It speaks of these two networks and not of others from the same configurations: nothing is said of "
    "the variance over seeds. For that, train each with several: <code>nnexp -m seed=0,1,2,3,4 …</code>"
)


def page(found: Comparison, curves: Sequence[str], matrices: Sequence[str]) -> str:
    """The whole page.

    Args:
        found: what is told.
        curves: SVG of each panel.
        matrices: SVG of each difference of confusion matrices.
    """
    sides = found.sides
    sections = [
        legend(sides),
        cautions(found),
        section("How far apart", gaps(found)),
        section("The runs", box(head(sides), origins(sides))),
        section("Every difference in configuration", settings(found)),
        section("Metrics", metrics(found)),
        section(
            "Learning curves",
            legend(sides) + pictures(curves, "learning curves")
            if curves
            else note("No run has learning curves."),
        ),
        section(members_title(found), members(found)) if found.members else "",
        section("Mistakes, against the baseline", mistakes(found, matrices)) if matrices else "",
        section("What cannot be compared", note("; ".join(map(escape, found.left_out)) + "."))
        if found.left_out
        else "",
        section("To repeat them", repeats(sides)),
    ]
    main, _, rest = found.headline.partition("; ")
    return Template(files("nnexp.runs.compare").joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(f"{' / '.join(side.run.name for side in sides)}: nnexp compare"),
        headline=escape(main),
        kind="many" if len(sides) > 2 else "two",
        rest=escape(f"{rest[0].upper()}{rest[1:]}." if rest else ""),
        when=time.strftime("%Y-%m-%d %H:%M"),
        fonts=FONTS,
        body="\n".join(part for part in sections if part),
        footer=escape(f"nnexp {metadata.version('nnexp')}; the baseline is {sides[0].letter}"),
    )


def legend(sides: Sequence[ComparedRun]) -> str:
    """Letters, colours and names."""
    return f'<ul class="legend">{"".join(f"<li>{chip(side)} <span>{escape(side.run.name)}</span></li>" for side in sides)}</ul>'


def cautions(found: Comparison) -> str:
    """What should be known before numbers are believed."""
    items = (
        f"<li{' class=grave' if caution.grave else ''}><b>{escape(caution.what[0].upper() + caution.what[1:])}</b>: "
        f"{escape(caution.meaning)}.</li>"
        for caution in found.cautions
    )
    return f'<ul class="cautions">{"".join(items)}</ul>' if found.cautions else note(NO_CAUTIONS)


def gaps(found: Comparison) -> str:
    """Scores, their differences, and whether these are more than chance."""
    sides, by_side = found.sides, {id(gap.other): gap for gap in found.gaps}
    a, of = sides[0].letter, [by_side.get(id(side), PairwiseResult(side, side)) for side in sides]
    score, tested = "R2" if sides[0].score == "r2" else "accuracy", [gap.mcnemar for gap in of]

    def counted(read: Callable[[McNemar], str]) -> list[str]:
        return [ABSENT if test is None else number(read(test)) for test in tested]

    rows = [
        (
            f"best validation {score}",
            [scored_cell(gap.other, gap.other.validation, gap.validation) for gap in of],
        ),
        (f"test {score}", [scored_cell(gap.other, gap.other.test, gap.test) for gap in of]),
    ]
    text = []
    if any(tested):
        rows += [
            ("95% interval of the difference on test", counted(lambda test: points(test.interval))),
            (f"test examples right here, wrong in {a}", counted(lambda test: f"{test.only_other:,}")),
            (f"test examples right in {a}, wrong here", counted(lambda test: f"{test.only_base:,}")),
            ("p, McNemar's exact test", counted(lambda test: p_value(test.p))),
        ]
        text.append(MCNEMAR)
        if (level := corrected(found.gaps)) < LEVEL:
            text.append(
                f"Several runs are tested: a difference counts where p is below {level:.3g} (Bonferroni)."
            )
    reasons = {gap.other.letter: gap.untested for gap in found.gaps if gap.untested}
    text += [
        f"{letter}: whether the difference is chance was not tested: {escape(reason)}."
        for letter, reason in reasons.items()
    ]
    verdicts = (
        "".join(f"<p>{escape(gap.verdict(corrected(found.gaps)))}.</p>" for gap in found.gaps)
        if len(found.gaps) > 1
        else ""
    )
    return (
        verdicts
        + box(head(sides, numbers=True), (row(name, cells) for name, cells in rows))
        + "".join(map(note, text))
    )


def scored_cell(side: ComparedRun, value: float | None, difference: float | None) -> str:
    """A score, with its difference from the baseline's below."""
    if value is None:
        return ABSENT
    if difference is None:
        return number(scored(value, side.score))
    told = f"{signed(difference, 4)}" if side.score == "r2" else f"{signed(100 * difference, 2)} points"
    return f'<td class="n">{scored(value, side.score)}{delta(difference, told)}</td>'


def origins(sides: Sequence[ComparedRun]) -> Iterable[str]:
    """Where each run comes from."""

    def tag(side: ComparedRun, name: str) -> str:
        value = side.run.tags.get(name, "")
        return "" if value in NONE else value

    dirty = {"true": "yes", "false": "no"}
    rows = {
        "name": [side.run.name for side in sides],
        "id": [side.run.id[:ID] for side in sides],
        "experiment": [side.run.experiment for side in sides],
        "status": [side.run.status for side in sides],
        "started": [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(side.run.started)) for side in sides],
        "took": ["" if side.run.seconds is None else duration(side.run.seconds) for side in sides],
        "seed": [side.run.params.get("seed", "") for side in sides],
        "data": [f"{side.data_name} {side.data_sha256[:ID]}" for side in sides],
        "commit": [tag(side, "nnexp.git_commit")[:ID] for side in sides],
        "uncommitted changes": [dirty.get(tag(side, "nnexp.git_dirty"), "") for side in sides],
        "machine": [side.machine() for side in sides],
        "threads": [str(side.environment.get("threads", "")) for side in sides],
    }
    return (row(name, map(text_cell, values)) for name, values in rows.items() if any(values))


def settings(found: Comparison) -> str:
    """Every param that differs."""
    if not found.settings:
        return note("None: the configurations are the same.")

    def line(setting: Setting) -> str:
        first, *others = setting.values
        cells = [
            text_cell(first, "code"),
            *(text_cell(value, "code", "" if value == first else " changed") for value in others),
        ]
        return row(f"<code>{escape(setting.key)}</code>", cells)

    parts = [line(setting) for setting in found.settings if setting.learnt]
    if rest := [line(setting) for setting in found.settings if not setting.learnt]:
        parts += [
            f'<tr class="part"><th colspan="{1 + len(found.sides)}">these change nothing of what is learnt</th></tr>',
            *rest,
        ]
    return box(head(found.sides, "param"), parts)


def metrics(found: Comparison) -> str:
    """Every metric; those that few people look for folded up."""

    def line(metric: Metric) -> str:
        arrow = (
            f' <span class="arrow" title="{metric.better} is better">{ARROWS[metric.better]}</span>'
            if metric.better
            else ""
        )
        told = [None if value is None else shown(metric.name, value) for value in metric.values]
        cells = [number(text, " best" if i in metric.best else "") for i, text in enumerate(told)]
        return row(f"<code>{escape(metric.name)}</code>{arrow}", cells)

    heading = head(found.sides, "metric", numbers=True)
    rest = [line(metric) for metric in found.metrics if not metric.shown]
    folded = f'<details><summary>{len(rest)} more metrics</summary><div class="box tall">{table(heading, rest)}</div></details>'
    told = "best/… and test/… are of the weights that were kept, the others of the last epoch. ↑ more is better, ↓ less; the best is marked."
    return (
        note(told)
        + box(heading, [line(metric) for metric in found.metrics if metric.shown])
        + (folded if rest else "")
    )


def members_title(found: Comparison) -> str:
    """What the table of classes, labels or targets is called."""
    kind = {
        "classification": "Recall of each class",
        "multilabel": "Recall of each label",
        "regression": "R2 of each target",
    }
    return f"{kind[found.sides[0].task]}, {found.part}"


def members(found: Comparison) -> str:
    """How well each run does on each class."""
    sides = found.sides
    as_share = sides[0].score == "accuracy"
    widest = (
        max(
            (
                abs(value - (m.values[0] or 0))
                for m in found.members
                for value in m.values
                if value is not None
            ),
            default=0,
        )
        or 1
    )

    def cell(member: Member, value: float | None) -> str:
        told = None if value is None else format_metric("recall", value) if as_share else f"{value:.4f}"
        first = member.values[0]
        if value is None or first is None or value is first:
            return number(told)
        change = value - first
        words = f"{signed(100 * change, 2)} points" if as_share else signed(change, 4)
        kind = "up" if change > 0 else "down"
        bar = (
            f'<span class="bar"><i class="{kind}" style="width:{50 * abs(change) / widest:.1f}%"></i></span>'
        )
        return f'<td class="n">{told}{delta(change, bar + words)}</td>'

    heading = head(sides, "", '<th class="n">examples</th>', numbers=True)
    lines = (
        row(
            escape(m.name),
            [number(f"{m.examples:,}"), cell(m, m.values[0]), *(cell(m, value) for value in m.values[1:])],
        )
        for m in found.members
    )
    return f'<div class="box tall members">{table(heading, lines)}</div>'


def mistakes(found: Comparison, matrices: Sequence[str]) -> str:
    """Differences of confusion matrices."""
    base = found.sides[0].letter
    told = (
        f"Counts of {found.part} examples, less those of {base}. Off the diagonal + is a mistake more, on it (framed) + is a right answer "
        "more. Red is worse, blue is better on both; how deep, by the share of the true class."
    )
    return note(told) + pictures(matrices, "difference of confusion matrices", " whole", SMALLEST)


def repeats(sides: Sequence[ComparedRun]) -> str:
    """The commands that make each run again."""
    return (
        '<div class="repeat">'
        + "".join(
            f'<div class="box">{chip(side)}<pre>{escape(chr(10).join(side.repeat()))}</pre></div>'
            for side in sides
        )
        + "</div>"
    )


def section(title: str, content: str) -> str:
    """A heading and what stands under it."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def points(interval: tuple[float, float]) -> str:
    """From and to, in percentage points."""
    return f"{' to '.join(signed(100 * end, 2) for end in interval)} points"
