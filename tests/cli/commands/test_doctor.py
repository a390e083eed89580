import gzip
import json
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from nnexp.cli.commands.doctor import CHECKS, examine, main
from nnexp.cli.doctor import installation, machine, project
from nnexp.cli.doctor.finding import Finding
from nnexp.cli.doctor.mlflow_schema import schemas
from nnexp.cli.doctor.servers import driver, within
from nnexp.cli.doctor.store import leftovers
from nnexp.cli.doctor.store import store as examined
from nnexp.config.compose import CONF
from nnexp.data.images.image_sets import FILES
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import address, open_store

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
DAY = 86_400_000  # milliseconds


def states(check):
    return [finding.state for finding in check()]


def only(check):
    (finding,) = check()
    return finding


def of(check, state):
    return next(finding for finding in check() if finding.state == state)


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_an_empty_folder_has_no_problem_and_stays_empty(alone, capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert output.endswith("\nno problem\n")
    assert "none yet: the first run makes" in output
    assert list(alone.iterdir()) == []


def test_all_of_it_is_there_as_json(capsys):
    assert main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == 0
    assert {finding["about"] for finding in told["findings"]} >= {*CHECKS} - {"leftovers"}
    assert all(finding.keys() == {"about", "state", "text", "remedy"} for finding in told["findings"])


def test_it_imports_neither_mlflow_nor_matplotlib_nor_scikit_learn(store):
    code = "import sys; from nnexp.cli.commands.doctor import main; main([]); sys.exit(str({'mlflow', 'matplotlib', 'sklearn'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "set()\n"


def test_a_problem_is_told_with_its_remedy_and_exit_code_1(capsys, monkeypatch):
    monkeypatch.setitem(
        CHECKS, "data", lambda verify: [Finding("data", "problem", "it is [broken]", "mend it")]
    )
    monkeypatch.setattr(project, "data", CHECKS["data"])
    assert main([]) == 1
    output = capsys.readouterr().out
    assert "problem  data       it is [broken]\n                    -> mend it\n" in output
    assert output.endswith("\n1 problem\n")


def test_a_check_that_fails_stops_no_other():
    def fails():
        raise RuntimeError("surprise")
        yield

    found = list(examine({"first": fails, "second": lambda: [Finding("second", "ok", "fine")]}))
    assert [(finding.about, finding.state) for finding in found] == [("first", "problem"), ("second", "ok")]
    assert "RuntimeError: surprise" in found[0].text


# --- the installation ---


def test_packages_outside_their_range_or_missing_are_told_with_the_command_that_brings_them(monkeypatch):
    asked = ["numpy>=99", "no-such-package>=1", "scipy>=1", "torch>=1; extra == 'oracle'"]
    monkeypatch.setattr(installation.metadata, "requires", lambda _: asked)
    wrong, missing, good = installation.packages()
    assert (wrong.state, wrong.remedy) == ("problem", "pip install 'numpy>=99'")
    assert (missing.text, missing.remedy) == (
        "no-such-package is not installed",
        "pip install 'no-such-package>=1'",
    )
    assert (good.state, good.text.split()[0]) == ("ok", "scipy")


def test_what_is_optional_and_missing_is_a_note_that_says_what_it_gives(monkeypatch):
    monkeypatch.setattr(installation, "find_spec", lambda _: None)
    found = list(installation.extras())
    assert [finding.state for finding in found] == ["note"] * 4
    assert found[0] == Finding(
        "extras",
        "note",
        "without psutil: processor and memory of a run in MLflow is not to be had",
        "pip install 'nnexp[system]'",
    )


def test_a_configuration_with_a_hole_is_told(monkeypatch, tmp_path):
    assert states(installation.configuration)[0] == "ok"
    shutil.copytree(CONF, tmp_path / "conf", ignore=shutil.ignore_patterns("adam.yaml"))
    monkeypatch.setattr(sys.modules["nnexp.config.compose"], "CONF", tmp_path / "conf")
    found = only(installation.configuration)
    assert found.state == "problem"
    assert "optimizer/adam" in found.text


def test_an_older_python_is_told(monkeypatch):
    assert only(installation.python).state == "ok"
    monkeypatch.setattr(installation.platform, "python_version", lambda: "3.8.1")
    assert only(installation.python).state == "problem"


# --- the machine ---


def test_linear_algebra_that_is_wrong_is_told(monkeypatch):
    assert only(machine.product).state == "ok"
    monkeypatch.setattr(machine, "TOLERANCE", 0.0)
    assert only(machine.product).state == "problem"


def test_more_threads_than_cores_are_a_note(monkeypatch, tmp_path):
    pool = {
        "user_api": "blas",
        "internal_api": "openblas",
        "version": "1",
        "architecture": "Zen",
        "num_threads": 64,
    }
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [pool])
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setattr(machine, "cores", lambda: 2)
    found = only(machine.linear_algebra)
    assert (found.state, found.remedy) == (
        "note",
        "trainer.threads=2, or OPENBLAS_NUM_THREADS=2 before nnexp",
    )
    assert found.text.startswith("openblas 1, kernel Zen, 64 threads on 2 cores (")
    assert "OMP_NUM_THREADS=64" in found.text
    monkeypatch.setattr("threadpoolctl.threadpool_info", list)
    assert only(machine.linear_algebra).state == "note"


