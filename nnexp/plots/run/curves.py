"""Learning curves of a run: loss, score and learning rate."""

from collections.abc import Iterator
from functools import partial

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nnexp.metrics.metric_info import metric_info
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import RATE, REFERENCE, TRAIN, VALIDATION, add_axes, new_figure, plot_curve, set_title
from nnexp.run_folder import History, history
from nnexp.task import Task
from nnexp.tasks import task_of_metrics

PANELS = ((0.5, 3.9), (5.02, 3.9), (9.54, 2.5))  # left and width, in inches
MIN_R2 = -1.0


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the learning curves."""
    if run.epochs:
        results = [values for _, values in history(run.entries) if "best/epoch" in values]
        best = (results[-1].get("best/step") or results[-1]["best/epoch"]) if results else None
        yield "curves.png", partial(curves, run.epochs, run.unit, best, run.task)


def curves(
    epochs: History, unit: str = "epoch", best: float | None = None, task: Task | None = None
) -> Figure:
    """Draw loss, score and learning rate over epochs or steps (`unit`).

    The evaluation whose weights were kept, `best` or the one with the highest score, is marked.
    """
    task = task or task_of_metrics(epochs[0][1])
    assert task is not None
    steps = [step for step, _ in epochs]
    metrics = {name: [values[name] for _, values in epochs] for name in epochs[0][1]}
    scores = metrics.get(f"val/{task.score}", [])
    if best not in steps:
        best = steps[min(range(len(scores)), key=lambda i: (-scores[i], metrics["val/loss"][i]), default=-1)]
    which = (
        f" (best {unit} {best:.0f}: {task.format_score(scores[steps.index(int(best))])})" if scores else ""
    )
    figure = new_figure(12.2, 3.4)
    loss, score, rate = (add_axes(figure, (left, 0.5, width, 2.55), unit) for left, width in PANELS)
    for axes, name in ((loss, "loss"), (score, task.score)):
        plot_curve(axes, steps, metrics[f"train/{name}"], color=TRAIN, label="training (running mean)")
        if scores:
            plot_curve(axes, steps, metrics[f"val/{name}"], color=VALIDATION, label="validation")
            axes.axvline(best, color=REFERENCE, linewidth=0.8, linestyle="--", label=f"best {unit}")
    loss.set_ylim(bottom=0)
    loss.legend(fontsize=8, loc="upper right", edgecolor="none", borderpad=0)
    if metric_info(task.score).style == "percent":
        score.yaxis.set_major_formatter(PercentFormatter(1))
    else:
        score.set_ylim(max(MIN_R2, min(scores + metrics[f"train/{task.score}"]) - 0.05), 1.0)
    rate.plot(steps, metrics["lr"], color=RATE)
    rate.set_ylim(bottom=0)
    set_title(loss, "loss")
    set_title(score, f"{task.score_label}{which}")
    set_title(rate, f"learning rate, end of {unit}" if unit == "epoch" else "learning rate")
    for axes in (loss, score, rate):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure
