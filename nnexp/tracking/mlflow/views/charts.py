"""The charts of MLflow's runs page, in sections: loss and score first, then the layers in their order."""

from collections.abc import Collection, Sequence
from typing import Any

from nnexp.messages import natural_key
from nnexp.metrics.metric_info import TASK_METRICS
from nnexp.run_folder import RESULTS

CURVES = ("train", "val")
LAYERS = ("activation_std", "activation_mean", "dead_units", "grad_norm", "weight_norm", "update_ratio")
RATES = ("", "grad")  # the learning rate and the norm of the whole gradient
FINAL = ("best", "test")
FIRST = (*CURVES, *LAYERS, *RATES, *FINAL)
COMPARISON = "Comparison"
PLAIN = "Model metrics"  # MLflow's section of metrics without a prefix
SYSTEM = "system"
LAST = ("sweep", "System metrics")  # sections of charts that MLflow adds
GENERATED = {"deleted": False, "isGenerated": True}  # MLflow may turn a bar into a line
LINE = {
    "type": "LINE",
    "runsCountToCompare": 10,
    "lineSmoothness": 0,
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "range": {},
    "xAxisKey": "step",
    "selectedXAxisMetricKey": "",
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}
BAR = {"type": "BAR", "runsCountToCompare": 10}

Charts = dict[str, list[dict[str, Any]]]


def charts(
    metrics: Collection[str], opened: Sequence[str], compared: Sequence[str] = (), score: str = ""
) -> Charts:
    """Return the charts of metrics and their sections, as the state of the page holds them.

    Args:
        metrics: those that the runs have; system metrics are left to MLflow.
        opened: the prefixes of sections that come first and are not collapsed.
        compared: params whose values are set against the score.
        score: a metric.
    """
    by_prefix: dict[str, list[str]] = {}
    for metric in sorted(metrics, key=_rank_in_section):
        by_prefix.setdefault(metric.rpartition("/")[0], []).append(metric)
    by_prefix.pop(SYSTEM, None)
    cards = _comparison(compared, score) if compared and score else []
    sections = [_section(COMPARISON, is_open=True)] if cards else []
    order = [*opened, *(prefix for prefix in FIRST if prefix not in opened)]
    for prefix in sorted(by_prefix, key=lambda name: (_index(name, order), natural_key(name))):
        name = prefix or PLAIN
        sections.append(_section(name, is_open=prefix in opened))
        cards += [
            {**GENERATED, **_kind(key), "metricSectionId": name, "metricKey": key}
            for key in by_prefix[prefix]
        ]
    sections += [_section(name, is_open=False) for name in LAST]
    for number, card in enumerate(cards):
        card["uuid"] = f"chart-{number}"
    return {"compareRunCharts": cards, "compareRunSections": sections}


def _kind(metric: str) -> dict[str, Any]:
    """Return the settings of a metric's chart: bars for what is logged once."""
    return BAR if metric.startswith((*RESULTS, "recall/")) else LINE


def _comparison(params: Sequence[str], score: str) -> list[dict[str, Any]]:
    """Return two charts: parallel coordinates of the params, and cost against score."""
    card = {"deleted": False, "isGenerated": False, "metricSectionId": COMPARISON}
    parallel = {
        "type": "PARALLEL",
        "selectedParams": [*params],
        "selectedMetrics": [score],
        "showAllRuns": True,
    }
    axes = {"xaxis": {"key": "time/total", "type": "METRIC"}, "yaxis": {"key": score, "type": "METRIC"}}
    return [card | parallel, card | {"type": "SCATTER", "runsCountToCompare": 100} | axes]


def _section(name: str, is_open: bool) -> dict[str, Any]:
    """Return a section; MLflow adds charts of other metrics at the end of one that counts as reordered."""
    return {"uuid": name, "name": name, "display": is_open, "isReordered": True} | GENERATED


def _rank_in_section(metric: str) -> tuple[int, tuple[Any, ...]]:
    """Sort loss before accuracy before other scores, and layers by their number."""
    name = metric.rpartition("/")[2]
    return _index(name.removeprefix("val_"), ("loss", *TASK_METRICS)), natural_key(name)


def _index(name: str, order: Sequence[str]) -> int:
    return order.index(name) if name in order else len(order)