def test_a_containers_share_of_the_cores_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CGROUP", tmp_path / "cpu.max")
    unlimited = machine.cores()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.cores() == unlimited
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 1


@pytest.mark.parametrize(("free", "state"), [(1e12, "ok"), (2e9, "note"), (1e8, "problem")])
def test_little_room_is_told(monkeypatch, free, state):
    monkeypatch.setattr(
        machine.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1e13, 1e13 - free, free)
    )
    assert only(machine.disk).state == state


# --- the store ---


def test_the_versions_of_tables_are_those_that_mlflow_knows():
    from mlflow.store.db.utils import _get_latest_schema_revision

    known, latest = schemas()
    assert latest == {_get_latest_schema_revision()}
    assert latest < known


def test_a_store_is_counted_and_neither_it_nor_its_folder_is_touched(store, alone):
    client, experiment = open_store(address(None), "nnexp")
    client.set_terminated(client.create_run(experiment).info.run_id)
    (alone / "mlruns" / "artifacts" / "nnexp").mkdir(parents=True)
    before = files(alone)
    counted, writable = examined()
    assert (counted.state, writable.state) == ("ok", "ok")
    assert "3 experiments, 1 run, tables as MLflow " in counted.text
    assert files(alone) == before


def test_a_run_that_nobody_has_heard_of_for_long_is_a_note_with_the_way_to_end_it(store, alone):
    client, experiment = open_store(address(None), "nnexp")
    (alone / "mlruns" / "artifacts" / "nnexp").mkdir(parents=True)
    now = int(time.time() * 1000)
    old, busy, _ = (
        client.create_run(experiment, started, run_name=name)
        for name, started in (("old", now - DAY), ("busy", now - DAY), ("new", now))
    )
    client.log_metric(busy.info.run_id, "system/cpu", 1.0)
    found = of(examined, "note")
    assert f"1 run said to run, though the process is likely gone: old ({old.info.run_id[:8]})" in found.text
    assert f"set_terminated('{old.info.run_id}', 'KILLED')" in found.remedy


def test_an_experiment_whose_files_are_gone_is_told(store, alone):
    client, experiment = open_store(address(None), "moved")
    client.create_run(experiment)
    found = of(examined, "problem")
    assert found.text.startswith(
        f"the files of experiment moved (1 run) should lie in {alone}/mlruns/artifacts/moved"
    )


def revised(path, version):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [version])


def test_tables_of_another_mlflow_are_told_with_the_remedy(alone, empty_store):
    (alone / "mlruns").mkdir()
    path = shutil.copy(empty_store, alone / "mlruns" / "mlflow.db")
    known, latest = schemas()
    revised(path, min(known - latest))
    older = of(examined, "problem")
    assert "older" in older.text
    assert older.remedy == f"copy it, then: mlflow db upgrade {address(None)}"
    revised(path, "ffffffffffff")
    newer = of(examined, "problem")
    assert ("newer" in newer.text, newer.remedy) == (True, "pip install --upgrade mlflow")


def test_a_file_that_is_no_database_is_told_and_an_empty_one_is_filled_by_the_first_run(alone):
    (alone / "mlruns").mkdir()
    path = alone / "mlruns" / "mlflow.db"
    path.touch()
    found = only(examined)
    assert (found.state, "the first run makes them" in found.text) == ("note", True)
    path.write_text("this is a sentence and no database, as long as it may be" * 100)
    assert only(examined).state == "problem"


