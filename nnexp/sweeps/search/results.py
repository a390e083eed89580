"""optimization_results.yaml of a search, as Hydra's Optuna sweeper writes it into the sweep's folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from nnexp.atomic_write import write_atomically
from nnexp.config.overrides.loader import parse_override
from nnexp.sweeps.search.space import override_text

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

RESULTS = "optimization_results.yaml"


def write_results(study: "Study", folder: Path) -> None:
    """Write the best trial, or the Pareto front of several objectives; nothing where no trial is complete."""
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if not complete:
        return
    results: dict[str, Any] = {"name": "optuna"}
    if len(study.directions) > 1:
        solutions = [{"params": params_of(one), "values": [*one.values]} for one in study.best_trials]
        results |= {"solutions": solutions}
    else:
        results |= {"best_params": params_of(study.best_trial), "best_value": study.best_value}
    write_atomically(folder / RESULTS, OmegaConf.to_yaml(OmegaConf.create(results)))


def params_of(trial: "FrozenTrial") -> dict[str, Any]:
    """Return the params of a trial as their overrides set them: a choice of numbers is a number."""
    return {key: parse_override(override_text(key, value)).value() for key, value in trial.params.items()}
