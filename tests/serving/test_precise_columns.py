"""Dates as whole numbers and Unix seconds: a run, its network, its pyfunc and its ONNX model agree."""

import numpy as np
import pandas as pd
import pytest
from fixtures.third_party import HAS_ONNX

from nnexp import compose
from nnexp.config import build
from nnexp.data.dataset import Dataset
from nnexp.experiment.components import build_components
from nnexp.preprocessing.columns import encode_columns
from nnexp.serving.model_spec import ModelSpec, describe
from nnexp.serving.onnx.export import onnx_model
from nnexp.serving.onnx.verify import run as run_onnx
from nnexp.serving.onnx.verify import verify
from nnexp.serving.prediction_table import predict_files
from nnexp.serving.predictor import Predictor
from nnexp.serving.pyfunc import PyfuncModel

RNG = np.random.default_rng(0)
N = 200
DAY = RNG.choice([20180131, 20180132], N)
START = 1_517_356_800
HOUR = RNG.normal(size=N).round(3)
TABLE = pd.DataFrame({"day": DAY, "hour": HOUR, "after": np.where(DAY.min() == DAY, "no", "yes")})
TABLE["stamp"] = START + (600 * HOUR).round().astype(np.int64)


def write(path):
    if path.suffix == ".csv":
        TABLE.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        TABLE.to_parquet(path, index=False)
    else:
        np.savez(path, **{name: TABLE[name].to_numpy(str if name == "after" else None) for name in TABLE})
    return path


def train(trained, path, *overrides):
    quick = ["trainer.batch_size=16", "trainer.epochs=20"]
    return trained("data=table", f"data.path={path}", *quick, *overrides)


def assert_all_agree(run, path, key):
    """Compare the network's outputs for the file's rows, for a pandas table, and of the ONNX model."""
    predictor = run.predictor
    assert ModelSpec.from_json(predictor.spec.to_json()).to_json() == run.files[0].read_text()
    x = encode_columns({name: TABLE[name] for name in TABLE}, predictor.spec.columns)
    z = predictor.outputs(x)
    (of_file,) = predict_files(predictor, [path])
    np.testing.assert_array_equal(of_file.z, z)
    pd.testing.assert_frame_equal(PyfuncModel(predictor).predict(TABLE), pd.DataFrame(of_file.columns))
    if not HAS_ONNX:
        return z, of_file.score
    model = onnx_model(predictor, {})
    verify(model, predictor)
    unit = 1 if predictor.spec.target_scale is None else predictor.spec.target_scale.deviation
    np.testing.assert_allclose(
        run_onnx(model, x.astype(predictor.spec.given))[key] / unit, z / unit, atol=1e-5
    )
    return z, of_file.score


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "table.npz"])
def test_classes_that_differ_by_one_day_are_separated(trained, alone, name):
    path = write(alone / name)
    run = train(trained, path, "data.target=after", "data.drop=[stamp]")
    test = run.result.splits["test"].predictions
    np.testing.assert_array_equal(test.predicted, test.true)
    z, score = assert_all_agree(run, path, "logits")
    assert score == (1, N)
    np.testing.assert_array_equal(z.argmax(axis=1) == 1, DAY.max() == DAY)


def test_a_target_in_unix_seconds_is_exact_and_restored_in_float64(trained, alone):
    path = write(alone / "table.csv")
    overrides = ["data.target=stamp", "data.drop=[after,day]", "loss=mean_squared_error"]
    run = train(trained, path, *overrides)
    test = run.result.splits["test"]
    assert set(test.predictions.true[:, 0].astype(np.int64)) <= set(TABLE["stamp"])
    errors = test.predictions.true - test.predictions.predicted
    assert test.report.rmse == pytest.approx(np.sqrt((errors**2).mean(axis=0)))
    assert test.report.rmse[0] < 60, "of 600 seconds; float32's spacing there is 128"
    z, (r2, rows) = assert_all_agree(run, path, "y")
    assert rows == N
    assert r2 == pytest.approx(1 - ((z[:, 0] - TABLE["stamp"]) ** 2).mean() / TABLE["stamp"].var(ddof=0))


@pytest.mark.parametrize("stored", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_data_set_of_a_plugin_is_scaled_in_the_more_precise_type(stored, dtype):
    x = np.column_stack([DAY - (20180131 if stored == np.float32 else 0), np.arange(N)]).astype(stored)
    y = np.arange(N) % 2
    numeric = np.ones(2, bool)
    dataset = Dataset("own", x, y, x, y, (2,), ("a", "b"), 1.0, "", numeric=numeric)
    settings = build(compose(["data=digits", "model.hidden=[3]", f"trainer.dtype={dtype}"]))
    components = build_components(settings, dataset)
    rows = components.train.rows
    z = (x - x[0]).astype(np.float64)
    z = (z - z[rows].mean(axis=0)) / z[rows].std(axis=0)
    inputs = next(iter(components.test))[0]
    np.testing.assert_allclose(inputs, z[: len(inputs)], atol=3e-6 if dtype == "float32" else 1e-7)
    spec = describe(
        settings.values,
        dataset,
        components.network,
        scale=components.train.scale,
        target_scale=None,
        output_activation="softmax",
        evaluation_batch=8,
    )
    predictor = Predictor(spec, components.network)
    np.testing.assert_array_equal(predictor.inputs(x[: len(inputs)]), inputs)
    if HAS_ONNX:
        verify(onnx_model(predictor, {}), predictor)
