"""Charts are in sections and in the order in which a reader looks at them."""

import pytest

from nnexp.tracking.mlflow.views.charts import charts

LAYERS = [f"activation_std/dense{i}" for i in range(1, 13)]
METRICS = {*LAYERS, "best/val_accuracy", "best/epoch", "grad/norm", "lr", "recall/cat", "test/loss"}
METRICS |= {f"{split}/{name}" for split in ("train", "val") for name in ("accuracy", "loss", "f1")}


def sections(state):
    return {section["name"]: section["display"] for section in state["compareRunSections"]}


def keys(state, section):
    return [card.get("metricKey") for card in state["compareRunCharts"] if card["metricSectionId"] == section]


def test_loss_and_score_come_first_then_the_layers_then_results():
    state = charts(METRICS, opened=("train", "val"))
    names = ["train", "val", "activation_std", "Model metrics", "grad", "best", "test", "recall"]
    assert list(sections(state)) == [*names, "sweep", "System metrics"]
    assert [name for name, is_open in sections(state).items() if is_open] == ["train", "val"]
    assert keys(state, "train") == ["train/loss", "train/accuracy", "train/f1"]


def test_dense2_is_before_dense10():
    assert keys(charts(METRICS, opened=("activation_std",)), "activation_std") == LAYERS


def test_sections_that_are_opened_come_first():
    assert list(sections(charts(METRICS, opened=("activation_std",))))[:2] == ["activation_std", "train"]


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("train/loss", "LINE"),
        ("lr", "LINE"),
        ("best/epoch", "BAR"),
        ("test/loss", "BAR"),
        ("recall/cat", "BAR"),
    ],
)
def test_what_is_logged_once_is_a_bar(metric, kind):
    cards = charts(METRICS, opened=())["compareRunCharts"]
    assert [card["type"] for card in cards if card["metricKey"] == metric] == [kind]


def test_params_are_compared_with_the_score_before_all_curves():
    state = charts(METRICS, ("train",), ["init", "optimizer.lr"], "best/val_accuracy")
    assert list(sections(state))[:2] == ["Comparison", "train"]
    parallel, scatter = state["compareRunCharts"][:2]
    assert parallel["selectedParams"] == ["init", "optimizer.lr"]
    assert scatter["yaxis"]["key"] == "best/val_accuracy"


def test_ids_of_charts_differ_and_system_metrics_are_left_to_mlflow():
    cards = charts({*METRICS, "system/cpu"}, opened=())["compareRunCharts"]
    assert len({card["uuid"] for card in cards}) == len(cards) == len(METRICS)
