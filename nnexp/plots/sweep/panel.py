"""The plots of a sweep as panels: each is drawn alone in a page, or beside the others in an image."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnexp.plots.style import FAINT, font_family, new_figure
from nnexp.plots.text import escape

WIDTH, HEIGHT = 5.2, 3.1  # of a panel, in inches
COLUMNS = 2
LEGEND_LINE, HEADLINE_LINE = 0.2, 0.22  # inches
CHARACTERS_PER_INCH = 15  # of a note
HEADLINE_PER_INCH = 11  # characters
LONG_NUMBER = re.compile(r"\d+\.\d{3,}(e[-+]?\d+)?")
MAX_VALUE = 24  # characters
MAX_LABEL = 110  # characters
LEGEND_PER_INCH, LEGEND_GAP = 10, 6  # characters of a legend; those that its line takes


@dataclass(frozen=True)
class Panel:
    """One pair of axes, and the function that draws into them."""

    draw: Callable[[Axes], None]
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class SweepPlot:
    """A plot of a sweep.

    Attributes:
        name: of its file.
        title: its heading.
        note: how to read it, in a sentence or two.
        legend: colours with their labels, of all panels.
        headline: what it shows, in a sentence or two that are drawn above it.
    """

    name: str
    title: str
    note: str
    panels: Sequence[Panel]
    legend: Sequence[tuple[str, str]] = ()
    headline: str = ""


def sentences(text: str, *notes: str) -> str:
    """Add notes, which begin small and have no full stop, to a text as sentences."""
    return " ".join([text, *(f"{note[0].upper()}{note[1:]}." for note in notes if note)])


def value_label(text: str) -> str:
    """Return a param's value, or a range of them, as the label of a tick: numbers with two digits."""
    return escape(LONG_NUMBER.sub(lambda match: f"{float(match[0]):.2g}", text), MAX_VALUE)


def draw_panel(panel: Panel) -> Figure:
    """Draw one panel, without the legend."""
    figure = new_figure(panel.width, panel.height, "constrained")
    panel.draw(figure.add_subplot())
    return figure


def draw_plot(plot: SweepPlot) -> Figure:
    """Draw all panels of a plot in two columns, note and legend below."""
    columns = min(COLUMNS, len(plot.panels))
    rows = [plot.panels[i : i + columns] for i in range(0, len(plot.panels), columns)]
    width = max(sum(panel.width for panel in row) for row in rows)
    note = fill(escape(plot.note), int(width * CHARACTERS_PER_INCH))
    labels = [escape(label, MAX_LABEL) for _, label in plot.legend]
    longest = max(map(len, labels), default=0) + LEGEND_GAP
    wide = max(1, min(len(labels), int(width * LEGEND_PER_INCH / longest)))
    lines = note.count("\n") + 2 + -(-len(labels) // wide)
    height = sum(max(panel.height for panel in row) for row in rows)
    headline = "\n".join(
        fill(escape(line), int(width * HEADLINE_PER_INCH)) for line in plot.headline.splitlines()
    )
    height += HEADLINE_LINE * (headline.count("\n") + 1 if headline else 0)
    figure = new_figure(width, height + LEGEND_LINE * lines, "constrained")
    if headline:
        figure.suptitle(headline, fontsize=11, fontfamily=font_family(), x=0.01, ha="left")
    subplots = list(figure.subplots(len(rows), columns, squeeze=False).flat)
    for axes, panel in zip(subplots, plot.panels, strict=False):
        panel.draw(axes)
    for axes in subplots[len(plot.panels) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=color, linewidth=3) for color, _ in plot.legend]
    options: dict[str, Any] = {
        "frameon": False,
        "fontsize": 9,
        "title_fontsize": 8,
        "loc": "outside lower center",
    }
    legend = figure.legend(handles, labels, ncols=wide, title=note, **options)
    legend.get_title().set_color(FAINT)
    return figure
