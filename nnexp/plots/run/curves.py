"""The curves of a run: loss, score and learning rate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnexp.plots.style import BEST, DPI, RATE, TRAIN, VALIDATION, panel, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 11.0, 3.4  # inches
LEFT, BETWEEN, RIGHT, BOTTOM, TOP = 0.5, 0.62, 0.15, 0.5, 0.35
SHARES = (4, 4, 2.6)  # of the width that the panels have
MOST_MARKED = 40  # points


def curves(
    epochs: Sequence[tuple[int, dict[str, float]]], unit: str = "epoch", kept: float | None = None
) -> "Figure":
    """Loss, score and learning rate over the epochs (or steps).

    Args:
        epochs: the metrics at each.
        unit: what is counted.
        kept: the evaluation whose weights were kept, which is marked; None: the one with the highest score.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    steps = [step for step, _ in epochs]

    def of(name: str) -> list[float]:
        return [values[name] for _, values in epochs]

    score = "accuracy" if "val/accuracy" in epochs[0][1] else "r2"
    best = (
        steps.index(int(kept))
        if kept in steps
        else min(range(len(steps)), key=lambda i: (-of(f"val/{score}")[i], of("val/loss")[i]))
    )
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI)
    panels = side_by_side(figure, unit)
    for axes, name in zip(panels[:2], ("loss", score), strict=True):
        marker = "o" if len(steps) <= MOST_MARKED else None
        axes.plot(
            steps,
            of(f"train/{name}"),
            color=TRAIN,
            marker=marker,
            markersize=3,
            label="training (while it learns)",
        )
        axes.plot(steps, of(f"val/{name}"), color=VALIDATION, marker=marker, markersize=3, label="validation")
        axes.axvline(steps[best], color=BEST, linewidth=0.8, linestyle="--")
    title(panels[0], "loss")
    panels[0].set_ylim(bottom=0)
    panels[0].legend(fontsize=8, loc="upper right", edgecolor="none", borderpad=0)
    value = of(f"val/{score}")[best]
    if score == "accuracy":
        title(panels[1], f"accuracy, best {value:.2%} in {unit} {steps[best]}")
        panels[1].yaxis.set_major_formatter(PercentFormatter(1))
    else:
        title(panels[1], f"R2, best {value:.4f} in {unit} {steps[best]}")
        panels[1].set_ylim(bottom=max(-1.0, min([*of("val/r2"), *of("train/r2")]) - 0.05), top=1.0)
    panels[2].plot(steps, of("lr"), color=RATE)
    title(panels[2], f"learning rate, end of {unit}" if unit == "epoch" else "learning rate")
    panels[2].set_ylim(bottom=0)
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def side_by_side(figure: "Figure", unit: str) -> "list[Axes]":
    """Three panels with room for the numbers at their left."""
    room = WIDTH - LEFT - 2 * BETWEEN - RIGHT
    panels, x = [], LEFT
    for share in SHARES:
        width = room * share / sum(SHARES)
        panels.append(panel(figure, x, BOTTOM, width, HEIGHT - BOTTOM - TOP, unit))
        x += width + BETWEEN
    return panels
