import json
import subprocess
import sys

import pytest

from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import StoreError, address, open_store

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


def test_the_store_is_the_configs_else_the_environments_else_the_working_directorys(alone, monkeypatch):
    assert address(None) == f"sqlite:///{alone}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert address(None) == "http://localhost:5000"
    assert address("sqlite:////elsewhere/mlflow.db") == "sqlite:////elsewhere/mlflow.db"


def test_artifacts_lie_beside_the_database_whatever_the_working_directory(alone):
    client, experiment = open_store(address(None), "an experiment/with a name")
    location = client.get_experiment(experiment).artifact_location
    assert location == (alone / "mlruns" / "artifacts" / "an-experiment-with-a-name").as_uri()
    assert open_store(address(None), "an experiment/with a name")[1] == experiment


def test_a_deleted_experiment_is_told_with_the_remedy(alone, store):
    client, experiment = open_store(address(None), "gone")
    client.delete_experiment(experiment)
    with pytest.raises(StoreError, match=f"restore -x {experiment}"):
        open_store(address(None), "gone")


def test_a_store_that_is_no_database_is_told(alone):
    (alone / "mlruns").mkdir()
    (alone / "mlruns" / "mlflow.db").write_text("this is not a database, it is a sentence")
    with pytest.raises(StoreError, match=r"mlflow\.db"):
        open_store(address(None), "nnexp")


OPEN = "import sys; from nnexp.tracking.mlflow.store import address, open_store; print(open_store(address(None), sys.argv[1])[1])"


def test_four_processes_may_open_a_store_that_is_not_there_yet(alone):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, "nnexp"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=alone,
        )
        for _ in range(4)
    ]
    answers = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), answers
    assert len({output.strip() for output, _ in answers}) == 1, json.dumps(answers)


def test_a_password_in_an_address_is_never_repeated():
    assert redacted("postgresql://me:secret@host/db?x=1") == "postgresql://***@host/db?x=1"
    assert redacted("sqlite:////home/me/mlflow.db") == "sqlite:////home/me/mlflow.db"


@pytest.mark.parametrize("name", ["a%20b", "q?x"])
def test_a_folder_that_mlflow_cannot_name_is_refused_at_once(alone, name):
    with pytest.raises(StoreError, match="set MLFLOW_TRACKING_URI"):
        address(None, alone / name)


def test_a_database_that_cannot_be_opened_is_told_at_once(alone):
    (alone / "mlruns" / "mlflow.db").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"mlflow\.db"):
        open_store(address(None), "nnexp")
