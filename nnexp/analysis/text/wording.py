"""How probabilities, differences and intervals are written."""

from nnexp.analysis.estimate import Estimate
from nnexp.analysis.results import GroupAnalysis, SettingSummary
from nnexp.messages import listed
from nnexp.metrics.metric_info import format_metric, metric_info

ROUNDING = 1e-12  # of shares: below it, a difference is an error of rounding
ABBREVIATIONS = ("r2", "auc", "mae", "rmse", "ece")


def format_p(p: float) -> str:
    """Format a p-value: the smaller, the more digits."""
    if p < 0.001:
        return f"{p:.1e}"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def format_amount(difference: float, metric: str) -> str:
    """Format the size of a difference of two scores in words."""
    size = abs(difference)
    if metric_info(metric).style == "percent":
        digits = ".2f" if size >= 1e-4 or size < ROUNDING else ".2g"
        return f"{100 * size:{digits}} percentage points"
    name = metric.rpartition("/")[2].removeprefix("val_")
    digits = ".4f" if 1e-3 <= size < 1e4 else ".3g"
    return f"{size:{digits}} of {name.upper() if name in ABBREVIATIONS else name}"


def format_difference(difference: Estimate, metric: str) -> str:
    """Format a difference with its sign and interval: "-1.20 percentage points (-1.90 to -0.50)"."""
    sign = "-" if difference.mean < 0 else "+"
    amount = f"{sign}{format_amount(difference.mean, metric)}"
    if difference.low is None or difference.high is None:
        return amount
    scale = 100 if metric_info(metric).style == "percent" else 1
    digits = ".2f" if scale == 100 else ".3g"
    return f"{amount} ({scale * difference.low:{digits}} to {scale * difference.high:{digits}})"


def format_estimate(estimate: Estimate, metric: str) -> str:
    """Format a mean with its standard deviation: "97.20% ± 0.31"; of one value only that."""
    mean = format_metric(metric, estimate.mean)
    if estimate.std is None:
        return mean
    if metric_info(metric).style == "percent":
        return f"{mean} ± {100 * estimate.std:.2f}"
    return f"{mean} ± {estimate.std:.2g}"


def format_interval(estimate: Estimate, metric: str) -> str:
    """Format the interval of a mean: "96.80% to 97.60%"; of one value "-"."""
    if estimate.low is None or estimate.high is None:
        return "-"
    bound = metric_info(metric).bound
    return f"{format_metric(metric, bound(estimate.low))} to {format_metric(metric, bound(estimate.high))}"


def rank_texts(group: GroupAnalysis) -> list[str]:
    """Return the rank of each setting, of several objectives its front; empty where it has no result."""
    texts = []
    for rank, setting in enumerate(group.settings, 1):
        number = setting.front if group.objectives else rank
        texts.append("" if setting.estimate is None or number is None else str(number))
    return texts


def result_text(setting: SettingSummary, metric: str) -> str:
    """Format the result of a setting; without one, where it was pruned, or nothing."""
    if setting.estimate is not None:
        return format_estimate(setting.estimate, metric)
    return f"pruned in {listed([*dict.fromkeys(setting.pruned)], 2)}" if setting.pruned else ""
