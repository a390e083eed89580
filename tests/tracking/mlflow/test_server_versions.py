"""MLflow servers of other versions: a run arrives in each, with its params, metrics, files, model and end.

The servers run in virtual environments that this test makes once, in the user's cache.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from fixtures.mlflow_server import start
from fixtures.third_party import accepts_warnings
from fixtures.uploads import assert_metrics_stored_once

from nnexp import compose, run
from nnexp.cli.commands.export import main as export
from nnexp.cli.commands.runs import main as list_runs
from nnexp.cli.commands.show import main as show
from nnexp.cli.commands.sync import main as sync
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import JOURNAL, RunFolder
from nnexp.tracking.mlflow.store import list_artifacts
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import upload

pytestmark = accepts_warnings
PACKAGES = {  # SQLAlchemy 2.1 is newer than both
    "2.22": ["mlflow==2.22.*", "sqlalchemy<2.1"],
    "3.1": ["mlflow==3.1.*", "sqlalchemy<2.1"],
    "today": [],
}
INSTALL_TIMEOUT = 400  # seconds
FILES = {"config.yaml", "curves.png", "confusion/test.png", "predictions/test.parquet", "weights/best.npz"}
PREDICT = """
import json, sys
import mlflow, numpy
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/digits/1")
print(json.dumps([mlflow.__version__, len(model.predict(numpy.zeros((2, 8, 8), numpy.uint8)))]))
"""


def environment(version: str) -> str:
    """Return the Python of a virtual environment with that MLflow; skip the test where none can be made."""
    pytest.importorskip("onnx", reason="needs onnx: pip install -e '.[onnx]'")
    if not PACKAGES[version]:
        return sys.executable
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nnexp-tests"
    name = f"mlflow-{version}-python-{sys.version_info.major}.{sys.version_info.minor}"
    folder, complete = cache / name, cache / name / "complete"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder, PACKAGES[version])
            complete.touch()
    return str(folder / "bin" / "python")


def install(folder: Path, packages: list[str]) -> None:
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--python", sys.executable, folder]
        add = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *packages]
    else:
        make = [sys.executable, "-m", "venv", folder]
        add = [folder / "bin" / "pip", "install", "-qq", "--disable-pip-version-check", *packages]
    for command in (make, add):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{packages[0]} could not be installed in {INSTALL_TIMEOUT} s")
        except (OSError, subprocess.CalledProcessError) as error:
            reason = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1:]
            pytest.skip(f"{packages[0]} cannot be installed: {' '.join(reason)}")


@pytest.fixture(scope="module", params=PACKAGES)
def version(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def python(version) -> str:
    return environment(version)


@pytest.fixture(scope="module")
def uri(python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    for port in start(folder, f"sqlite:///{folder / 'mlflow.db'}", python):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def trained(uri, tmp_path_factory):
    """A run that was uploaded while it trained: what the command has printed, and its folder."""
    home = tmp_path_factory.mktemp("project")
    line = [sys.executable, "-m", "nnexp", "data=digits", "trainer.epochs=2", "tracking.register=digits"]
    settings = os.environ | {"MLFLOW_TRACKING_URI": uri}
    done = subprocess.run(line, cwd=home, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (journal,) = home.rglob(JOURNAL)
    return done.stdout, journal.parent


def files_of(uri, artifact_uri, path=None):
    for file in list_artifacts(uri, artifact_uri, path):
        yield from files_of(uri, artifact_uri, file.path) if file.is_dir else [file.path]


def test_a_run_arrives_and_its_model_works_in_the_servers_version(trained, uri, python, version):
    from mlflow.tracking import MlflowClient

    output, folder = trained
    assert output.count("older than MLflow 3") == (version == "2.22")
    client = MlflowClient(tracking_uri=uri)
    stored = client.get_run(UploadState.load(folder).run_id)
    head, *_ = RunFolder(folder).entries()
    assert stored.info.status == "FINISHED"
    assert stored.data.params == head["params"]
    assert stored.data.tags.items() >= head["tags"].items()
    assert_metrics_stored_once(client, folder)
    files = list(files_of(uri, stored.info.artifact_uri))
    assert set(files) >= FILES
    assert sum(file.startswith("images/") and file.endswith(".png") for file in files) == 2
    assert len(stored.inputs.dataset_inputs) == 3
    (made,) = client.search_model_versions("name='digits'")
    assert made.run_id == stored.info.run_id
    done = subprocess.run([python, "-c", PREDICT, uri], check=True, capture_output=True, text=True)
    used, predictions = json.loads(done.stdout.splitlines()[-1])
    assert used.startswith(version) or version == "today"
    assert predictions == 2


def test_recorded_runs_are_read(trained, uri, alone, capsys):
    assert list_runs(["--uri", uri, "--csv"]) == 0
    assert show(["last", "--uri", uri]) == 0
    assert export(["last", "--uri", uri, "--onnx", "--out", "last.onnx"]) == 0
    assert "best.npz" in capsys.readouterr().out


def test_a_run_that_another_store_has_is_sent_too_and_once(trained, uri, store, no_upload, capsys):
    from mlflow.tracking import MlflowClient

    folder = run(compose(["data=digits", "trainer.epochs=1", "tracking.experiment=second"])).folder
    assert upload(folder, upload_callbacks()).error == ""
    for expected in ("1 to be uploaded", "1 in their store"):
        assert sync(["--uri", uri]) == 0
        assert expected in capsys.readouterr().out
    client = MlflowClient(tracking_uri=uri)
    (stored,) = client.search_runs([client.get_experiment_by_name("second").experiment_id])
    assert stored.info.status == "FINISHED"
    assert UploadState.load(folder, uri).run_id == stored.info.run_id
    assert UploadState.load(folder).store == "sqlite:///mlruns/mlflow.db"