def test_a_store_in_a_folder_above_is_pointed_at(alone, empty_store, monkeypatch):
    (alone / "mlruns").mkdir()
    shutil.copy(empty_store, alone / "mlruns" / "mlflow.db")
    (alone / "outputs" / "runs").mkdir(parents=True)
    monkeypatch.chdir(alone / "outputs" / "runs")
    found = only(examined)
    assert (found.state, found.remedy) == ("note", f"did you mean: cd {alone}")


@pytest.mark.parametrize(
    "uri", ["http://me:secret@127.0.0.1:{}", "postgresql+psycopg2://me:secret@127.0.0.1:{}/x"]
)
@pytest.mark.parametrize("silent", [True, False], ids=["silent", "dead"])
def test_a_server_that_does_not_answer_is_told_within_5_seconds_without_the_password(
    uri, silent, monkeypatch
):
    if uri.startswith("postgresql"):
        pytest.importorskip("psycopg2")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if silent:
            listening.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(listening.getsockname()[1]))
        start = time.monotonic()
        found = only(examined)
    assert time.monotonic() - start < 5
    assert found.state == "problem"
    assert found.text.endswith("no answer within 3 s" if silent else "nobody listens there")
    assert "secret" not in f"{found.text}{found.remedy}"
    assert (
        "sent by nnexp sync when it is back, or elsewhere by nnexp sync --uri sqlite:///$PWD/mlruns/mlflow.db"
        in found.remedy
    )


def test_a_name_that_takes_for_ever_to_look_up_is_not_waited_for():
    with pytest.raises(TimeoutError):
        within(0.05, lambda: time.sleep(5))
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)
    assert within(5, lambda: 7) == 7


@pytest.fixture
def answering(monkeypatch):
    """A server that answers as MLflow's does; the answers by path, to be changed."""
    answers = {
        "/version": "3.17.2",
        "/api/2.0/mlflow/experiments/search": {
            "experiments": [{"experiment_id": "0"}, {"experiment_id": "1"}]
        },
        "/api/2.0/mlflow/runs/search": {
            "runs": [{"info": {"run_name": "old", "run_id": "a" * 32, "start_time": 0}, "data": {}}]
        },
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = answers[self.path]
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            self.wfile.write((answer if isinstance(answer, str) else json.dumps(answer)).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}/")
    yield answers
    server.shutdown()
    server.server_close()


def test_a_server_is_asked_what_it_has(answering):
    counted, silent = examined()
    assert (counted.state, silent.state) == ("ok", "note")
    assert counted.text.endswith(": MLflow 3.17.2, 2 experiments, 1 run running")
    assert "old (aaaaaaaa), silent since 1970" in silent.text
    answering["/version"] = 404
    assert "of an unknown version" in next(iter(examined())).text


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "set MLFLOW_TRACKING_USERNAME"), (404, "is that the address of an MLflow server?")],
)
def test_a_server_that_refuses_is_told(answering, status, remedy):
    answering["/api/2.0/mlflow/experiments/search"] = status
    found = only(examined)
    assert (found.state, found.remedy[: len(remedy)]) == ("problem", remedy)
    assert f" answers {status} " in found.text


