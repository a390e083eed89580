"""A PostgreSQL store, started here: eight runs at once; the first one creates its tables."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.uploads import assert_metrics_stored_once

from nnexp.tracking.mlflow.upload_state import UploadState

RUNS = 8
DEBIAN_FOLDERS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


def programs() -> Path | None:
    initdb = shutil.which("initdb", path=os.pathsep.join([*DEBIAN_FOLDERS, os.environ["PATH"]]))
    return Path(initdb).resolve().parent if initdb else None


@pytest.fixture(scope="module")
def postgres(free_port) -> Iterator[str]:
    """Start a server with an empty database; yields the tracking URI."""
    pytest.importorskip("psycopg2", reason="needs psycopg2: pip install -e '.[postgres]'")
    if (bin_folder := programs()) is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="nnexp-postgres-"))
    account = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        shutil.chown(folder, "postgres")
        account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    port, data = free_port(), folder / "data"

    def call(program, *arguments):
        command, pipes = [bin_folder / program, *arguments], {"capture_output": True, "text": True}
        done = subprocess.run(command, cwd=folder, check=False, **pipes, **account)
        assert done.returncode == 0, done.stdout + done.stderr

    call("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call("pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", settings, "start")
    try:
        call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "mlflow")
        yield f"postgresql://postgres:quite-secret@127.0.0.1:{port}/mlflow"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def assert_stored(uri, folders):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    for folder in folders:
        run_id = UploadState.load(folder).run_id
        assert client.get_run(run_id).info.status == "FINISHED"
        assert_metrics_stored_once(client, folder)
        reports = {file.path for file in client.list_artifacts(run_id, "confusion")}
        assert reports >= {"confusion/val.png", "confusion/test.json"}


def test_eight_runs_at_once_are_all_stored(postgres, alone, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    command = [sys.executable, "-m", "nnexp", "data=digits", "trainer.epochs=2", "trainer.threads=1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = [subprocess.Popen([*command, f"seed={seed}"], **pipes) for seed in range(RUNS)]
    for process in started:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    folders = [path.parent for path in Path("outputs").rglob("journal.jsonl")]
    assert len(folders) == RUNS
    assert all(UploadState.load(folder).done for folder in folders)
    assert_stored(postgres, folders)
    files = [path for path in Path("outputs").rglob("*") if path.is_file()]
    assert not [path for path in files if b"quite-secret" in path.read_bytes()]


def test_a_server_with_a_postgresql_backend_stores_artifacts(postgres, alone, serve, monkeypatch):
    from nnexp import compose, run

    (alone / "server").mkdir()
    for port in serve(alone / "server", postgres):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        result = run(compose(["data=digits", "trainer.epochs=2", "tracking.experiment=served"]))
        assert result.run_id
        assert_stored(f"http://127.0.0.1:{port}", [result.folder])
