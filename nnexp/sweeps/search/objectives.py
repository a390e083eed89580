"""What a search optimizes: whether each objective is maximized, and what cannot be done with several."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnexp.config.build import construct
from nnexp.config.schema import SearchSettings, StudyDirection
from nnexp.errors import UserError
from nnexp.messages import override
from nnexp.metrics.metric_info import BEST, TEST, metric_info
from nnexp.metrics.objectives import objectives_of
from nnexp.sweeps.search.trial import intermediate_metric


def directions_of(settings: SearchSettings, config: DictConfig) -> list[StudyDirection]:
    """Return whether each objective is maximized or minimized: as asked for, else by its metric.

    Raises:
        UserError: there are more or fewer directions than objectives.
    """
    objectives = objectives_of(config.optimized_metric)
    asked = settings.direction
    own = OmegaConf.to_container(config.metrics, resolve=True)
    if asked is None:
        return [direction_of(name, own) for name in objectives] or ["maximize"]
    directions = [asked] if isinstance(asked, str) else [*asked]
    if len(directions) != max(len(objectives), 1):
        expected = f"expected one for each of {max(len(objectives), 1)}, got {len(directions)}"
        raise UserError(f"search.direction: {expected}; fix: search.direction=null (by the metric)")
    return directions


def direction_of(objective: str, own: Any) -> StudyDirection:
    """Return how a metric is optimized; `own` are the sections of metrics of one's own, by name."""
    name = objective.removeprefix(BEST).removeprefix(TEST)
    direction = metric_info(objective).direction
    if own and name in own:
        metric, _ = construct(f"metrics.{name}", own[name])
        direction = getattr(metric, "direction", direction)
    return "minimize" if direction == "lower" else "maximize"


def check_objectives(settings: SearchSettings, objectives: Sequence[str], epochs: int) -> None:
    """Raise a UserError where a pruner has nothing to decide by, or the sampler takes one objective only."""
    if len(objectives) > 1 and settings.sampler == "cmaes":
        problem = f"optimizes one objective, and optimized_metric names {len(objectives)}"
        raise UserError(f"search.sampler=cmaes: {problem}; fix: search.sampler=tpe")
    if settings.pruner is None:
        return
    where, fix = f"search.pruner={settings.pruner}", "fix: search.pruner=null"
    if len(objectives) > 1:
        problem = f"prunes by one objective, and optimized_metric names {len(objectives)}"
        one = override("optimized_metric", objectives[0])
        raise UserError(f"{where}: {problem}; {fix} or {one}")
    if epochs < 2:
        raise UserError(f"{where}: prunes between epochs, and a trial has one; {fix}")
    if objectives and intermediate_metric(objectives[0]) is None:
        raise UserError(f"{where}: optimized_metric={objectives[0]} has no value in each epoch; {fix}")