def test_a_store_of_files_is_refused_and_what_is_left_of_one_is_a_trap(alone, monkeypatch):
    assert list(leftovers()) == []
    (alone / "mlruns" / "0").mkdir(parents=True)
    (alone / "mlruns" / "0" / "meta.yaml").touch()
    assert only(leftovers).state == "problem"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert only(examined).state == "problem"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "htp://me:secret@x")
    assert (only(examined).state, only(examined).text) == (
        "problem",
        "htp://***@x: MLflow knows no store of the kind htp://",
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert only(examined).state == "note"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks://me")
    assert only(examined).state == "note"


def test_a_missing_driver_is_told_with_the_package_or_the_address_that_mends_it(monkeypatch):
    monkeypatch.setattr("nnexp.cli.doctor.servers.find_spec", lambda _: True)
    assert driver("psycopg", "postgresql://me:secret@host/x").startswith(
        "write the address as postgresql+psycopg2://***@host/x, or "
    )
    monkeypatch.setattr("nnexp.cli.doctor.servers.find_spec", lambda _: None)
    assert driver("psycopg", "postgresql://host/x") == "pip install 'psycopg[binary]'"
    assert driver("MySQLdb", "mysql://host/x") == "pip install 'mysqlclient'"


# --- what lies here ---


def test_settings_of_mlflow_are_listed_without_secrets(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    assert only(project.variables).state == "ok"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    listed, unread = project.variables()
    assert (
        listed.text
        == "MLFLOW_EXPERIMENT_NAME=mine, MLFLOW_TRACKING_PASSWORD=***, MLFLOW_TRACKING_URI=http://***@host"
    )
    assert (unread.text, unread.remedy) == (
        "nnexp does not look at MLFLOW_EXPERIMENT_NAME",
        "tracking.experiment=NAME",
    )


def test_runs_that_never_reached_their_store_are_a_problem_and_those_that_were_to_reach_none_are_not(alone):
    assert only(project.unsent).text == "no runs here yet"
    for name, destination in (
        ("untracked", None),
        ("waiting", {"experiment": "nnexp", "uri": None, "folder": str(alone)}),
    ):
        folder = alone / "outputs" / "runs" / name
        folder.mkdir(parents=True)
        with Journal(folder) as journal:
            journal.run(name, {}, {}, destination)
            journal.end("FINISHED")
        found = only(project.unsent)
        assert (found.state, found.remedy) == (
            ("ok", "") if destination is None else ("problem", "nnexp sync")
        )
    assert found.text == "2 runs in outputs/: 1 did not reach MLflow, or not wholly"
    folder.with_name("remote").mkdir()
    with Journal(folder.with_name("remote")) as journal:
        journal.run("remote", {}, {}, {"experiment": "nnexp", "uri": "http://there", "folder": str(alone)})
        journal.end("FINISHED")
    assert only(project.unsent).remedy.endswith(
        "or elsewhere: nnexp sync --uri sqlite:///$PWD/mlruns/mlflow.db"
    )
    shutil.rmtree(folder.with_name("remote"))
    (folder / "shipped.json").write_text(json.dumps({"done": True}))
    assert only(project.unsent).state == "ok"
    (folder / "journal.jsonl").write_text("no journal\n")
    assert "1 journal cannot be read" in of(project.unsent, "note").text


def written(folder, compressed=False):
    """A small set of images in the four files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, name in FILES.items():
        shape = (5, 4, 4) if part.endswith("images") else (5,)
        content = (
            struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
            + np.zeros(shape, np.uint8).tobytes()
        )
        (folder / f"{name}.gz").write_bytes(gzip.compress(content)) if compressed else (
            folder / name
        ).write_bytes(content)
    return folder


def data(verify=False):
    return next(finding for finding in project.data(verify) if finding.about == "data")


@pytest.mark.parametrize("compressed", [False, True], ids=["raw", "gz"])
def test_image_sets_are_looked_at_and_nothing_is_made_there(alone, compressed):
    assert "is not there" in data().text
    folder = written(alone / "data" / "fashion_mnist", compressed)
    before = files(alone)
    assert data().text.startswith(f"fashion_mnist: four files in {folder}, of the right size")
    assert data(verify=True).state == (
        "problem" if compressed else "note"
    )  # not the mirrors' file; unpacked, which nobody knows
    assert files(alone) == before
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-9])
    assert (data().state, largest.name in data().text) == ("problem", True)
    largest.write_bytes(b"")
    assert data().state == "problem"
    largest.unlink()
    assert (data().state, "lacks" in data().text) == ("note", True)


def test_the_content_of_mnist_is_held_to_what_is_public(alone, mnist_root, monkeypatch):
    written(alone / "data" / "mnist")
    assert data().state == "ok"
    found = data(verify=True)
    assert (found.state, "not the content of MNIST" in found.text) == ("problem", True)
    monkeypatch.setenv("NNEXP_DATA", str(mnist_root))
    assert data(verify=True).text.endswith("verified by SHA-256")


def test_the_state_of_the_code_is_told(alone):
    assert only(project.code).state == "note"
    for command in ("init -q", "-c user.name=me -c user.email=me@here commit -q --allow-empty -m first"):
        subprocess.run(["git", *command.split()], check=True)
    assert only(project.code).text.endswith("nothing changed since")
    (alone / "new.py").touch()
    assert "uncommitted changes" in only(project.code).text
