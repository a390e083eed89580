"""The logged model takes back the table that it learnt from, in every form that MLflow passes on."""

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from nnexp.serving.prediction_table import predict_files
from nnexp.tracking.mlflow.model import save_model

pytestmark = pytest.mark.filterwarnings("ignore")
RNG = np.random.default_rng(0)
N = 60
TABLE = pd.DataFrame(
    {
        "größe": RNG.normal(100, 20, N).round(2),
        "rooms": RNG.integers(1, 90, N),  # integers, not only 0 and 1
        "floor": [None, *RNG.integers(0, 9, N - 1).tolist()],  # integers, one missing: floats in pandas
        "big": RNG.integers(2**40, 2**41, N),
        "garden": RNG.random(N) < 0.5,
        "lift": [True, None, *(RNG.random(N - 2) < 0.5)],
        "zip": [f"0{n}" for n in RNG.integers(1000, 1003, N)],
        "kind": [None, *RNG.choice(["flat", "cottage", "true"], N - 1)],
        "built": pd.to_datetime(RNG.integers(0, 2 * 10**9, N), unit="s").astype("datetime64[s]"),
        "sold": [None, *pd.to_datetime(RNG.integers(0, 2 * 10**9, N - 1), unit="s").strftime("%Y-%m-%d")],
        "price": RNG.choice(["low", "high"], N),
    }
)


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    """The MLflow model of a run on the table, its folder, and what `nnexp predict` predicts of the file."""
    folder = tmp_path_factory.mktemp("served")
    path = folder / "homes.csv"
    TABLE.to_csv(path, index=False)
    run = trained("data=table", f"data.path={path}", "data.target=price", "data.categorical=[zip]")
    save_model(folder / "model", run.folder, folder)
    import mlflow.pyfunc

    (predicted,) = predict_files(run.predictor, [path])
    p = run.predictor.probabilities(predicted.z)
    low = p[:, run.predictor.spec.classes.index("low")]
    return mlflow.pyfunc.load_model(str(folder / "model")), folder, low


def csv(table):
    return table.to_csv(index=False)


def read_again(table, **options):
    return pd.read_csv(io.StringIO(csv(table)), **options)


def check(predicted, expected):
    predicted = pd.DataFrame(predicted)
    np.testing.assert_allclose(predicted["p_low"], expected, atol=1e-6)
    assert (predicted["prediction"] == np.where(expected > 0.5, "low", "high")).all()


FRAMES = {
    "as it was made": lambda: TABLE,
    "as pandas reads it": lambda: read_again(TABLE),
    "without a target": lambda: read_again(TABLE.drop(columns="price")),
    "in another order, with others": lambda: read_again(TABLE[TABLE.columns[::-1]].assign(note="x", other=1)),
    "dates as dates": lambda: read_again(TABLE, parse_dates=["built", "sold"]),
    "nullable types": lambda: read_again(TABLE, dtype_backend="numpy_nullable"),
    "types of pyarrow": lambda: read_again(TABLE, dtype_backend="pyarrow"),
    "all text": lambda: read_again(TABLE, dtype=str),
    "categories": lambda: read_again(TABLE).astype({"kind": "category", "zip": "category"}),
    "objects": lambda: TABLE.astype(object).where(TABLE.notna(), None),
    "32 bits": lambda: read_again(TABLE).astype({"rooms": "int32", "garden": "int8"}),
}


@pytest.mark.parametrize("form", FRAMES)
def test_a_data_frame_of_any_types_is_predicted_as_the_file_is(form, served):
    model, _, expected = served
    check(model.predict(FRAMES[form]()), expected)


def split(table):
    return {"dataframe_split": json.loads(table.to_json(orient="split", date_format="iso"))}


def records(table):
    return json.loads(table.to_json(orient="records", date_format="iso"))


BODIES = {
    "CSV": ("text/csv", csv),
    "CSV in UTF-8": ("text/csv; charset=utf-8", csv),
    "split": ("application/json", lambda table: json.dumps(split(table))),
    "records": ("application/json", lambda table: json.dumps({"dataframe_records": records(table)})),
    "inputs by column": (
        "application/json",
        lambda table: json.dumps({"inputs": {key: [row[key] for row in records(table)] for key in table}}),
    ),
    "inputs by row": ("application/json", lambda table: json.dumps({"inputs": records(table)})),
    "instances": ("application/json", lambda table: json.dumps({"instances": records(table)})),
}


@pytest.mark.parametrize("form", BODIES)
@pytest.mark.parametrize(
    "table",
    [TABLE, TABLE.drop(columns="price"), TABLE[TABLE.columns[::-1]].assign(note="x", other=1)],
    ids=["the file", "no target", "another order"],
)
def test_every_request_of_the_rest_server_is_predicted_as_the_file_is(form, table, served):
    model, _, expected = served
    kind, body = BODIES[form]
    answer = post(model, kind, body(table))
    assert answer.status == 200
    check(json.loads(answer.response)["predictions"], expected)


def post(model, kind, body):
    from mlflow.pyfunc import scoring_server

    return scoring_server.invocations(body, kind, model, model.metadata.get_input_schema())


def test_one_row_is_a_request_too(served):
    model, _, expected = served
    row = records(TABLE.iloc[[3]])[0]
    for body in ({"inputs": row}, {"inputs": [row]}, {"instances": [row]}, {"dataframe_records": [row]}):
        answer = post(model, "application/json", json.dumps(body))
        check(json.loads(answer.response)["predictions"], expected[3:4])


def test_the_server_passes_on_what_is_wrong(served):
    from mlflow.exceptions import MlflowException

    model, _, _ = served
    for table, message in (
        (TABLE.drop(columns="rooms"), "missing column: rooms"),
        (TABLE.assign(rooms="many"), "row 1: expected a number in the column 'rooms', got 'many'"),
    ):
        for kind, body in BODIES.values():
            with pytest.raises(MlflowException, match="rooms") as error:
                post(model, kind, body(table))
            assert message in error.value.message
            assert error.value.get_http_status_code() == 400


def test_the_columns_are_shown_with_the_model(served):
    model, folder, _ = served
    kinds = {column["name"]: column["kind"] for column in model.metadata.metadata["columns"]}
    assert list(kinds) == [name for name in TABLE if name != "price"]
    assert {kinds["größe"], kinds["kind"], kinds["built"]} == {"number", "category", "date"}
    assert [column.name for column in model.metadata.signature.outputs][:2] == ["prediction", "confidence"]
    example = json.loads((folder / "model" / "serving_input_example.json").read_text(encoding="utf-8"))
    assert example["dataframe_split"]["columns"] == list(kinds)
    assert post(model, "application/json", json.dumps(example)).status == 200


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_mlflow_models_predict_reads_the_file(kind, served, alone):
    _, folder, expected = served
    given = alone / f"given.{kind}"
    given.write_text(csv(TABLE) if kind == "csv" else json.dumps(split(TABLE)), encoding="utf-8")
    options = ["-m", str(folder / "model"), "-i", str(given), "-o", "out.json", "-t", kind]
    command = [sys.executable, "-m", "mlflow", "models", "predict", *options, "--env-manager", "local"]
    subprocess.run(command, check=True, capture_output=True)
    check(json.loads((alone / "out.json").read_text(encoding="utf-8"))["predictions"], expected)
