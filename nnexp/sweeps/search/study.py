"""The study of a search: its sampler, its storage, and what it optimizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from numpy.random import SeedSequence

from nnexp.config.schema import SearchSettings, StudyDirection
from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.sweeps.plan.search_settings import SAMPLERS, StudySettings
from nnexp.sweeps.search.pruners import make_pruner
from nnexp.sweeps.search.space import Space
from nnexp.sweeps.search.storage import address, open_storage

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study

OWNER = "nnexp.sweep_id"  # user attribute of a study
WITHOUT_CONDITIONS = ("cmaes", "grid", "qmc")
"""Samplers that draw from the same dimensions in each trial."""
STUDY = "study.log"  # in the sweep's folder
DEFAULTS: dict[str, dict[str, Any]] = {
    "tpe": {"multivariate": True, "group": True, "constant_liar": True},
    "cmaes": {"warn_independent_sampling": False},
    "qmc": {"scramble": True},
}
"""Options of samplers that differ from Optuna's."""
MISSING = "a search needs Optuna; fix: pip install 'nnexp[search]'"


def address_of(settings: SearchSettings, folder: Path) -> str:
    """Return where the study of a sweep's folder is stored."""
    return address(settings.storage or str(folder / STUDY))


def study_name(settings: SearchSettings, folder: Path) -> str:
    """Return the name of the study of a sweep's folder: by default the sweep's id."""
    return settings.study_name or sweep_id(folder)


def sweep_id(folder: Path) -> str:
    """Return the id of the sweep in a folder."""
    return f"{folder.parent.name}/{folder.name}"


def open_study(
    settings: SearchSettings, folder: Path, *, directions: Sequence[StudyDirection], epochs: int
) -> "Study":
    """Create the study of a search, or open the one that its folder has; `directions` of the objectives.

    Raises:
        UserError: Optuna is not installed, or the study is of another sweep.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError(MISSING) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(address_of(settings, folder))
    study = optuna.create_study(
        storage=storage,
        study_name=study_name(settings, folder),
        directions=directions,
        pruner=make_pruner(settings.pruner, epochs),
        load_if_exists=True,
    )
    owner = study.user_attrs.get(OWNER, sweep_id(folder) if not study.get_trials(deepcopy=False) else "")
    if owner != sweep_id(folder):
        problem = f"the storage has a study of this name, of {f'the sweep {owner}' if owner else 'no sweep'}"
        fix = f"sweep.resume={owner}, or " if owner else ""
        raise UserError(f"search.study_name={settings.study_name}: {problem}; fix: {fix}another name")
    study.set_user_attr(OWNER, owner)
    return study


def make_sampler(settings: StudySettings, space: Space, seed: int, number: int = 0) -> "BaseSampler":
    """Make the sampler of a trial, which draws the same whether or not the search was interrupted.

    Args:
        settings: of the search.
        space: from which it draws.
        seed: of the search.
        number: of the trial; each has a random stream of its own, but for points that are planned in advance.

    Raises:
        UserError: the sampler cannot search the space, or has no such options.
    """
    from optuna import samplers

    name = settings.sampler
    if space.conditions and name in WITHOUT_CONDITIONS:
        problem = f"{next(iter(space.conditions))} exists in some trials only, which this sampler cannot draw"
        raise UserError(f"search.sampler={name}: {problem}; fix: search.sampler=tpe")
    seed = settings.sampler_options.get("seed", seed)
    if name not in ("grid", "qmc"):
        seed = int(SeedSequence([seed, number]).generate_state(1)[0])
    defaults = DEFAULTS.get(name, {})
    if not settings.sampler_options.get("multivariate", True):
        defaults = {"constant_liar": True}
    options = {**defaults, **settings.sampler_options, "seed": seed}
    if name == "grid":
        options["search_space"] = grid_of(space)
    try:
        with catch_warnings():
            simplefilter("ignore")  # of features that Optuna calls experimental
            sampler: BaseSampler = getattr(samplers, SAMPLERS[name])(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"search.sampler={name}: {first_line(error)}") from error
    return sampler


def grid_of(space: Space) -> dict[str, list[Any]]:
    """Return all values of each dimension; a UserError where one is an interval."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    grid: dict[str, list[Any]] = {}
    for key, each in space.dimensions.items():
        if isinstance(each, CategoricalDistribution):
            grid[key] = list(each.choices)
        elif isinstance(each, IntDistribution) and not each.log:
            grid[key] = list(range(each.low, each.high + 1, each.step))
        elif isinstance(each, FloatDistribution) and each.step:
            steps = round((each.high - each.low) / each.step)
            grid[key] = [each.low + each.step * i for i in range(steps + 1)]
        else:
            fix = "fix: values a,b,c or a range, or search.sampler=qmc"
            raise UserError(f"search.sampler=grid: {key} is an interval; {fix}")
    return grid
