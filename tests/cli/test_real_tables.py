"""Six tables as people bring them go all the way by commands: training, export, serving, new rows."""

import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.mlflow_server import unused_port
from fixtures.plotless import PLOTLESS
from fixtures.real_tables import RealTable, generated
from sklearn import metrics

TABLES = generated()
LABELS = ["sports", "politics", "opinion"]
STARTS_WITHIN = 120  # seconds


def nnexp(*words: str) -> str:
    done = subprocess.run([*PLOTLESS, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def expected_score(table: RealTable, predictions: pd.DataFrame) -> float:
    """Compute the test score by scikit-learn from the predictions, joined to the file by row."""
    rows = table.frame.iloc[predictions["index"]].reset_index(drop=True)
    if "id" in predictions:
        assert list(predictions["id"]) == list(rows["patient"])
    if table.task == "multilabel":
        return float((predictions.filter(like="predicted_").to_numpy() == rows[LABELS].to_numpy()).mean())
    target = table.frame.columns[-1]
    if table.task == "regression":
        return metrics.r2_score(rows[target], predictions[f"predicted_{target}"])
    return metrics.accuracy_score(rows[target].astype(str), predictions["predicted"])


@contextmanager
def served(model_uri: str):
    """Serve a model by `mlflow models serve`; yields a function that posts rows."""
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    options = ["-m", model_uri, "--env-manager", "local", "--port", str(port)]
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"  # as when activated
    environment = os.environ | {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{Path('mlruns/mlflow.db').resolve()}"
    with open("serve.log", "w", encoding="utf-8") as log:
        serve = [sys.executable, "-m", "mlflow", "models", "serve", *options]
        server = subprocess.Popen(serve, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(f"{url}/ping", server)
        yield lambda content, form: post(f"{url}/invocations", content, form)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(60)


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(url, timeout=10):
            return
        assert server.poll() is None, Path("serve.log").read_text(encoding="utf-8")
        time.sleep(0.1)
    pytest.fail(f"no answer from {url}")


def post(url: str, content: str, form: str) -> pd.DataFrame:
    request = urllib.request.Request(url, content.encode(), {"Content-Type": form})
    with urllib.request.urlopen(request, timeout=60) as response:
        return pd.DataFrame(json.load(response)["predictions"])


def assert_equal(answer: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare the served predictions with those of the command, number by number."""
    assert {*answer} <= {*expected}
    for name in answer:
        assert list(answer[name].astype(str)) == list(expected[name].astype(str))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_real_table_goes_all_the_way(table, store):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx]'")
    file = f"{table.name}.csv"
    table.frame.to_csv(file, index=False)
    table.new.to_csv("new.csv", index=False)
    nnexp("data=table", f"data.path={file}", *table.overrides, "trainer.epochs=30", "trainer.batch_size=32")
    shown = json.loads(nnexp("show", "last", "--json"))
    predictions = pd.read_parquet(Path(shown["folder"]) / "predictions/test.parquet")
    score = shown["metrics"]["test/r2" if table.task == "regression" else "test/accuracy"]
    assert score == pytest.approx(expected_score(table, predictions), abs=1e-6)
    assert score > table.lowest

    nnexp("predict", "last", file, "--out", "again.parquet")
    again = pd.read_parquet("again.parquet")
    of_test = again.iloc[predictions["index"]].reset_index(drop=True)
    for name in [name for name in predictions if name.startswith("predicted")]:
        column = name.removeprefix("predicted_") if "_" in name else "prediction"
        if table.task == "regression":  # sums may be rounded differently among other rows
            atol = 1e-6 * predictions[name].std()
            np.testing.assert_allclose(of_test[column], predictions[name], rtol=0, atol=atol)
        else:
            assert list(of_test[column]) == list(predictions[name])

    unseen = f"values not seen in training: {table.unseen}"
    assert unseen in nnexp("predict", "last", "new.csv", "--out", "new.parquet")
    new = pd.read_parquet("new.parquet")
    assert len(new) == len(table.new)

    assert "verified on 1,000" in nnexp("export", "last", "--onnx", "--out", "model.onnx")
    with served(f"runs:/{shown['id']}/model") as predict:
        for frame, expected in ((table.new, new), (table.frame, again)):
            records = json.dumps({"dataframe_records": json.loads(frame.to_json(orient="records"))})
            assert_equal(predict(records, "application/json"), expected)
            assert_equal(
                predict(frame.to_csv(index=False), "text/csv").drop(columns="id", errors="ignore"), expected
            )
