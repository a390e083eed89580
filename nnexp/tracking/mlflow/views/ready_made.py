"""The ready-made views: Leaderboard, Learning curves, Layers, By setting, and one per sweep."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnexp.analysis.run_table import REPEATS
from nnexp.metrics.metric_info import metric_info
from nnexp.run_folder import SWEEP_ID_TAG
from nnexp.tracking.mlflow.views.charts import CURVES, LAYERS, charts
from nnexp.tracking.mlflow.views.page_state import (
    DEFAULTS,
    Column,
    View,
    grouped_by,
    quoted,
    sorted_by,
    with_columns,
)

PREFIX = "nnexp-"  # of the ids of all of these views
LEADERBOARD = f"{PREFIX}leaderboard"
SWEEP = f"{PREFIX}sweep-"
SCORE = "best/val_accuracy"
MAX_PARAMS = 8  # columns
DIGITS = 17  # characters of a metric: the page rounds none
WHOLE = ("best/epoch", "best/step")


@dataclass(frozen=True)
class Contents:
    """What the runs that a view shows have.

    Args:
        scores: the metrics that runs are ranked by; in an experiment of several tasks, one of each.
        params: what differs between the runs, the most important first.
        settings: the values of `setting_params`, of each distinct setting.
        longest: the characters of the longest value of each param.
    """

    metrics: Collection[str] = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
    scores: Sequence[str] = (SCORE,)
    params: Sequence[str] = ("seed",)
    settings: Collection[tuple[str, ...]] = ()
    longest: Mapping[str, int] = field(default_factory=dict)


def setting_params(params: Sequence[str]) -> list[str]:
    """Return the params that make a setting: seeds and folds repeat it."""
    return [name for name in params if name not in REPEATS][:MAX_PARAMS]


def ready_made_views(contents: Contents) -> list[View]:
    """Return the views of an experiment, in the order of the menu."""
    score, *others = contents.scores
    board = leaderboard(contents, score)
    settings = setting_params(contents.params)
    groups = with_columns(_results(contents, score)) | grouped_by(settings, contents.settings)
    return [
        View(LEADERBOARD, "Leaderboard", board),
        *(
            View(f"{LEADERBOARD}-{_slug(each)}", f"Leaderboard by {each}", leaderboard(contents, each))
            for each in others
        ),
        View(f"{PREFIX}learning-curves", "Learning curves", board | charts(contents.metrics, CURVES)),
        View(f"{PREFIX}layers", "Layers", board | charts(contents.metrics, LAYERS)),
        View(f"{PREFIX}by-setting", "By setting", board | groups | charts(contents.metrics, CURVES)),
    ]


def sweep_view(sweep_id: str, name: str, contents: Contents) -> View:
    """Return the view of a sweep: its leaderboard, and charts that compare what was swept."""
    board = leaderboard(contents, contents.scores[0], sweep_filter(sweep_id))
    return View(sweep_view_id(sweep_id), name, board)


def sweep_view_id(sweep_id: str) -> str:
    """Return the id of a sweep's view."""
    return f"{SWEEP}{_slug(sweep_id)}"


def sweep_filter(sweep_id: str) -> str:
    """Return MLflow's filter for the runs of a sweep."""
    return f"{quoted('tags', SWEEP_ID_TAG)} = '{sweep_id}'"


def leaderboard(contents: Contents, score: str, condition: str = "") -> dict[str, Any]:
    """Return the state of a table with the best run first: what differs, and few results."""
    params = contents.params[:MAX_PARAMS]
    columns = [Column("params", name, contents.longest.get(name, 0)) for name in params]
    result, *results = _results(contents, score)
    return {
        **DEFAULTS,
        "searchFilter": condition,
        **sorted_by(score, descending=metric_info(score).direction != "lower"),
        **with_columns([result, *columns, *results]),
        **charts(contents.metrics, CURVES, params, score),
    }


def _results(contents: Contents, score: str) -> list[Column]:
    """Return the columns of results: the score on validation and test, loss, best epoch, duration."""
    name = score.rpartition("/")[2].removeprefix("val_")
    names = dict.fromkeys((score, f"test/{name}", "best/val_loss", *WHOLE, "time/total"))
    shown = [each for each in names if each == score or each in contents.metrics]
    return [Column("metrics", each, 0 if each in WHOLE else DIGITS) for each in shown]


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text)
