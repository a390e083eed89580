"""A final fit: nothing is held out for validation, or for a test, and the last epoch's weights are kept."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.components import train
from sklearn.preprocessing import StandardScaler

from nnexp import compose, run
from nnexp.cli.display import describe_results
from nnexp.config import ConfigError, build
from nnexp.experiment.components import build_components
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.plots.run.curves import curves
from nnexp.plots.sweep.curves import CurveMetric, SettingCurves, curves_plot
from nnexp.tracking.mlflow.run_notes import result as describe_note
from nnexp.tracking.prediction_tables import write_tables

FINAL = "data.validation=0"
QUICK = ("trainer.epochs=3", "tracking=none", "model.hidden=[8]")


@pytest.fixture
def table(alone: Path) -> tuple[str, ...]:
    rows = (f"{n % 7},{'ab'[n % 2]},{n / 7:.3f},{('train', 'val', 'train')[n % 3]}" for n in range(60))
    (alone / "t.csv").write_text("\n".join(["x,kind,price,split", *rows]) + "\n")
    return "data=table", "data.path=t.csv", "data.target=kind", *QUICK


def test_all_rows_train_and_scale_the_inputs(table):
    made = build_components(build(compose([*table, "data.drop=[split]", FINAL, "data.test=0"])))
    assert made.validation is None
    assert made.test is None
    assert sorted(made.train.rows) == list(range(60))
    frame = pd.read_csv("t.csv")[["x", "price"]]
    scaler = StandardScaler().fit(frame)
    scaled = made.train.examples_of(np.arange(60))
    np.testing.assert_allclose(scaled, scaler.transform(frame), atol=1e-5)


@pytest.mark.plots
def test_the_weights_of_the_last_epoch_are_kept_and_nothing_is_reported_that_was_not_measured(table):
    result = run(compose([*table, "data.drop=[split]", FINAL, "data.test=0"]))
    best, final = (np.load(result.folder / "weights" / f"{which}.npz") for which in ("best", "final"))
    assert all((best[name] == final[name]).all() for name in final.files)
    assert set(result.metrics) == {"best/epoch", "time/total"}
    assert result.metrics["best/epoch"] == 3
    assert result.splits == {}
    assert result.value is None
    assert not [name for name in result.history[-1].metrics() if name.startswith("val/")]
    assert (result.folder / "curves.png").stat().st_size > 100
    assert not list((result.folder / "predictions").glob("*"))
    assert write_tables(result.folder) == []
    splits = json.loads((result.folder / "dataset.json").read_text())["splits"]
    assert {name: split["examples"] for name, split in splits.items()} == {"training": 60}
    assert "no validation" in describe_results(result.metrics)
    assert "no test" in describe_results(result.metrics)
    assert describe_note(result.metrics).startswith("Nothing was held out")


def test_images_train_on_all_training_images_and_keep_their_test():
    result = run(compose(["data=digits", FINAL, *QUICK, "averaging=ema", "trainer.evaluate_every=20"]))
    assert set(result.splits) == {"test"}
    assert result.splits["test"].report.accuracy == result.metrics["test/accuracy"]
    assert "test" in describe_results(result.metrics)
    assert "**" in describe_note(result.metrics)


def test_training_is_that_of_a_run_that_holds_other_rows_out(table):
    """The same training rows give the same losses and weights, to the last bit."""
    frame = pd.read_csv("t.csv")
    frame[frame["split"] == "train"].to_csv("train.csv", index=False)
    held_out = build_components(build(compose([*table, "data.split=split", "data.test=0"])))
    final = build_components(
        build(compose([*table, "data.path=train.csv", "data.drop=[split]", FINAL, "data.test=0"]))
    )
    losses = [[record.train_loss for record in train(made)] for made in (held_out, final)]
    assert losses[0] == losses[1]
    assert (held_out.network.theta == final.network.theta).all()


def test_rows_that_the_file_assigns_to_validation_train_too(table):
    dataset = build(compose([*table, "data.split=split", "data.test=0", FINAL])).data.load()
    assert dataset.assigned is None
    assert len(dataset.y) == 60
    assert any("data.validation=0" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("setting", "fix"),
    [
        ("trainer.patience=3", "trainer.patience=null"),
        ("schedule=plateau", "schedule=constant"),
        ("optimized_metric=best/val_loss", "optimized_metric=null"),
    ],
)
def test_what_needs_validation_is_refused_with_both_ways_on(setting, fix):
    with pytest.raises(ConfigError, match=f"fix: {fix}, or data.validation=0.2") as error:
        run(compose(["data=digits", FINAL, setting, *QUICK]))
    assert setting in str(error.value)
    assert run(compose(["data=digits", FINAL, fix, *QUICK])).status == "FINISHED"


def test_a_metric_of_a_test_that_is_not_there_is_refused(table):
    with pytest.raises(ConfigError, match="no test examples; fix: optimized_metric=null"):
        run(compose([*table, "data.drop=[split]", "data.test=0", "optimized_metric=test/accuracy"]))


def test_weights_that_are_not_finite_after_the_last_step_are_an_error():
    overrides = ["data=digits", FINAL, *QUICK, "trainer.epochs=1", "data.limit=64", "optimizer=sgd"]
    with pytest.raises(DivergedError, match="training diverged"):
        run(compose([*overrides, "optimizer.lr=1e39", "schedule=constant"]))


def test_plots_draw_the_training_curves_alone():
    epochs = [(n, {"train/loss": 1 / n, "train/accuracy": 1 - 1 / n, "lr": 0.1}) for n in (1, 2, 3)]
    figure = curves(epochs, best=3)
    assert [len(axes.lines) for axes in figure.axes] == [1, 1, 1]
    metrics = [CurveMetric(f"{split}/accuracy", f"{split} accuracy", "higher") for split in ("val", "train")]
    plot = curves_plot([SettingCurves("adam", "epoch", [epochs])], metrics)
    assert len(plot.panels) == 1
