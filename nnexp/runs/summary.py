"""A run in five lines: as text, and as HTML for notebooks."""

from collections.abc import Mapping
from html import escape

from nnexp.messages import duration
from nnexp.metrics.metric_info import format_metric

LABEL = 9  # characters


def summarize(
    name: str, run_id: str, status: str, metrics: Mapping[str, float], trained: str, folder: object
) -> dict[str, str]:
    """Describe a run: five texts by their labels. `trained` is how long, in epochs or steps."""

    def results(prefix: str) -> str:
        texts = (
            f"{key.removeprefix(prefix)} {format_metric(key, value)}"
            for key, value in metrics.items()
            if key.startswith(prefix)
        )
        return ", ".join(texts) or "-"

    took = f", {duration(metrics['time/total'])}" if "time/total" in metrics else ""
    return {
        "run": f"{name}, {status}" + (f", id {run_id[:8]}" if run_id else ""),
        "trained": f"{trained}{took}",
        "best": results("best/"),
        "test": results("test/"),
        "folder": str(folder or "-"),
    }


def as_text(rows: Mapping[str, str]) -> str:
    """Format as lines."""
    return "\n".join(f"{label:{LABEL}}{text}" for label, text in rows.items())


def as_html(rows: Mapping[str, str]) -> str:
    """Format as a small table."""
    lines = (f"<tr><th>{label}</th><td>{escape(text)}</td></tr>" for label, text in rows.items())
    return f'<table style="text-align:left">{"".join(lines)}</table>'
