"""The plots of a search in the report of its sweep: read from its study, drawn as the others are."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from omegaconf import DictConfig, OmegaConf

from nnexp.analysis.run_table import RunRow
from nnexp.analysis.setting_names import short_keys
from nnexp.analysis.study_data import Objective, StudyData, StudyParam, StudyTrial
from nnexp.messages import first_line
from nnexp.redaction import redacted
from nnexp.run_folder import MULTIRUN
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.plan.search_settings import search_settings
from nnexp.sweeps.search.storage import open_storage
from nnexp.sweeps.search.study import STUDY, address_of, study_name

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

    from nnexp.plots.sweep.panel import SweepPlot

log = logging.getLogger("nnexp")


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


def read_study(sweep: Sweep, rows: Sequence[RunRow]) -> StudyData | None:
    """Read the study of a sweep; None: it is no search, or its study cannot be reached.

    Args:
        sweep: maybe a search.
        rows: its runs, which know what they optimize, whatever the report compares them by.
    """
    try:
        place = study_place(sweep)
        if place is None:
            return None
        address, name = place
        with catch_warnings():
            simplefilter("ignore")
            from optuna import load_study
            from optuna.logging import ERROR, set_verbosity

            set_verbosity(ERROR)
            study = load_study(study_name=name, storage=open_storage(address))
            names = (row.objectives or (row.objective,) for row in rows if row.objective is not None)
            return study_data(study, [*map(str, next(names, ()))])
    except Exception as error:  # noqa: BLE001, each database raises its own types
        log.warning("the report has no plots of the search: %s", redacted(first_line(error)))
        return None


def study_place(sweep: Sweep) -> tuple[str, str | None] | None:
    """Return where the study of a sweep is stored, and its name, None: the only one; None: it has none."""
    if sweep.folder is None:
        return None
    if (sweep.folder / STUDY).is_file():
        return str((sweep.folder / STUDY).resolve()), None
    config = sweep.folder / MULTIRUN
    if not sweep.record.get("search") or not config.is_file():
        return None
    values = OmegaConf.load(config)
    assert isinstance(values, DictConfig)
    settings = search_settings(values)
    return address_of(settings, sweep.folder), study_name(settings, sweep.folder)


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
