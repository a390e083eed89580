"""What the profile of a sweep shows, in a sentence or two: the title of its plot."""

from nnexp.analysis.estimate import Estimate
from nnexp.analysis.profile import Line, Point, Profile
from nnexp.analysis.results import GroupAnalysis
from nnexp.analysis.text.conclusion import compared_to, not_distinguishable
from nnexp.analysis.text.wording import format_interval
from nnexp.metrics.metric_info import format_metric

MAX_LINES = 3  # that a sentence names with their intervals
MAX_NAMES = 6  # lines that it names


def answer(profile: Profile, group: GroupAnalysis) -> str:
    """Say which value is best, with its 95 % interval, or from where to where each line goes."""
    bests = [line.best(group.direction) for line in profile.lines]
    ends = {profile.values[0], profile.values[-1]}
    is_trend = profile.is_numeric and len(profile.values) > 1 and len({point.value for point in bests}) == 1
    if is_trend and bests[0].value in ends and all(_has_ends(line, profile) for line in profile.lines):
        return _trend(profile, bests[0].value, group)
    if len(profile.lines) == 1:
        return _best_of_all(profile, bests[0], group)
    return _best_of_lines(profile, bests, group)


def _has_ends(line: Line, profile: Profile) -> bool:
    values = [point.value for point in line.points]
    return profile.values[0] in values and profile.values[-1] in values


def _trend(profile: Profile, best: str, group: GroupAnalysis) -> str:
    """Describe lines that are all best at the same end of the axis."""
    to_right = best == profile.values[-1]
    start, end = (0, -1) if to_right else (-1, 0)
    texts = []
    for line in profile.lines[:MAX_LINES]:
        first = format_metric(group.metric, line.points[start].estimate.mean)
        last = _result(line.points[end].estimate, group)
        texts.append(f"{line.label} {first} to {last}".strip())
    more = len(profile.lines) - len(texts)
    rest = f"; {more} more" if more else ""
    span = f"from {profile.values[start]} to {profile.values[end]}"
    return f"{group.metric} with {profile.label} {span}: {'; '.join(texts)}{rest}"


def _best_of_all(profile: Profile, best: Point, group: GroupAnalysis) -> str:
    name = best.value if not profile.is_numeric else f"{profile.label}={best.value}"
    return f"{group.metric} is best with {name}: {_result(best.estimate, group)}{_compared(group)}"


def _best_of_lines(profile: Profile, bests: list[Point], group: GroupAnalysis) -> str:
    """Name each line at its best value, with intervals if they are few; of many the first and the last."""
    pairs = list(zip(profile.lines, bests, strict=True))
    shown = pairs if len(pairs) <= MAX_NAMES else [*pairs[: MAX_NAMES - 1], pairs[-1]]
    texts = []
    for line, point in shown:
        mean = format_metric(group.metric, point.estimate.mean)
        result = _result(point.estimate, group) if len(pairs) <= MAX_LINES else mean
        texts.append(f"{line.label} {result} with {_at(profile, point)}")
    if len(shown) < len(pairs):
        texts[-1] = f"last {texts[-1]}"
    return f"{group.metric} of each at its best: {'; '.join(texts)}{_compared(group, 'the best is ')}"


def _at(profile: Profile, point: Point) -> str:
    return f"{profile.label}={point.value}" if profile.is_numeric else point.value


def _result(estimate: Estimate, group: GroupAnalysis) -> str:
    mean = format_metric(group.metric, estimate.mean)
    return mean if estimate.low is None else f"{mean} ({format_interval(estimate, group.metric)})"


def _compared(group: GroupAnalysis, subject: str = "") -> str:
    """Say whether the best is significantly better than the others; nothing where it was not tested."""
    best = group.best
    tested = compared_to(best, group.comparisons).values() if best is not None else ()
    n = sum(comparison.p is not None for comparison in tested)
    if not n:
        return ""
    untested = sum(setting.estimate is not None for setting in group.settings) - 1 - n
    scope = " that were tested" if untested > 0 else ""
    equal = len(not_distinguishable(group))
    if not equal:
        return f"; {subject}significantly better than all others{scope}"
    return f"; {subject}not significantly better than {equal} of the {n} others{scope}"
