"""A logged model at work: loaded as a pyfunc, served over REST, exported as ONNX; all say what our own network says."""

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
from nnexp.serving.predictor import Predictor
from nnexp.tracking.mlflow.upload_state import UploadState

IMAGES = 1000


def learnt(*overrides):
    """A tracked run, the test images as stored, and its model's address."""
    config = compose([*overrides, "tracking.register=digits"])
    result = run(config)
    assert result.run_id
    from nnexp.config import build

    data = build(config).data.load()
    images = np.asarray(data.x_test[:IMAGES]).reshape(-1, *data.shape)
    return (
        result,
        images,
        np.asarray(data.y_test[:IMAGES]),
        f"models:/{UploadState.load(result.folder).model_id}",
    )


@pytest.fixture
def pyfunc(store, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri(f"sqlite:///{store}")
    import mlflow.pyfunc

    yield mlflow.pyfunc
    mlflow.set_tracking_uri(None)


def assert_all_agree(pyfunc, result, images, address):
    """Our network, the model that MLflow loads by id and by registered name, and ONNX: probabilities to 1e-5."""
    predictor = Predictor.load(result.folder / "network.json", result.folder / "weights" / "best.npz")
    ours = predictor.probabilities(images)
    for uri in (address, "models:/digits/1", f"runs:/{result.run_id}/model"):
        found = pyfunc.load_model(uri).predict(images)
        np.testing.assert_allclose(found.filter(like="p_").to_numpy(), ours, atol=1e-5, rtol=0)
        assert list(found["prediction"]) == [predictor.classes[k] for k in ours.argmax(axis=1)]
        np.testing.assert_allclose(found["confidence"], ours.max(axis=1), atol=1e-5, rtol=0)
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx]'")
    from nnexp.serving.onnx.export import onnx_model

    session = onnxruntime.InferenceSession(
        onnx_model(predictor, {}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (theirs,) = session.run(["probabilities"], {"x": images})
    np.testing.assert_allclose(theirs, ours, atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore")
def test_pyfunc_onnx_and_our_own_network_agree(pyfunc):
    result, images, _, address = learnt("data=digits", "trainer.epochs=4")
    assert_all_agree(pyfunc, result, images, address)


@pytest.mark.filterwarnings("ignore")
def test_they_agree_on_a_thousand_images_of_mnist(pyfunc, mnist_root):
    result, images, _, address = learnt(
        "data=mnist", f"data.root={mnist_root}", "trainer.epochs=1", "model=lenet5", "data.limit=5000"
    )
    assert len(images) == IMAGES
    assert_all_agree(pyfunc, result, images, address)


@pytest.mark.filterwarnings("ignore")
def test_a_table_goes_in_by_the_names_of_its_columns(pyfunc, alone):
    import pandas as pd
    from sklearn.datasets import load_iris

    iris = load_iris(as_frame=True).frame.assign(place=["a", "b", "c"] * 50)
    iris.to_csv("iris.csv", index=False)
    result = run(
        compose(
            [
                "data=table",
                "data.path=iris.csv",
                "data.target=target",
                "trainer.epochs=30",
                "trainer.batch_size=16",
            ]
        )
    )
    model = pyfunc.load_model(f"runs:/{result.run_id}/model")
    found = model.predict(iris.drop(columns="target"))
    assert (found["prediction"].astype(int) == iris["target"]).mean() > 0.8
    assert isinstance(found, pd.DataFrame)
    assert [column.name for column in model.metadata.signature.inputs] == [
        name for name in iris.columns if name != "target"
    ]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_server_answers_for_five_digits(store, alone):
    """`mlflow models serve`, in a process that finds no nnexp but the one that the model brings."""
    result, images, _, address = learnt("data=digits", "trainer.epochs=10")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        address,
        "--env-manager",
        "local",
        "--port",
        str(port),
    ]
    programs = (
        f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"  # as in an activated environment
    )
    settings = os.environ | {
        "PATH": programs,
        "MLFLOW_TRACKING_URI": f"sqlite:///{store}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with open("serve.log", "w") as log:
        server = subprocess.Popen(command, env=settings, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1):
                    break
            except OSError:
                assert server.poll() is None, Path("serve.log").read_text()
                time.sleep(0.1)
        body = json.dumps({"inputs": images[:5].tolist()}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.load(answer)["predictions"]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(20)
    predicted = result.network.predict(images[:5].reshape(5, -1) / 16)
    assert [row["prediction"] for row in said] == [str(label) for label in predicted]
