"""A search space in Python: `hydra.sweeper.custom_search_space=module.function`, called for each trial.

The function gets the configuration of the search and the trial with what was drawn for it by overrides, and
draws more with `trial.suggest_float("optimizer.momentum", 0.5, 0.99)` and the like: the names are keys.
"""

from typing import TYPE_CHECKING

from omegaconf import DictConfig

from nnexp.config.schema import SearchSettings
from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.serving.locate import locate
from nnexp.sweeps.search.space import Extend

if TYPE_CHECKING:
    from optuna.trial import Trial

OPTION = "hydra.sweeper.custom_search_space"


def custom_space(settings: SearchSettings, config: DictConfig) -> Extend | None:
    """Import the function that extends the search space; None: there is none.

    Raises:
        UserError: it cannot be imported; when it is called: it raises an error, or draws what has one value.
    """
    name = settings.custom_search_space
    if name is None:
        return None
    try:
        function = locate(name.lstrip("."), [name.lstrip(".").partition(".")[0]])
    except ValueError as error:
        raise UserError(f"{OPTION}={name}: {error}; expected module.function") from error

    def extend(trial: "Trial") -> None:
        try:
            function(config, trial)
        except Exception as error:
            problem = f"{type(error).__name__}: {first_line(error)}"
            raise UserError(f"{OPTION}={name}: {problem}") from error
        if both := trial.params.keys() & trial.user_attrs:
            value = f"{min(both)}={trial.user_attrs[min(both)]}"
            raise UserError(
                f"{OPTION}={name}: draws {min(both)}, which has one value: {value}; fix: leave that out"
            )

    return extend
