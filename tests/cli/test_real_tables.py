"""Six tables as people bring them: trained, evaluated, exported, served, and predicted on new rows, by commands."""

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
from fixtures.real_tables import RealTable, generated
from sklearn import metrics

TABLES = generated()
STARTS_WITHIN = 120  # seconds


@pytest.fixture(params=TABLES, ids=lambda table: table.name)
def table(request, alone) -> RealTable:
    request.param.frame.to_csv(f"{request.param.name}.csv", index=False)
    request.param.new.to_csv("new.csv", index=False)
    return request.param


def command(*words: str, module: str = "nnexp") -> str:
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def expected_score(table: RealTable, folder: Path) -> float:
    """Compute the test score by scikit-learn from the predictions, joined to the file by row."""
    predictions = pd.read_parquet(folder / "predictions/test.parquet")
    rows = table.frame.iloc[predictions["index"]].reset_index(drop=True)
    if table.name == "patients":
        assert list(predictions["patient"]) == list(rows["patient"])
    if table.task == "multilabel":
        names = ["sports", "politics", "opinion"]
        true = rows[names].to_numpy()
        return float((predictions[[f"predicted_{name}" for name in names]].to_numpy() == true).mean())
    true = rows[table.frame.columns[-1]]
    if table.task == "regression":
        return metrics.r2_score(true, predictions["predicted"])
    assert list(predictions["true"].astype(str)) == list(true.astype(str))
    return metrics.accuracy_score(true.astype(str), predictions["predicted"].astype(str))


@contextmanager
def served(model_uri: str):
    """Serve a model by `mlflow models serve`; yields a function that posts a CSV file."""
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
        yield lambda content: post(f"{url}/invocations", content)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(20)


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        assert server.poll() is None, Path("serve.log").read_text(encoding="utf-8")
        time.sleep(0.1)
    pytest.fail(f"no answer from {url}")


def post(url: str, content: bytes) -> pd.DataFrame:
    request = urllib.request.Request(url, content, {"Content-Type": "text/csv"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return pd.DataFrame(json.load(response)["predictions"])


def test_a_real_table_goes_all_the_way(table, store):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx]'")
    data = ["data=table", f"data.path={table.name}.csv", *table.overrides]
    command(*data, "trainer.epochs=30", "trainer.batch_size=32")
    shown = json.loads(command("show", "last", "--json"))
    (folder,) = Path("outputs/runs").glob("*/*")
    score = shown["metrics"]["test/r2" if table.task == "regression" else "test/accuracy"]
    assert score == pytest.approx(expected_score(table, folder), abs=1e-6)
    assert score > table.lowest

    command("predict", "last", f"{table.name}.csv", "--out", "again.parquet")
    again = pd.read_parquet("again.parquet")
    predictions = pd.read_parquet(folder / "predictions/test.parquet")
    of_test = again.iloc[predictions["index"]].reset_index(drop=True)
    for name in [name for name in predictions if name.startswith("predicted")]:
        column = name.replace("predicted", "prediction")
        if table.task == "regression":
            np.testing.assert_allclose(of_test[column], predictions[name], rtol=1e-5)
        else:
            assert list(of_test[column].astype(str)) == list(predictions[name].astype(str))

    printed = command("predict", "last", "new.csv", "--out", "new.parquet")
    assert "not seen in training" in printed
    new = pd.read_parquet("new.parquet")
    assert len(new) == len(table.new)

    assert "largest difference" in command("export", "last", "--onnx", "--out", "model.onnx")
    with served(f"runs:/{shown['run_id']}/model") as predict:
        for content, expected in [
            (Path("new.csv").read_bytes(), new),
            (Path(f"{table.name}.csv").read_bytes(), again),
        ]:
            answer = predict(content)
            for name in answer:
                assert list(answer[name].astype(str)) == list(expected[name].astype(str))
