"""The plots of a search in the report of its sweep: read from its study, drawn as the others are."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from nnexp.analysis.setting_names import short_keys
from nnexp.analysis.study_data import Objective, StudyData, StudyParam, StudyTrial
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.search.storage import open_storage
from nnexp.sweeps.search.study import STUDY

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

    from nnexp.plots.sweep.panel import SweepPlot


def study_plots(study: StudyData) -> "list[SweepPlot]":
    """Lay out all plots of a search that there are results for."""
    from nnexp.plots.search.contour import contour_plot
    from nnexp.plots.search.front import front_plot
    from nnexp.plots.search.history import history_plot
    from nnexp.plots.search.intermediate import intermediate_plot
    from nnexp.plots.search.param_importance import param_importance_plot
    from nnexp.plots.search.slices import slice_plot

    layouts = (history_plot, intermediate_plot, front_plot, param_importance_plot, slice_plot, contour_plot)
    return [plot for layout in layouts if (plot := layout(study)) is not None]


def read_study(sweep: Sweep, metric: str) -> StudyData | None:
    """Read the study of a sweep; None: it is no search, or its study cannot be reached.

    Args:
        sweep: maybe a search.
        metric: what its runs are compared by, the name of an objective that has none.
    """
    address = study_address(sweep)
    if address is None:
        return None
    with suppress(ImportError, OSError, ValueError, LookupError), catch_warnings():
        simplefilter("ignore")
        from optuna import load_study
        from optuna.logging import set_verbosity

        set_verbosity(30)
        study = load_study(study_name=None, storage=open_storage(address))
        return study_data(study, sweep.record.get("objectives") or [metric])
    return None


def study_address(sweep: Sweep) -> str | None:
    """Return where the study of a sweep is stored; None: it has none."""
    path = None if sweep.folder is None else sweep.folder / STUDY
    return str(path.resolve()) if path is not None and path.is_file() else None


def study_data(study: "Study", metrics: Sequence[str]) -> StudyData:
    """Convert a study of Optuna into plain values; `metrics` are the names of its objectives."""
    trials = study.get_trials(deepcopy=False)
    distributions = {name: each for trial in trials for name, each in trial.distributions.items()}
    labels = short_keys(tuple(distributions))
    importances = [importance_of(study, i) for i in range(len(study.directions))]
    names = sorted(distributions, key=lambda name: -importances[0].get(name, 0.0))
    return StudyData(
        objectives=[
            Objective(metric, "higher" if direction.name == "MAXIMIZE" else "lower", importance)
            for metric, direction, importance in zip(metrics, study.directions, importances, strict=False)
        ],
        params=[study_param(name, labels[name], distributions[name]) for name in names],
        trials=[
            StudyTrial(
                number=trial.number,
                state=trial.state.name,
                params={name: plain(value) for name, value in trial.params.items()},
                values=tuple(trial.values or ()),
                intermediate=dict(trial.intermediate_values),
            )
            for trial in trials
        ],
    )


def study_param(name: str, label: str, distribution: "BaseDistribution") -> StudyParam:
    """Describe a dimension of the search space."""
    choices = tuple(str(plain(choice)) for choice in getattr(distribution, "choices", ()))
    return StudyParam(name, label, choices, bool(getattr(distribution, "log", False)))


def plain(value: object) -> str | float:
    """Return a number as it is, anything else as a text."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def importance_of(study: "Study", objective: int) -> dict[str, float]:
    """Evaluate the importance of params as Optuna does; empty where it cannot."""
    from optuna.importance import get_param_importances

    sign = -1 if study.directions[objective].name == "MAXIMIZE" else 1  # it looks at the lowest values
    with suppress(ValueError, RuntimeError, ArithmeticError), catch_warnings():
        simplefilter("ignore")
        return get_param_importances(study, target=lambda trial: sign * trial.values[objective])
    return {}
