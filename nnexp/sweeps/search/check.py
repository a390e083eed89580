"""Checks of a search before its folder is made: Optuna is installed, and sampler and pruner fit the space."""

from importlib import import_module

from omegaconf import DictConfig

from nnexp.config.overrides.jobs import JobChecker
from nnexp.config.overrides.loader import CachingLoader
from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.metrics.objectives import objectives_of
from nnexp.sweeps.plan.search_settings import StudySettings, search_settings
from nnexp.sweeps.search.custom_space import OPTION, custom_space
from nnexp.sweeps.search.objectives import check_objectives, directions_of
from nnexp.sweeps.search.space import Space, overrides_of, space_of
from nnexp.sweeps.search.storage import check_storage
from nnexp.sweeps.search.study import MISSING, make_sampler


def check_search(config: DictConfig, loader: CachingLoader, config_name: str) -> None:
    """Raise a UserError where a search cannot begin."""
    settings = search_settings(config)
    try:
        for package in ["optuna", *(["cmaes"] if settings.sampler == "cmaes" else [])]:
            import_module(package)
    except ImportError as error:
        raise UserError(MISSING) from error
    params = config.hydra.sweeper.get("params") or {}
    extend = custom_space(settings, config)
    space = space_of(params, config.hydra.overrides.task, loader, extend)
    check_objectives(settings, objectives_of(config.optimized_metric), config.trainer.epochs)
    directions_of(settings, config)
    make_sampler(settings, space, config.seed)
    if extend is not None:
        check_custom_space(settings, space, config.seed, JobChecker.of(loader, config_name))
    if settings.seeds > 1 and "seed" in space.dimensions:
        problem = "each trial has its own seeds, so seed is not searched"
        raise UserError(f"search.seeds={settings.seeds}: {problem}; fix: search.seeds=1")
    if settings.storage is not None and not config.sweep.dry_run:
        check_storage(settings.storage)


def check_custom_space(settings: StudySettings, space: Space, seed: int, checker: JobChecker) -> None:
    """Raise a UserError where a function that extends the space fails, or draws what no job can have."""
    from optuna import create_study, logging

    logging.set_verbosity(logging.ERROR)
    trial = create_study(sampler=make_sampler(settings, space, seed)).ask()
    try:
        space.draw(trial)
    except ValueError as error:  # of a grid, which has no values of what is drawn
        problem = f"search.sampler={settings.sampler}: {first_line(error)}"
        raise UserError(f"{problem}; fix: search.sampler=tpe") from error
    checker.check(tuple(overrides_of(trial, space)), 0, {})
    if checker.problems:
        problems = [f"{one.where}: {one.what}" for one in checker.problems]
        raise UserError(f"{OPTION}={settings.custom_search_space}: drew {'; '.join(problems)}")
