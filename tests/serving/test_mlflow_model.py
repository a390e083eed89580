"""A logged model as a pyfunc, over REST and as ONNX: all predict what the network predicts."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from nnexp import compose, run
from nnexp.config import build
from nnexp.run_folder import NETWORK, weights_path
from nnexp.serving.predictor import Predictor
from nnexp.tracking.mlflow.upload_state import UploadState

IMAGES = 1000


def tracked_run(*overrides):
    config = compose([*overrides, "tracking.register=digits"])
    result = run(config)
    data = build(config).data.load()
    images = np.asarray(data.x_test[:IMAGES]).reshape(-1, *data.shape)
    return result, images, f"models:/{UploadState.load(result.folder).model_id}"


@pytest.fixture
def pyfunc(store, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri(f"sqlite:///{store}")
    import mlflow.pyfunc

    yield mlflow.pyfunc
    mlflow.set_tracking_uri(None)


def assert_all_agree(pyfunc, result, images, model_uri):
    """Compare probabilities of the network, the logged model, the registered model, and ONNX, to 1e-5."""
    predictor = Predictor.load(result.folder / NETWORK, result.folder / weights_path("best"))
    p = predictor.probabilities(predictor.outputs(images))
    for uri in (model_uri, "models:/digits/1", f"runs:/{result.run_id}/model"):
        predicted = pyfunc.load_model(uri).predict(images)
        np.testing.assert_allclose(predicted.filter(like="p_").to_numpy(), p, atol=1e-5, rtol=0)
        assert list(predicted["prediction"]) == [predictor.spec.classes[k] for k in p.argmax(axis=1)]
        np.testing.assert_allclose(predicted["confidence"], p.max(axis=1), atol=1e-5, rtol=0)
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx]'")
    from nnexp.serving.onnx.export import onnx_model

    content = onnx_model(predictor, {}).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["probabilities"], {"x": images})[0], p, atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore")
def test_pyfunc_onnx_and_the_network_agree(pyfunc):
    assert_all_agree(pyfunc, *tracked_run("data=digits", "trainer.epochs=4"))


@pytest.mark.filterwarnings("ignore")
def test_they_agree_on_a_thousand_images_of_mnist(pyfunc, mnist_root):
    data = ["data=mnist", f"data.root={mnist_root}", "data.limit=5000"]
    result, images, model_uri = tracked_run(*data, "trainer.epochs=1", "model=lenet5")
    assert len(images) == IMAGES
    assert_all_agree(pyfunc, result, images, model_uri)


@pytest.mark.filterwarnings("ignore")
def test_a_table_is_predicted_by_the_names_of_its_columns(pyfunc, alone):
    from sklearn.datasets import load_iris

    iris = load_iris(as_frame=True).frame.assign(place=["a", "b", "c"] * 50)
    iris.to_csv("iris.csv", index=False)
    data = ["data=table", "data.path=iris.csv", "data.target=target"]
    result = run(compose([*data, "trainer.epochs=30", "trainer.batch_size=16"]))
    model = pyfunc.load_model(f"runs:/{result.run_id}/model")
    features = iris.drop(columns="target")
    assert (model.predict(features)["prediction"].astype(int) == iris["target"]).mean() > 0.8
    assert [column["name"] for column in model.metadata.metadata["columns"]] == list(features)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_mlflow_models_serve_predicts_five_digits(store, alone):
    """In a process that finds no nnexp but the one in the bundle."""
    result, images, model_uri = tracked_run("data=digits", "trainer.epochs=10")
    url = f"http://127.0.0.1:{(port := free_port())}"
    options = ["-m", model_uri, "--env-manager", "local", "--port", str(port)]
    command = [sys.executable, "-m", "mlflow", "models", "serve", *options]
    environment = os.environ | {
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",  # as when activated
        "MLFLOW_TRACKING_URI": f"sqlite:///{store}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with open("serve.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{url}/ping", timeout=10):
                    break
            except OSError:
                assert server.poll() is None, Path("serve.log").read_text(encoding="utf-8")
                time.sleep(0.1)
        body = json.dumps({"inputs": images[:5].tolist()}).encode()
        request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            rows = json.load(response)["predictions"]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(60)
    predicted = result.network.predict(images[:5].reshape(5, -1) / 16)
    assert [row["prediction"] for row in rows] == [str(label) for label in predicted]
