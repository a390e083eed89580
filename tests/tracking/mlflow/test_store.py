import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.redaction import redacted
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.store import open_store, tracking_uri
from nnexp.tracking.mlflow.store_errors import StoreError

pytestmark = accepts_warnings
OPEN = "from nnexp.tracking.mlflow.store import *; print(open_store(tracking_uri(None), 'nnexp')[1])"


def test_the_tracking_uri_is_the_given_one_else_the_environments_else_of_the_working_directory(
    alone, monkeypatch
):
    assert tracking_uri(None) == f"sqlite:///{alone}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert tracking_uri(None) == "http://localhost:5000"
    assert tracking_uri("sqlite:////elsewhere/mlflow.db") == "sqlite:////elsewhere/mlflow.db"


def test_artifacts_lie_beside_the_database(alone, store):
    client, experiment = open_store(tracking_uri(None), "an experiment/with a name")
    location = client.get_experiment(experiment).artifact_location
    assert location == (alone / "mlruns" / "artifacts" / "an-experiment-with-a-name").as_uri()
    assert open_store(tracking_uri(None), "an experiment/with a name")[1] == experiment


def test_a_deleted_experiment_is_an_error_with_the_remedy(store):
    client, experiment = open_store(tracking_uri(None), "gone")
    client.delete_experiment(experiment)
    with pytest.raises(StoreError, match=f"restore -x {experiment}"):
        open_store(tracking_uri(None), "gone")


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_is_no_database_is_an_error(alone, is_folder):
    path = alone / "mlruns" / "mlflow.db"
    (path if is_folder else path.parent).mkdir(parents=True)
    if not is_folder:
        path.write_text("this is not a database, it is a sentence")
    with pytest.raises(StoreError, match=r"mlflow\.db"):
        open_store(tracking_uri(None), "nnexp")


def test_a_schema_of_another_version_is_explained_with_both_commands(store):
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(StoreError, match=f"mlflow db upgrade sqlite:///{store}; .*pip install -U mlflow"):
        Runs().select()


def test_four_processes_may_create_a_store_at_once(alone):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", OPEN], cwd=alone, **pipes) for _ in range(4)]
    outputs = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), outputs
    assert len({output.strip() for output, _ in outputs}) == 1, outputs


def test_a_password_in_a_uri_is_never_repeated():
    assert redacted("postgresql://me:secret@host/db?x=1") == "postgresql://***@host/db?x=1"
    assert redacted("sqlite:////home/me/mlflow.db") == "sqlite:////home/me/mlflow.db"


@pytest.mark.parametrize("name", ["a%20b", "q?x"])
def test_a_folder_that_mlflow_cannot_name_is_an_error(alone, name):
    with pytest.raises(StoreError, match="set MLFLOW_TRACKING_URI"):
        tracking_uri(None, alone / name)
