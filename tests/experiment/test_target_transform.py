"""A skewed target is learnt as its logarithm; results are in its own units, compared with scikit-learn's."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from nnexp import compose, run
from nnexp.config import build
from nnexp.data.errors import DataError
from nnexp.experiment.components import build_components
from nnexp.preprocessing.scaling import TargetScale
from nnexp.serving.prediction_table import predict_files
from nnexp.serving.predictor import Predictor
from nnexp.serving.pyfunc import PyfuncModel

RNG = np.random.default_rng(0)
N = 200
X = RNG.normal(size=(N, 2))
LOG_PRICE = 3 + X @ [1.0, -2.0]
FRAME = pd.DataFrame(
    {"a": X[:, 0], "b": X[:, 1], "price": np.exp(LOG_PRICE), "sold": np.expm1(np.abs(LOG_PRICE)) * 2}
)
QUICK = ("data=table", "data.path=sales.csv", "loss=mean_squared_error", "tracking=none", "schedule=constant")
LINEAR = (*QUICK, "model=softmax", "optimizer.lr=0.05", "trainer.epochs=150", "diagnostics.layers=false")
PRICE = ("data.target=price", "data.drop=[sold]", "data.target_transform=log")


@pytest.fixture(autouse=True)
def sales(alone: Path) -> None:
    FRAME.to_csv("sales.csv", index=False)


def test_scores_and_predictions_are_in_the_units_of_the_target():
    result = run(compose([*LINEAR, *PRICE]))
    for split, prefix in (("val", "best/val_"), ("test", "test/")):
        predictions = result.splits[split].predictions
        rows = FRAME.iloc[predictions.index]
        np.testing.assert_allclose(predictions.true[:, 0], rows["price"], rtol=1e-12)
        expected = r2_score(rows["price"], predictions.predicted[:, 0])
        assert result.metrics[f"{prefix}r2"] == pytest.approx(expected, rel=1e-5)
    assert result.metrics["test/mae"] == pytest.approx(
        mean_absolute_error(rows["price"], predictions.predicted[:, 0])
    )
    rmse = root_mean_squared_error(rows["price"], predictions.predicted[:, 0])
    assert result.metrics["test/rmse"] == pytest.approx(rmse)
    assert result.metrics["test/r2"] > 0.99

    training = FRAME.drop(index=result.splits["test"].predictions.index)
    reference = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    reference.fit(training[["a", "b"]], training["price"])
    np.testing.assert_allclose(predictions.predicted[:, 0], reference.predict(rows[["a", "b"]]), rtol=0.05)


def test_training_standardizes_the_logarithms():
    made = build_components(build(compose([*LINEAR, *PRICE])))
    rows = made.train.rows
    logs = np.log(FRAME["price"].to_numpy()[made.dataset.source.index[rows]])
    expected = (logs - logs.mean()) / logs.std()
    np.testing.assert_allclose(made.train.labels_of(rows)[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(made.targets.restore(expected[:, None])[:, 0], np.exp(logs), rtol=1e-6)


@pytest.mark.parametrize("transform", ["log", "log1p"])
def test_the_network_alone_restores_predictions_wherever_it_serves(transform):
    """network.json holds the transform: `nnexp predict`, the served model and ONNX need nothing else."""
    pytest.importorskip("onnxruntime")
    from nnexp.serving.onnx.export import onnx_model
    from nnexp.serving.onnx.verify import run as run_onnx
    from nnexp.serving.onnx.verify import verify

    target = ("data.target=[price,sold]", f"data.target_transform={transform}", "data.task=regression")
    result = run(compose([*LINEAR, *target, "trainer.epochs=5"]))
    predictor = Predictor.load(result.folder / "network.json", result.folder / "weights" / "best.npz")
    spec = json.loads((result.folder / "network.json").read_text())
    assert spec["target_scale"]["transform"] == transform
    recorded = result.splits["test"].predictions
    rows = FRAME.iloc[recorded.index]
    rows.to_csv("new.csv", index=False)
    (predicted,) = predict_files(predictor, [Path("new.csv")])
    np.testing.assert_array_equal(predicted.z, recorded.predicted)
    assert predicted.score[0] == pytest.approx(result.metrics["test/r2"])
    np.testing.assert_array_equal(PyfuncModel(predictor).predict(rows).to_numpy(), recorded.predicted)
    model = onnx_model(predictor, {})
    assert verify(model, predictor) < 1e-5
    np.testing.assert_allclose(
        run_onnx(model, predicted.examples.x.astype(np.float32))["y"], recorded.predicted, rtol=1e-4
    )


def test_without_a_transform_the_scale_is_written_as_before():
    scale = TargetScale.fit(FRAME[["price"]].to_numpy(), np.arange(N))
    assert set(scale.to_json()) == {"mean", "deviation"}
    read = TargetScale.from_json(
        json.loads(json.dumps(TargetScale.fit(np.ones((3, 1)), np.arange(3), "log1p").to_json()))
    )
    assert read.transform == "log1p"


@pytest.mark.parametrize(
    ("value", "transform", "setting"),
    [(0, "log", "log1p"), (-0.5, "log", "log1p"), (-2, "log", "null"), (-1, "log1p", "null")],
)
def test_targets_outside_the_domain_are_refused_with_their_row(value, transform, setting):
    frame = FRAME.copy()
    frame.loc[16, "price"] = value
    frame.loc[3, "price"] = np.nan
    frame.to_csv("sales.csv", index=False)
    with pytest.raises(DataError) as error:
        build(compose([*QUICK, *PRICE, f"data.target_transform={transform}"])).data.load()
    assert f"'price' is {value} in row 17 below the header" in str(error.value)
    assert str(error.value).endswith(f"set data.target_transform={setting}")


def test_whole_numbers_with_a_transform_are_a_regression():
    FRAME.assign(price=np.arange(N) % 9 + 1).to_csv("sales.csv", index=False)
    dataset = build(compose([*QUICK, *PRICE])).data.load()
    assert dataset.task == "regression"
    assert any("log(price)" in note and "median" in note for note in dataset.notes)
