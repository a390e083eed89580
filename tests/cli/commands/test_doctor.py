import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.cli.commands.doctor import CHECKS, main, run_checks
from nnexp.cli.doctor import installation, machine, project
from nnexp.cli.doctor.finding import Finding
from nnexp.config.compose import CONF
from nnexp.data.images.image_sets import FILES
from nnexp.tracking.journal import Journal

pytestmark = accepts_warnings


def only(check):
    (finding,) = check()
    return finding


def test_an_empty_folder_has_no_problem_and_stays_empty(alone, capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert output.endswith("\nno problem\n")
    assert f"the first run creates {alone}/mlruns/mlflow.db" in output
    assert list(alone.iterdir()) == []


def test_json_holds_every_finding(capsys):
    assert main(["--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == 0
    assert {finding["about"] for finding in report["findings"]} >= {*CHECKS}
    assert all(finding.keys() == {"about", "state", "text", "remedy"} for finding in report["findings"])


@pytest.mark.parametrize(
    ("fixture", "unwanted"),
    [("alone", {"mlflow", "matplotlib", "sklearn"}), ("store", {"matplotlib", "sklearn"})],
)
def test_heavy_packages_are_not_imported_and_mlflow_only_for_a_store(fixture, unwanted, request):
    request.getfixturevalue(fixture)
    run = "from nnexp.cli.commands.doctor import main; main([])"
    code = f"import sys; {run}; sys.exit(str({unwanted} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "set()\n"


def test_a_problem_is_printed_with_its_remedy_and_sets_the_exit_code(capsys, monkeypatch):
    monkeypatch.setitem(CHECKS, "data", lambda: [Finding("data", "problem", "it is [broken]", "repair it")])
    assert main([]) == 1
    output = capsys.readouterr().out
    assert "problem  data       it is [broken]\n                    fix: repair it\n" in output
    assert output.endswith("\n1 problem\n")


def test_a_check_that_fails_is_a_problem_and_the_next_one_runs():
    def fail():
        raise RuntimeError("surprise")

    first, second = run_checks({"first": fail, "second": lambda: [Finding("second", "ok", "fine")]}.items())
    assert (first.about, first.state, second.state) == ("first", "problem", "ok")
    assert "RuntimeError: surprise" in first.text


def test_packages_that_are_outdated_or_missing_are_problems_with_the_command_that_installs_them(monkeypatch):
    requirements = ["numpy>=99", "no-such-package>=1", "scipy>=1", "no-such-extra>=1; extra == 'onnx'"]
    monkeypatch.setattr(installation.metadata, "requires", lambda _: requirements)
    _, outdated, missing, installed = installation.check_packages()
    assert (outdated.state, outdated.remedy) == ("problem", "pip install 'numpy>=99'")
    assert (missing.state, missing.remedy) == ("problem", "pip install 'no-such-package>=1'")
    assert (installed.state, installed.text.split()[0]) == ("ok", "scipy")
    (extra,) = (finding for finding in installation.check_extras() if finding.state == "note")
    assert extra.text == "no-such-extra is not installed: for nnexp export --onnx"
    assert extra.remedy == "pip install 'nnexp[onnx]'"


def test_an_incomplete_configuration_is_a_problem(monkeypatch, tmp_path):
    assert next(installation.check_configuration()).state == "ok"
    shutil.copytree(CONF, tmp_path / "conf", ignore=shutil.ignore_patterns("adam.yaml"))
    monkeypatch.setattr(sys.modules["nnexp.config.compose"], "CONF", tmp_path / "conf")
    finding = only(installation.check_configuration)
    assert (finding.state, "optimizer: adam" in finding.text) == ("problem", True)


def test_an_older_python_is_a_problem(monkeypatch):
    assert only(installation.check_python).state == "ok"
    monkeypatch.setattr(installation.platform, "python_version", lambda: "3.8.1")
    assert only(installation.check_python).state == "problem"


def test_more_threads_than_cores_or_an_unknown_blas_are_notes(monkeypatch):
    pool = {"user_api": "blas", "internal_api": "openblas", "version": "1", "num_threads": 64}
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [pool])
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    finding = only(machine.check_blas)
    assert finding.text.startswith("openblas 1, 64 threads on 2 cores: ")
    assert (finding.state, finding.remedy.startswith("trainer.threads=2")) == ("note", True)
    monkeypatch.setattr("threadpoolctl.threadpool_info", list)
    assert only(machine.check_blas).state == "note"


@pytest.mark.parametrize(("free", "state"), [(1e12, "ok"), (2e9, "note"), (1e8, "problem")])
def test_low_disk_space_is_reported(monkeypatch, free, state):
    usage = shutil._ntuple_diskusage(1e13, 1e13 - free, free)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    assert only(machine.check_disk).state == state


def test_a_store_is_read_and_not_changed(store):
    before = store.stat().st_mtime_ns
    assert only(project.check_store).state == "ok"
    assert store.stat().st_mtime_ns == before


def test_a_store_with_another_schema_is_a_problem(store):
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    finding = only(project.check_store)
    assert (finding.state, "schema" in finding.text) == ("problem", True)


def test_a_file_that_is_no_database_is_a_problem(alone):
    (alone / "mlruns").mkdir()
    (alone / "mlruns" / "mlflow.db").write_text("this is text and no database" * 100)
    assert only(project.check_store).state == "problem"


def test_the_store_of_a_project_above_the_working_directory_is_pointed_at(store, alone, monkeypatch):
    (alone / "outputs" / "runs").mkdir(parents=True)
    monkeypatch.chdir(alone / "outputs" / "runs")
    finding = only(project.check_store)
    assert (finding.state, finding.remedy) == ("note", f"cd {alone}")


@pytest.mark.parametrize("uri", ["./mlruns", "htp://me:secret@x", "http://me:secret@127.0.0.1:{}"])
def test_a_store_that_cannot_be_used_is_a_problem_without_its_password(uri, alone, monkeypatch):
    (alone / "mlruns").mkdir()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(closed.getsockname()[1]))
        start = time.monotonic()
        finding = only(project.check_store)
    assert time.monotonic() - start < 30
    assert finding.state == "problem"
    assert "secret" not in f"{finding.text}{finding.remedy}"
    assert "nnexp sync --uri sqlite:///mlruns/mlflow.db" in finding.remedy


def test_runs_that_were_not_uploaded_are_a_problem_except_those_without_tracking(alone):
    def record(name, destination, ended=True):
        folder = alone / "outputs" / "runs" / name
        folder.mkdir(parents=True)
        journal = Journal(folder)
        journal.log_run(name, {}, {}, destination)
        if ended:
            journal.end("FINISHED")
        return folder

    assert only(project.check_runs).state == "ok"
    record("untracked", None)
    assert only(project.check_runs).state == "ok"
    store = {"experiment": "nnexp", "uri": None, "folder": str(alone)}
    waiting = record("waiting", store)
    killed = record("killed", store, ended=False) / "journal.jsonl"
    writer = json.loads(killed.read_text())["writer"]
    other = json.dumps(writer | {"began": "another"})
    killed.write_text(killed.read_text().replace(json.dumps(writer), other))
    finding = only(project.check_runs)
    assert finding.text.endswith("2 not uploaded to MLflow, 1 of them ended abruptly")
    assert (finding.state, finding.remedy.startswith("nnexp sync")) == ("problem", True)
    (waiting / "journal.jsonl").write_text("no journal\n")
    _, note = project.check_runs()
    assert (note.state, "1 unreadable journal" in note.text) == ("note", True)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_image_sets_are_reported_as_present_or_missing(alone, suffix):
    assert "cifar10, emnist, fashion_mnist, kmnist, mnist" in only(project.check_data).text
    folder = alone / "data" / "mnist"
    folder.mkdir(parents=True)
    paths = [folder / f"{name}{suffix}" for name in FILES.values()]
    for path in paths:
        path.touch()
    present, missing = project.check_data()
    assert (present.state, present.text) == ("ok", f"mnist in {folder.parent}")
    assert "cifar10, emnist, fashion_mnist, kmnist" in missing.text
    assert "kmnist, mnist" not in missing.text
    paths[0].unlink()
    assert only(project.check_data).state == "note"


def test_the_cache_of_decoded_images_is_measured(alone, monkeypatch):
    monkeypatch.setenv("NNEXP_CACHE", str(alone / "cache"))
    assert only(project.check_cache).text.startswith("0 sets of decoded images, 0 MB in ")
    entry = alone / "cache" / "arrays" / "digits"
    entry.mkdir(parents=True)
    (entry / "images.npy").write_bytes(bytes(3_000_000))
    assert "1 set of decoded images, 3 MB in " in only(project.check_cache).text
    monkeypatch.setattr(project, "user_cache", lambda: None)
    assert only(project.check_cache).remedy == "set NNEXP_CACHE"
