"""A PostgreSQL store, started here from Debian's package: eight runs at once, the first of which makes its tables."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnexp.tracking.journal import history, read
from nnexp.tracking.upload.state import UploadState

RUNS = 8


def programs() -> Path | None:
    """The folder of PostgreSQL's own programs."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    places += [Path(found).parent for found in [shutil.which("initdb")] if found]
    return next(
        (place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None
    )


@pytest.fixture(scope="module")
def postgres(free_port) -> Iterator[str]:
    """A server of its own with an empty database; gives the database's address."""
    pytest.importorskip("psycopg2", reason="needs psycopg2: pip install -e '.[postgres]'")
    if (bin_folder := programs()) is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="nnexp-postgres-"))
    account = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        try:
            found = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        shutil.chown(folder, "postgres")
        account = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    port, data = free_port(), folder / "data"

    def call(program, *arguments):
        done = subprocess.run(
            [bin_folder / program, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **account,
        )
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


def assert_all_there(uri, folders):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    for folder in folders:
        run = client.get_run(UploadState.of(folder).run_id)
        assert run.info.status == "FINISHED"
        told = Counter(
            (name, step, value) for step, values in history(read(folder)[0]) for name, value in values.items()
        )
        names = {name for name, _, _ in told}
        found = Counter(
            (name, m.step, m.value)
            for name in names
            for m in client.get_metric_history(run.info.run_id, name)
        )
        assert found == told
        assert {file.path for file in client.list_artifacts(run.info.run_id, "confusion")} >= {
            "confusion/val.png",
            "confusion/test.json",
        }


def test_eight_runs_at_once_are_all_there(postgres, alone, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    command = [sys.executable, "-m", "nnexp", "data=digits", "trainer.epochs=2", "trainer.threads=1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = [subprocess.Popen([*command, f"seed={seed}"], **pipes) for seed in range(RUNS)]
    for process in started:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
    folders = [path.parent for path in Path("outputs").rglob("journal.jsonl")]
    assert len(folders) == RUNS
    assert all(UploadState.of(folder).done for folder in folders)
    assert_all_there(postgres, folders)
    assert not [
        path for path in Path("outputs").rglob("*") if path.is_file() and b"quite-secret" in path.read_bytes()
    ]


def test_a_server_before_postgresql_that_serves_artifacts(postgres, alone, serve, monkeypatch):
    from nnexp import compose, run

    (alone / "server").mkdir()
    for port in serve(alone / "server", postgres):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        result = run(compose(["data=digits", "trainer.epochs=2"]))
        assert result.run_id
        assert_all_there(f"http://127.0.0.1:{port}", [result.folder])
