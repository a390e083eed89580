"""A trained network takes back the file it learnt from, in every form, and predicts what the run did."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.trained_runs import Trained
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table
from nnexp.preprocessing.columns import encode_columns
from nnexp.preprocessing.scaling import narrow
from nnexp.serving.prediction_table import predict_files
from nnexp.serving.pyfunc import PyfuncModel

N = 240
RNG = np.random.default_rng(0)
TIMES = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.sort(RNG.integers(0, 10**8, N)), unit="s")
FRAME = pd.DataFrame(
    {
        "sold": TIMES.to_series(index=range(N)).mask(np.arange(N) % 17 == 0),
        "day": TIMES.normalize(),
        "us": TIMES.strftime("%m/%d/%Y"),
        "at": TIMES.strftime("%H:%M"),
        "city": RNG.choice([f"city {n}" for n in range(150)], N),
        "rooms": RNG.integers(1, 6, N),
        "garden": RNG.random(N) < 0.5,
        "code": RNG.integers(1, 4, N),
        "key": 1_600_000_000 + RNG.integers(0, 10**6, N),
        "area": pd.Series(RNG.normal(80, 20, N).round(2)).mask(np.arange(N) % 13 == 0),
        "kind": np.where(RNG.random(N) < 0.5, "villa", "flat"),
    }
).assign(city=lambda frame: frame["city"].mask(np.arange(N) % 19 == 0))
OPTIONS = [
    "data.date_features=[weekday,month]",
    "data.categorical=[code]",
    "data.min_count=2",
    "data.dates=month_first",
]
ENDINGS = ("csv", "parquet", "npz")


def write(frame, path):
    if path.suffix == ".npz":
        moments = frame.select_dtypes("datetime").columns
        arrays = {name: frame[name].to_numpy() for name in frame.columns}
        texts = {name: np.array(frame[name].fillna("").tolist()) for name in ("us", "at", "city", "kind")}
        np.savez(path, **arrays | texts | {name: frame[name].to_numpy("datetime64[us]") for name in moments})
    else:
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.fixture(scope="module", params=ENDINGS)
def trained(request, tmp_path_factory):
    """A network that learnt from a file of each format."""
    path = write(FRAME, tmp_path_factory.mktemp("data") / f"estates.{request.param}")
    data = ["data=table", f"data.path={path}", "data.target=kind", *OPTIONS]
    return Trained(tmp_path_factory.mktemp("run"), *data)


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_of_every_format_are_predicted_as_in_the_run(trained, alone, ending):
    (predicted,) = predict_files(trained.predictor, [write(FRAME, Path(f"again.{ending}"))])
    for split in ("val", "test"):
        run = trained.result.splits[split].predictions
        classes = np.array(trained.predictor.spec.classes)
        assert predicted.columns["prediction"][run.index].tolist() == classes[run.predicted].tolist()
        np.testing.assert_allclose(predicted.columns["confidence"][run.index], run.confidence, rtol=1e-6)
        np.testing.assert_array_equal(predicted.examples.true[run.index], run.true)


FORMS = {
    "read_csv": lambda frame: frame,
    "dates": lambda frame: frame.astype({"sold": "datetime64[ns]", "day": "datetime64[s]"}),
    "time zone": lambda frame: frame.assign(
        sold=pd.to_datetime(frame["sold"]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    ),
    "text": lambda frame: frame.astype(str),
    "objects": lambda frame: FRAME.astype(object),
    "nullable": lambda frame: FRAME.convert_dtypes(),
    "arrow": lambda frame: FRAME.convert_dtypes(dtype_backend="pyarrow"),
    "categorical": lambda frame: frame.astype({"city": "category", "garden": "category", "code": "category"}),
    "floats": lambda frame: frame.astype({"rooms": float, "garden": float, "code": float, "key": float}),
    "reversed": lambda frame: frame[frame.columns[::-1]],
    "more columns": lambda frame: frame.assign(price=1, day_of_sale="Monday"),
    "without the target": lambda frame: frame.drop(columns="kind"),
    "records": lambda frame: FRAME.to_dict("records"),
    "arrays": lambda frame: {name: frame[name].to_numpy() for name in frame},
}


@pytest.mark.parametrize("form", FORMS)
def test_frames_of_every_type_give_the_same_predictions(trained, alone, form):
    (expected,) = predict_files(trained.predictor, [write(FRAME, Path("again.csv"))])
    predicted = PyfuncModel(trained.predictor).predict(FORMS[form](pd.read_csv("again.csv")))
    np.testing.assert_array_equal(predicted["confidence"], expected.columns["confidence"])


def test_onnx_agrees_on_the_encoded_file(trained):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx]'")
    from nnexp.serving.onnx.export import onnx_model
    from nnexp.serving.onnx.verify import run

    x = encode_columns(FRAME.to_dict("series"), trained.predictor.spec.columns)
    outputs = run(onnx_model(trained.predictor, {}), x.astype(trained.predictor.spec.given))
    np.testing.assert_allclose(outputs["logits"], trained.predictor.outputs(x), atol=1e-5)
    inputs = [name for column in trained.predictor.spec.columns for name in column.inputs]
    assert len(inputs) == x.shape[1]


def cells(*values):
    return st.lists(st.sampled_from([*values, "", "NA"]), min_size=24, max_size=24)


KINDS = [
    cells("2024-01-31", "2023-02-28 10:00", "9999-12-31"),
    cells("31/01/2024", "28/02/2023"),
    cells("01/31/2024 2:05 PM", "2/28/2023 11:59 AM"),
    cells("14:05", "3 days", "36:00:00"),
    cells("a", "b", "other", "missing"),
    cells("True", "False"),
    cells("2.0", "2", "02", "x"),
    cells("0", "1", "yes"),
    cells("1,250", "980", "3,000"),
    cells("2.5", "-1", "1e3"),
]
OPTIONS_OF_TEXT = [{}, {"min_count": 3}, {"max_categories": 2}, {"date_features": ["weekday", "hour"]}]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(KINDS).flatmap(lambda kind: kind), min_size=1, max_size=3),
    st.sampled_from(OPTIONS_OF_TEXT),
)
def test_new_rows_are_encoded_as_in_training_whatever_they_hold(alone, columns, options):
    numbers = {"z": np.arange(24) * 1.5, "y": ["u", "v"] * 12}
    frame = pd.DataFrame({f"c{n}": column for n, column in enumerate(columns)} | numbers)
    frame.to_csv("table.csv", index=False, quoting=csv.QUOTE_ALL)
    try:
        dataset = Table(path="table.csv", target="y", **options).load()
    except DataError:
        return
    rows = np.concatenate([dataset.source.index, dataset.source_test.index])
    for table in (frame, pd.read_csv("table.csv"), pd.read_csv("table.csv", dtype=str)):
        x = narrow(encode_columns(table.to_dict("series"), dataset.columns), dataset.origin)
        np.testing.assert_array_equal(np.concatenate([dataset.x, dataset.x_test]), x[rows])
