"""The pieces of HTML that a comparison's page is made of: tables with a column for each run, what stands in their cells, pictures."""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape

from nnexp.plots.style import COLORS
from nnexp.runs.compare.compared_run import LETTERS, ComparedRun
from nnexp.runs.compare.significance import tied

ABSENT = '<td class="n absent">–</td>'
PIXELS = 96 / 72  # of a page, in a point
LONG = 48  # characters of a cell that wants to be wide


def note(html: str) -> str:
    """Small print."""
    return f'<p class="note">{html}</p>'


def chip(side: ComparedRun) -> str:
    """A run's letter in its colour."""
    color = COLORS[LETTERS.index(side.letter)]
    return (
        f'<span class="chip" style="background:{color}" title="{escape(side.run.name)}">{side.letter}</span>'
    )


def head(sides: Sequence[ComparedRun], label: str = "", more: str = "", numbers: bool = False) -> str:
    """The top row: a column for each run."""
    kind = ' class="n"' if numbers else ""
    return (
        f"<tr><th>{escape(label)}</th>{more}{''.join(f'<th{kind}>{chip(side)}</th>' for side in sides)}</tr>"
    )


def table(heading: str, rows: Iterable[str]) -> str:
    """A table of rows."""
    return f"<table><thead>{heading}</thead><tbody>{''.join(rows)}</tbody></table>"


def box(heading: str, rows: Iterable[str]) -> str:
    """A table that scrolls in itself where the page is narrow."""
    return f'<div class="box">{table(heading, rows)}</div>'


def row(name: str, cells: Iterable[str]) -> str:
    """A row; its name is HTML."""
    return f"<tr><th>{name}</th>{''.join(cells)}</tr>"


def number(text: str | None, kind: str = "") -> str:
    """A cell of a number; None: there is none."""
    return ABSENT if not text else f'<td class="n{kind}">{escape(text)}</td>'


def text_cell(text: str | None, tag: str = "span", kind: str = "") -> str:
    """A cell of words; None or empty: there are none."""
    if not text:
        return f'<td class="text absent{kind}">–</td>'
    return f'<td class="text{kind}{" long" if len(text) > LONG else ""}"><{tag}>{escape(text)}</{tag}></td>'


def delta(difference: float, told: str) -> str:
    """A difference in the colour of better or worse."""
    kind = "" if tied(difference) else " up" if difference > 0 else " down"
    return f'<span class="delta{kind}">{told}</span>'


def signed(value: float, digits: int) -> str:
    """A number with its sign; 0 has none."""
    return f"{value:+.{digits}f}".replace("-", "−") if round(value, digits) else f"{0:.{digits}f}"


def pictures(svgs: Sequence[str], what: str, kind: str = "", least: float = 0.0) -> str:
    """Pictures, each a part of the file, on white.

    Args:
        svgs: of each.
        what: they show.
        kind: of the grid that they stand in.
        least: share of its own size below which a picture is not made smaller, but scrolls; 0: as small, or large, as there is room.
    """

    def picture(svg: str) -> str:
        width = float(re.findall(r'width="([\d.]+)pt"', svg)[0]) * PIXELS
        size = f' style="min-width:{least * width:.0f}px;max-width:{width:.0f}px"' if least else ""
        data = base64.b64encode(svg.encode()).decode()
        return f'<div class="picture"><img alt="{escape(what)}"{size} src="data:image/svg+xml;base64,{data}"></div>'

    return f'<div class="pictures{kind}">{"".join(map(picture, svgs))}</div>'
