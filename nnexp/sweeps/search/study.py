"""The study of a search: its sampler, its storage, and what it optimizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from nnexp.config.schema import SearchSettings, StudyDirection
from nnexp.errors import UserError
from nnexp.sweeps.search.pruners import make_pruner
from nnexp.sweeps.search.space import Space
from nnexp.sweeps.search.storage import address, open_storage

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study

STUDY = "study.log"  # in the sweep's folder
MISSING = "a search needs Optuna; fix: pip install 'nnexp[search]'"


def address_of(settings: SearchSettings, folder: Path) -> str:
    """Return where the study of a sweep's folder is stored."""
    return address(settings.storage or str(folder / STUDY))


def study_name(folder: Path) -> str:
    """Return the name of the study of a sweep's folder: the sweep's id."""
    return f"{folder.parent.name}/{folder.name}"


def open_study(
    settings: SearchSettings,
    folder: Path,
    space: Space,
    *,
    directions: Sequence[StudyDirection],
    epochs: int,
    seed: int,
) -> "Study":
    """Create the study of a search, or open the one that its folder has; `directions` of the objectives.

    Raises:
        UserError: Optuna is not installed, or the sampler cannot search the space.
    """
    try:
        import optuna
    except ImportError as error:
        raise UserError(MISSING) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(address_of(settings, folder))
    study = optuna.create_study(
        storage=storage,
        study_name=study_name(folder),
        directions=directions,
        pruner=make_pruner(settings.pruner, epochs),
        load_if_exists=True,
    )
    study.sampler = make_sampler(settings, space, seed + len(study.get_trials(deepcopy=False)))
    return study


def make_sampler(settings: SearchSettings, space: Space, seed: int) -> "BaseSampler":
    """Make the sampler; `seed` differs where a search goes on, which draws new trials."""
    from optuna import samplers
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match settings.sampler:
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        case "nsga2":
            return samplers.NSGAIISampler(seed=seed)
        case "qmc":
            with catch_warnings():
                simplefilter("ignore")
                return samplers.QMCSampler(seed=seed, scramble=True)
        case "grid":
            grid: dict[str, list[Any]] = {}
            for key, each in space.items():
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
            return samplers.GridSampler(grid, seed=seed)
    with catch_warnings():
        simplefilter("ignore")  # of features that Optuna calls experimental
        return samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
