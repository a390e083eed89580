"""Checks of a search before its folder is made: Optuna is installed, and sampler and pruner fit the space."""

from importlib import import_module

from omegaconf import DictConfig

from nnexp.config.overrides.loader import CachingLoader
from nnexp.errors import UserError
from nnexp.metrics.objectives import objectives_of
from nnexp.sweeps.plan.search_settings import search_settings
from nnexp.sweeps.search.objectives import check_objectives, directions_of
from nnexp.sweeps.search.space import split_overrides
from nnexp.sweeps.search.storage import check_storage
from nnexp.sweeps.search.study import MISSING, make_sampler


def check_search(config: DictConfig, loader: CachingLoader | None) -> None:
    """Raise a UserError where a search cannot begin."""
    settings = search_settings(config)
    try:
        for package in ["optuna", *(["cmaes"] if settings.sampler == "cmaes" else [])]:
            import_module(package)
    except ImportError as error:
        raise UserError(MISSING) from error
    params = config.hydra.sweeper.get("params") or {}
    space, _ = split_overrides(params, config.hydra.overrides.task, loader)
    check_objectives(settings, objectives_of(config.optimized_metric), config.trainer.epochs)
    directions_of(settings, config)
    make_sampler(settings, space, 0)
    if settings.seeds > 1 and "seed" in space:
        problem = "each trial has its own seeds, so seed is not searched"
        raise UserError(f"search.seeds={settings.seeds}: {problem}; fix: search.seeds=1")
    if settings.storage is not None and not config.sweep.dry_run:
        check_storage(settings.storage)
