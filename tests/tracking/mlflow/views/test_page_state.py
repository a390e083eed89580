"""The tag of a saved view holds the state of the page as MLflow's own pages write it."""

import base64
import json
import zlib

import pytest

from nnexp.tracking.mlflow.views.charts import charts
from nnexp.tracking.mlflow.views.page_state import DEFAULTS, Column, View, grouped_by, with_columns

NAMES = [f"activation_std/{name}" for name in map(str, range(3000))]
STATE = DEFAULTS | charts(["train/loss", "val/loss"], opened=["train"])


def decode(text):
    assert text.startswith("deflate;")
    return json.loads(zlib.decompress(base64.b64decode(text.removeprefix("deflate;"))))


def test_a_named_view_holds_its_name_time_and_state():
    text = View("a", "Name Ä", STATE).encode(created=123, max_length=20_000, has_name=True)
    envelope = json.loads(text)
    assert (envelope["name"], envelope["createdAt"], envelope["updatedAt"]) == ("Name Ä", 123, 123)
    assert decode(envelope["state"]) == STATE


def test_for_a_server_without_named_views_it_is_the_state_alone():
    assert decode(View("a", "Name", STATE).encode(created=0, max_length=5_000, has_name=False)) == STATE


@pytest.mark.parametrize("max_length", [2_000, 5_000, 20_000])
def test_of_too_many_charts_the_first_are_kept(max_length):
    state = DEFAULTS | charts(NAMES, opened=["activation_std"])
    text = View("a", "Name", state).encode(created=0, max_length=max_length, has_name=True)
    assert len(text) <= max_length
    kept = decode(json.loads(text)["state"])["compareRunCharts"]
    assert kept == state["compareRunCharts"][: len(kept)]
    assert kept


def test_columns_are_quoted_in_order_and_as_wide_as_their_values():
    columns = [
        Column("metrics", "best/val_accuracy", 17),
        Column("params", "lr", 4),
        Column("params", "x", 99),
    ]
    state = with_columns(columns)
    ids = ["metrics.`best/val_accuracy`", "params.`lr`", "params.`x`"]
    assert state["selectedColumns"] == state["columnOrder"] == ids
    first, second, third = state["columnWidths"].values()
    assert second < first < third < 300


def test_groups_are_collapsed_by_the_values_of_their_params():
    state = grouped_by(["init", "model.hidden"], [("ones", "[64, 64]")])
    assert [key["groupByData"] for key in state["groupBy"]["groupByKeys"]] == ["init", "model.hidden"]
    assert state["groupsExpanded"] == {"param.init.ones,param.model.hidden.[64, 64]": False}
    assert grouped_by([], [()])["groupBy"] is None
