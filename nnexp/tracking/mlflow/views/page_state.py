"""The state of MLflow's runs page, and how a saved view of it is stored in a tag of the experiment."""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

TAG = "mlflow.sharedViewState."  # and the view's id
PIXELS = 7  # of a character
PADDING, MAX_WIDTH = 56, 220  # pixels of a column; a mark beside the name shows that runs are sorted by it
DEFAULTS = {
    "searchFilter": "",
    "orderByKey": "attributes.start_time",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "modelVersionFilter": "All Runs",
    "datasetsFilter": [],
    "selectedColumns": [],
    "columnOrder": [],
    "columnWidths": {},
    "runsExpanded": {},
    "runsPinned": [],
    "runsHidden": [],
    "runsVisibilityMap": {},
    "runsHiddenMode": "FIRST_10_RUNS",
    "viewMaximized": False,
    "runListHidden": False,
    "isAccordionReordered": True,  # the sections of charts have an order of their own
    "groupBy": None,
    "groupsExpanded": {},
    "autoRefreshEnabled": True,
    "useGroupedValuesInCharts": True,
    "hideEmptyCharts": True,
    "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    "chartsSearchFilter": "",
}
"""The whole state of the page: servers before MLflow 3.15 take it as it is, without defaults of their own."""


@dataclass(frozen=True)
class Column:
    """A column of the table, wide enough for values of so many characters."""

    kind: Literal["metrics", "params"]
    name: str
    characters: int

    @property
    def id(self) -> str:
        """How the page names it."""
        return quoted(self.kind, self.name)

    @property
    def width(self) -> int:
        """Its pixels."""
        return min(PIXELS * max(self.characters, len(self.name)) + PADDING, MAX_WIDTH)


@dataclass(frozen=True)
class View:
    """A saved view: its id in addresses, its name in the menu "Views", the state of the page."""

    id: str
    name: str
    state: dict[str, Any]

    @property
    def tag(self) -> str:
        """The key of the experiment's tag that holds it."""
        return f"{TAG}{self.id}"

    def encode(self, created: int, max_length: int, has_name: bool) -> str:
        """Return the value of the tag.

        Args:
            created: milliseconds since 1970; the menu lists the newest first.
            max_length: characters that the server takes; charts that do not fit are left out, the last first.
            has_name: whether the server knows named views; older ones know only the state, by its address.
        """
        text = f"deflate;{b64encode(zlib.compress(json.dumps(self.state).encode(), 9)).decode()}"
        if has_name:
            text = json.dumps({"name": self.name, "createdAt": created, "updatedAt": created, "state": text})
        cards = self.state["compareRunCharts"]
        if len(text) <= max_length or not cards:
            return text
        fewer = self.state | {"compareRunCharts": cards[: len(cards) // 2]}
        return replace(self, state=fewer).encode(created, max_length, has_name)


def sorted_by(metric: str, descending: bool = True) -> dict[str, Any]:
    """Return the state of a page whose runs are sorted by a metric."""
    return {"orderByKey": quoted("metrics", metric), "orderByAsc": not descending}


def with_columns(columns: Sequence[Column]) -> dict[str, Any]:
    """Return the state of a table with these columns, in this order."""
    ids = [column.id for column in columns]
    widths = {column.id: column.width for column in columns}
    return {"selectedColumns": ids, "columnOrder": ids, "columnWidths": widths}


def grouped_by(params: Sequence[str], collapsed: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return the state of a table of groups with the means of their metrics.

    Args:
        params: whose values a group has in common.
        collapsed: the values of these params, of each group whose runs are not shown.
    """
    keys = [{"mode": "param", "groupByData": name} for name in params]
    groups = (
        [f"param.{name}.{value}" for name, value in zip(params, values, strict=True)] for values in collapsed
    )
    return {
        "groupBy": {"aggregateFunction": "average", "groupByKeys": keys} if keys else None,
        "groupsExpanded": {",".join(group): False for group in groups},
    }


def quoted(kind: str, name: str) -> str:
    """Quote a name of a metric, param or tag, as the page and MLflow's filters do."""
    return f"{kind}.`{name}`"
