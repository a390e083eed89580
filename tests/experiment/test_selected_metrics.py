"""Metrics that settings select: of each epoch, for the best weights, and for a sweep."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score

from nnexp import compose, run
from nnexp.cli.api import resume
from nnexp.config import ConfigError
from nnexp.metrics.metric_info import TASK_METRICS

OF_CLASSES = {"loss", "accuracy", "balanced_accuracy", "macro_f1", "ece"}
OF_TWO = OF_CLASSES | {"auc", "average_precision"}
OF_LABELS = {"loss", "accuracy", "exact_match", "macro_f1", "auc", "average_precision"}
OF_NUMBERS = {"loss", "r2", "mae", "rmse"}


@pytest.fixture
def table(alone):
    """Return the overrides that learn a target of a table: few examples of one kind, noise in all."""
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, 240, 2))
    size = 100 + 30 * x[:, 0] + 10 * noise[:, 0]
    weight = 5 + x.sum(axis=1) + noise[:, 1]
    rare = x[:, 0] + 0.7 * noise[:, 1] > 1.2
    rows = zip(x, size, weight, rare, noise[:, 0] > x[:, 1], strict=True)
    lines = [
        f"{a:.4f},{b:.4f},{s:.4f},{w:.4f},{'yes' if r else 'no'},{int(r)},{int(o)},{'abc'[i % 3]}"
        for i, ((a, b), s, w, r, o) in enumerate(rows)
    ]
    (alone / "t.csv").write_text("\n".join(["a,b,size,weight,kind,rare,odd,third", *lines]))
    columns = ["size", "weight", "kind", "rare", "odd", "third"]

    def overrides(target, *others):
        targets = target.strip("[]").split(",")
        drop = ",".join(name for name in columns if name not in targets)
        loss = {"kind": [], "third": []}.get(target, ["loss=mean_squared_error"])
        loss = ["loss=binary_cross_entropy"] if "rare" in targets else loss
        data = ["data=table", "data.path=t.csv", f"data.target={target}", f"data.drop=[{drop}]"]
        quick = ["tracking=none", "trainer.epochs=4", "trainer.batch_size=16", "diagnostics.layers=false"]
        return compose([*data, *loss, *quick, *others])

    return overrides


def names(metrics, prefix):
    return {name.removeprefix(prefix) for name in metrics if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("third", OF_CLASSES),
        ("kind", OF_TWO),
        ("[rare,odd]", OF_LABELS),
        ("size", OF_NUMBERS),
        ("[size,weight]", OF_NUMBERS),
    ],
)
def test_validation_and_test_have_the_metrics_of_the_task(table, target, expected):
    result = run(table(target))
    assert names(result.metrics, "best/val_") == names(result.metrics, "test/") == expected
    assert names(result.history[0].metrics(), "val/") <= {"loss", "accuracy", "r2"}, "few columns by default"
    assert expected <= {*TASK_METRICS}, "each can be selected"
    split = result.splits["test"].predictions
    reference = {}
    if split.true.ndim == 1:
        reference["balanced_accuracy"] = balanced_accuracy_score(split.true, split.predicted)
        reference["macro_f1"] = f1_score(split.true, split.predicted, average="macro")
    if target == "[rare,odd]":
        reference["auc"] = roc_auc_score(split.true, split.log_odds)
        reference["average_precision"] = average_precision_score(split.true, split.log_odds)
        reference["macro_f1"] = f1_score(split.true, split.predicted, average="macro")
    if "mae" in expected:
        errors = split.predicted - split.true
        reference["mae"] = abs(errors).mean()
        reference["rmse"] = np.sqrt((errors**2).mean(axis=0)).mean()
    for name, value in reference.items():
        assert result.metrics[f"test/{name}"] == pytest.approx(value), name


@pytest.mark.parametrize(
    ("target", "metric", "best_of"),
    [("kind", "auc", max), ("kind", "macro_f1", max), ("kind", "ece", min), ("size", "mae", min)],
)
def test_a_monitored_metric_selects_the_weights_and_is_logged_each_epoch(table, target, metric, best_of):
    result = run(table(target, f"trainer.monitor=val/{metric}", f"optimized_metric=best/val_{metric}"))
    history = result.history_frame()[f"val/{metric}"]
    assert result.value == pytest.approx(best_of(history))
    assert history[result.metrics["best/epoch"]] == best_of(history)
    assert history.notna().all()


def test_the_optimized_metric_is_logged_each_epoch_and_changes_nothing_else(table):
    plain = run(table("kind"))
    optimizing = run(table("kind", "optimized_metric=best/val_average_precision"))
    assert "val/average_precision" in optimizing.history[0].metrics()
    assert plain.network.theta.tobytes() == optimizing.network.theta.tobytes()
    assert optimizing.value == plain.metrics["best/val_average_precision"]


def test_a_run_of_several_objectives_returns_a_value_of_each(table):
    result = run(table("kind", "optimized_metric=[best/val_average_precision,parameters,time/total]"))
    size = float(len(result.network.parameters))
    assert result.value == (result.metrics["best/val_average_precision"], size, result.metrics["time/total"])
    assert "val/average_precision" in result.history[0].metrics()
    assert run(table("kind", "optimized_metric=[parameters]")).value == size


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[best/val_accuracy,params]", "params: did you mean parameters\\?"),
        ("[best/val_acuracy,parameters]", "best/val_acuracy: did you mean best/val_accuracy\\?"),
        ("[parameters,parameters]", "fix: 'optimized_metric=\\[parameters\\]'"),
        ("[]", "fix: optimized_metric=null"),
        ("[best/val_accuracy,best/val_r2]", "fix: optimized_metric=best/val_accuracy"),
    ],
)
def test_each_of_several_objectives_is_checked(table, value, message):
    with pytest.raises(ConfigError, match=message):
        run(table("kind", f"optimized_metric={value}"))


def test_a_resumed_run_monitors_on_and_ends_like_one_that_was_not_interrupted(table):
    overrides = ["trainer.monitor=macro_f1", "schedule=constant"]
    whole = run(table("kind", *overrides))
    interrupted = run(table("kind", *overrides, "trainer.epochs=2"))
    resumed = resume(interrupted.folder, ["trainer.epochs=4"], display="quiet")
    columns = ["val/macro_f1", "val/loss"]
    assert resumed.history_frame()[columns].equals(whole.history_frame()[columns])
    names = {name for name in whole.metrics if name.startswith(("best/", "test/"))}
    assert {name: resumed.metrics[name] for name in names} == {name: whole.metrics[name] for name in names}


@pytest.mark.parametrize(
    ("target", "override", "message"),
    [
        ("third", "trainer.monitor=auc", "a classification of 3 classes has no such metric; expected one of"),
        ("third", "optimized_metric=test/auc", "fix: optimized_metric=best/val_accuracy"),
        (
            "size",
            "trainer.monitor=macro_f1",
            "a regression has no such metric; expected one of r2, loss, mae",
        ),
        ("kind", "optimized_metric=best/val_r2", "fix: optimized_metric=best/val_accuracy"),
        ("[rare,odd]", "trainer.monitor=balanced_accuracy", "fix: trainer.monitor=score"),
    ],
)
def test_a_metric_that_the_task_does_not_have_is_refused_before_anything_is_written(
    table, alone, target, override, message
):
    with pytest.raises(ConfigError, match=message):
        run(table(target, override))
    assert not (alone / "outputs").exists()


def test_areas_of_a_split_with_one_class_are_refused_before_training(alone):
    rows = [
        f"{i % 7},{['no', 'yes'][i % 2 * (i < 60)]},{['train', 'validation', 'test'][i // 40]}"
        for i in range(120)
    ]
    (alone / "t.csv").write_text("\n".join(["a,kind,split", *rows[:60], *rows[80:]]))
    data = ["data=table", "data.path=t.csv", "data.target=kind", "data.split=split", "tracking=none"]
    with pytest.raises(ConfigError, match="all test examples are of one class"):
        run(compose([*data, "optimized_metric=test/auc"]))
    result = run(
        compose([*data, "trainer.epochs=1", "trainer.batch_size=16", "optimized_metric=best/val_auc"])
    )
    assert "test/auc" not in result.metrics
    assert result.value == result.metrics["best/val_auc"]
    recalls = result.splits["test"].report.to_json()["per_class"]
    assert [row["recall"] is None for row in recalls] == [False, True], "a class without rows has no recall"


@pytest.mark.parametrize("value", ["null", "score", "accuracy"])
def test_the_score_has_several_names(table, value):
    result = run(table("kind", f"trainer.monitor={value}"))
    assert result.metrics["best/val_accuracy"] == max(record.val_score for record in result.history)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.monitor=val_macro_f1", "did you mean macro_f1?"),
        ("trainer.monitor=1", "must be one of score, accuracy"),
        ("optimized_metric=macro_f1", "did you mean best/val_macro_f1. must be best/val_NAME or test/NAME"),
        ("trainer.monitor=best/val_macro_f1", "did you mean macro_f1?"),
        ("trainer=3", "is a section"),
    ],
)
def test_names_of_metrics_are_checked_before_data_are_loaded(override, message):
    with pytest.raises(ConfigError, match=message):
        compose(["data=digits", override])
