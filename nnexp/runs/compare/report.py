"""A comparison as one HTML page with its plots: no network, no scripts, no fonts."""

import time
from importlib import metadata
from pathlib import Path

from nnexp.analysis.estimate import LEVEL
from nnexp.analysis.text.wording import format_p
from nnexp.atomic_write import write_atomically
from nnexp.messages import duration
from nnexp.metrics.metric_info import format_metric, metric_info
from nnexp.plots.comparison import RunCurves
from nnexp.plots.style import COLORS
from nnexp.runs.compare.compared_run import LETTERS
from nnexp.runs.compare.comparison import ARROWS, Comparison
from nnexp.runs.compare.significance import corrected_level, is_tied
from nnexp.runs.html.page import Picture, local_time, page_environment, picture

PAGE, CURVES = "index.html", "curves.png"
MATRICES, DIFFERENCES = "confusion.png", "confusion-difference.png"
MIN_SCALE = 0.68  # of a matrix: its counts must stay readable; a narrower page scrolls it


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write page and plots; returns their paths, the page's first."""
    from nnexp.plots.comparison import all_curves, metric_curves, metric_names
    from nnexp.plots.layer_comparison import RunLayers, layer_profiles, profile_plot
    from nnexp.plots.run.confusion import confusion, difference
    from nnexp.plots.style import draw_side_by_side, save

    labels = ((f"{run.letter}  {run.run.name}", run) for run in comparison.runs)
    runs = [RunCurves(label=label, unit=run.run.unit, history=run.history) for label, run in labels]
    curves = [picture(metric_curves(runs, name)) for name in metric_names(runs)]
    of_layers = [RunLayers(run.steps) for run in comparison.runs]
    layers = [picture(profile_plot(of_layers, profile)) for profile in layer_profiles(of_layers)]
    plain = [
        confusion(each.matrix, each.classes, f"{each.letter}, {each.split}").draw()
        for each in comparison.confusion_matrices
    ]
    differences = [
        difference(each.matrix, each.baseline, each.classes, f"{each.other}, {each.split}", each.base).draw()
        for each in comparison.confusion_differences
    ]
    images = {MATRICES: plain, DIFFERENCES: differences}
    folder.mkdir(parents=True, exist_ok=True)
    page = render(comparison, curves, layers, list(map(picture, [*plain, *differences])))
    write_atomically(folder / PAGE, page.encode("utf-8", "backslashreplace"))  # JSON may hold lone surrogates
    save(all_curves(runs), folder / CURVES)
    for name, matrices in images.items():
        (folder / name).unlink(missing_ok=True)  # of an earlier comparison
        if matrices:
            save(draw_side_by_side(matrices), folder / name)
    return [folder / PAGE, folder / CURVES, *(folder / name for name, matrices in images.items() if matrices)]


def render(
    comparison: Comparison, curves: list[Picture], layers: list[Picture], matrices: list[Picture]
) -> str:
    """Render the page."""
    environment = page_environment("compare")
    functions = (duration, format_change, format_metric, format_p, format_points, is_tied, local_time)
    environment.globals |= {function.__name__: function for function in functions}
    environment.globals |= {"arrows": ARROWS, "min_scale": MIN_SCALE}
    level = corrected_level(comparison.results)
    return environment.get_template("page.html").render(
        comparison=comparison,
        summaries=["; ".join(filter(None, result.summary(level))) for result in comparison.results],
        level=level if level < LEVEL else None,
        colors=dict(zip(LETTERS, COLORS, strict=False)),
        curves=curves,
        layers=layers,
        matrices=matrices,
        now=time.time(),
        version=metadata.version("nnexp"),
    )


def format_change(metric: str, change: float) -> str:
    """Format a change of a metric with its sign: in points if it is a percentage."""
    return format_points(change) if metric_info(metric).style == "percent" else _signed(change, 4)


def format_points(*changes: float) -> str:
    """Format changes of a share in percentage points: from, to."""
    return f"{' to '.join(_signed(100 * change, 2) for change in changes)} points"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−") if round(value, digits) else f"{0:.{digits}f}"
