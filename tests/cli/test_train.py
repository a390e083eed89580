"""The command line as a person uses it: a process in an empty folder."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from nnexp.config.compose import CONF
from nnexp.tracking.mlflow.store import tracking_uri

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
NNEXP = [sys.executable, "-m", "nnexp"]


def nnexp(*arguments, **options):
    return subprocess.run(
        [*NNEXP, *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )


def runs(experiment="nnexp"):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri(None))
    found = client.get_experiment_by_name(experiment)
    return client, client.search_runs([found.experiment_id]) if found else []


def artifacts(client, run, folder=None):
    for item in client.list_artifacts(run.info.run_id, folder):
        yield from artifacts(client, run, item.path) if item.is_dir else [item.path]


def test_importing_and_help_import_nothing_heavy():
    code = """
import sys, nnexp
from nnexp.__main__ import main
sys.argv = ["nnexp", "--help"]
main()
heavy = {"mlflow", "matplotlib", "sklearn", "hydra", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(
        f"  {group.name}=" in done.stdout
        for group in CONF.iterdir()
        if group.is_dir() and group.name not in ("hydra", "local")
    )


def test_starting_a_run_does_not_import_mlflow_or_matplotlib_into_training():
    code = """
import sys
sys.argv = ["nnexp", "data=digits", "trainer.epochs=1", "tracking=none"]
from nnexp.__main__ import main
assert main() == 0
heavy = {"mlflow", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


SEVEN = [
    "optimizer.lrr=0.1",
    "optimizer=adm",
    "optimizer.lr=-1",
    "model.hidden=[0]",
    "data.validation=1.5",
    "trainer.epochs=ten",
    "init=hee_normal",
]


@pytest.mark.parametrize("mistakes", [*([mistake] for mistake in SEVEN), SEVEN[1:4], SEVEN], ids=" ".join)
def test_a_mistake_is_a_short_message_and_nothing_else(mistakes, alone):
    done = nnexp("data=digits", *mistakes)
    assert done.returncode == 2
    assert all(f"  {mistake}\n" in done.stderr for mistake in mistakes)
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) <= 1 + 2 * len(mistakes)
    assert list(alone.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shwo"], "no such command: shwo; did you mean show?"),
        (["optimizer", "adam"], "no such command: optimizer"),
        (["ui"], "no runs here yet"),
        (["data=mnist", "data.mirrors=[http://127.0.0.1:1]"], "Put these four files into"),
        (["--config-dir", "nowhere", "seed=1"], "no such folder"),
        (["-m", "optimizer=sgd,adm", "data=digits"], "did you mean adam?"),
        (["hydra/launcher=jobli", "data=digits"], "jobli"),
        (["hydra.run.dir=/proc/nowhere", "data=digits", "tracking=none"], "/proc/nowhere"),
        (["-m", "--cfg", "job", "data=digits"], "only one of -m"),
        (["ui", "--port", "99999"], "--port 99999: from 1 to 65535"),
        (["data=digits", "model.hidden=[1000000000000]", "tracking=none"], "out of memory"),
    ],
    ids=str,
)
def test_other_mistakes(arguments, says, alone):
    done = nnexp(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert says in done.stderr
    assert not (alone / "mlruns").exists()


def test_a_folder_holds_one_run(alone):
    once = ["data=digits", "trainer.epochs=1", "tracking=none", "hydra.run.dir=same"]
    assert nnexp(*once).returncode == 0
    journal = (alone / "same" / "journal.jsonl").read_text()
    again = nnexp(*once, "seed=1")
    assert (again.returncode, "same already holds a run" in again.stderr) == (2, True)
    assert (alone / "same" / "journal.jsonl").read_text() == journal


def test_a_reader_that_goes_away_does_not_end_the_run(alone):
    command = " ".join([*NNEXP, "data=digits", "trainer.epochs=50", "tracking=none", "|", "head", "-n", "3"])
    subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, timeout=120, check=True)
    (journal,) = alone.glob("outputs/runs/*/*/journal.jsonl")
    assert json.loads(journal.read_text().splitlines()[-1])["status"] == "FINISHED"


def test_changing_the_working_directory_for_the_job_moves_no_store(alone, store):
    assert nnexp("data=digits", "trainer.epochs=1", "hydra.job.chdir=true").returncode == 0
    assert len(runs()[1]) == 1


def test_a_failing_job_does_not_end_the_others_and_is_told(store):
    done = nnexp("-m", "optimizer=sgd", "optimizer.lr=1e30,0.1", "data=digits", "trainer.epochs=1")
    assert done.returncode == 1
    assert "#0 optimizer=sgd optimizer.lr=1e+30" in done.stderr
    assert {run.data.params["optimizer.lr"]: run.info.status for run in runs()[1]} == {
        "1e+30": "FAILED",
        "0.1": "FINISHED",
    }


@pytest.mark.parametrize("words", ["--help", "data=digits --cfg job"])
def test_a_reader_that_has_seen_enough_is_no_error(words):
    done = subprocess.run(
        f"{' '.join(NNEXP)} {words} | head -n 1", shell=True, capture_output=True, text=True, check=True
    )
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)


def test_hydras_own_commands_still_work():
    shown = nnexp("data=digits", "--cfg", "job", "--resolve")
    assert (shown.returncode, "validation: 0.2" in shown.stdout) == (0, True)
    assert "he_normal" in nnexp("--hydra-help").stdout + nnexp("--info", "defaults").stdout


def test_a_run_is_recorded_whole(alone, store):
    asked = "model.hidden=[300,100] model.activation=tanh init=xavier_uniform optimizer=momentum optimizer.lr=0.05 schedule=cosine"
    done = nnexp(*asked.split(), "data.validation=0.2", "trainer.epochs=3", "data=digits")
    assert done.returncode == 0, done.stderr
    client, (run,) = runs()
    assert (run.info.status, run.info.run_name) == (
        "FINISHED",
        "digits-mlp-xavier_uniform-momentum-cosine-s0",
    )
    expected = {
        "model.hidden": "[300, 100]",
        "model.activation": "tanh",
        "init": "xavier_uniform",
        "optimizer": "momentum",
        "optimizer.lr": "0.05",
        "schedule": "cosine",
        "data.validation": "0.2",
        "trainer.epochs": "3",
        "data": "digits",
    }
    assert expected.items() <= run.data.params.items()
    per_epoch = [
        "train/loss",
        "train/accuracy",
        "val/loss",
        "val/accuracy",
        "lr",
        "grad/norm",
        "time/epoch",
        "examples_per_second",
    ]
    for name in per_epoch:
        assert [metric.step for metric in client.get_metric_history(run.info.run_id, name)] == [1, 2, 3], name
    once = {
        "best/val_accuracy",
        "best/val_loss",
        "best/epoch",
        "test/loss",
        "test/accuracy",
        "test/ece",
        "time/total",
    }
    recalls = {f"recall/{digit}" for digit in range(10)}
    quantities = [
        "grad_norm",
        "weight_norm",
        "update_ratio",
        "activation_mean",
        "activation_std",
        "dead_units",
    ]
    layers = {f"{quantity}/dense{k}" for quantity in quantities for k in (1, 2, 3)} - {"dead_units/dense3"}
    told = {name for name in run.data.metrics if not name.startswith("system/")}
    assert told == once | set(per_epoch) | recalls | layers
    tags = {"nnexp.config_hash", "nnexp.data_sha256", "nnexp.git_commit", "nnexp.git_dirty", "nnexp.sweep_id"}
    assert tags <= set(run.data.tags)
    found = set(artifacts(client, run))
    assert found == {
        "config.yaml",
        "weights/best.npz",
        "weights/final.npz",
        "confusion/val.png",
        "confusion/val.json",
        "confusion/test.png",
        "confusion/test.json",
        "curves.png",
        "environment.json",
        "dataset.json",
        "network.json",
        "layers.npz",
        "calibration/val.png",
        "calibration/test.png",
        "histograms/weights.png",
        "histograms/gradients.png",
        "misclassified.png",
        "weights/first_layer.png",
        "predictions/val.parquet",
        "predictions/test.parquet",
        "predictions/mistakes.json",
        *(path for path in found if path.startswith("images/confusion_val+step+")),
    }
    assert len([path for path in found if path.endswith(".webp")]) == 3  # epochs 1, 2 and the last
    place = Path(run.info.artifact_uri.removeprefix("file://"))
    assert place.is_relative_to(alone / "mlruns" / "artifacts")
    assert all((place / path).stat().st_size > 100 for path in found)
    with np.load(place / "weights" / "best.npz", allow_pickle=False) as weights:
        assert weights["0.W"].shape == (64, 300)
    log = next(alone.glob("outputs/runs/*/*/nnexp.log")).read_text()
    assert "epoch 3/3" in log
    assert_the_record_explains_itself(client, run)


def assert_the_record_explains_itself(client, run):
    """Its data, its model and its words."""
    inputs = {found.tags[0].value: found.dataset for found in run.inputs.dataset_inputs}
    assert set(inputs) == {"training", "validation", "test"}
    profile = json.loads(inputs["validation"].profile)
    assert (profile["num_rows"], profile["split_validation"], profile["data_sha256"]) == (
        288,
        0.2,
        run.data.tags["nnexp.data_sha256"],
    )
    assert sum(profile["class_counts"].values()) == 288
    assert profile["sha256"].startswith(inputs["validation"].digest)
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert (model.source_run_id, model.name, model.status) == (run.info.run_id, "model", "READY")
    assert {metric.key for metric in model.metrics} >= {"test/accuracy", "best/val_accuracy"}
    assert len(client.get_metric_history(run.info.run_id, "test/accuracy")) == 1
    note = run.data.tags["mlflow.note.content"]
    assert "288 validation" in note
    assert f"nnexp reproduce {run.info.run_id[:8]}" in note
    assert "nnexp data=digits" in note or "trainer.epochs=3" in note
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(client.tracking_uri)  # where load_table looks
    mistakes = client.load_table(run.info.experiment_id, "predictions/mistakes.json", [run.info.run_id])
    mlflow.set_tracking_uri(None)
    table = pd.read_parquet(
        Path(run.info.artifact_uri.removeprefix("file://")) / "predictions" / "test.parquet"
    )
    assert list(table.columns) == list(mistakes.columns) == ["index", "true", "predicted", "confidence"]
    assert (table["true"] == table["predicted"]).mean() == run.data.metrics["test/accuracy"]
    wrong = table[table["true"] != table["predicted"]].sort_values(
        "confidence", ascending=False, kind="stable"
    )
    assert mistakes["index"].tolist() == wrong["index"].tolist()


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_gives_a_run_and_a_folder_per_combination(launcher, alone):
    done = nnexp(
        "-m",
        "init=he_normal,xavier_normal",
        "schedule=constant,cosine",
        "data=digits",
        f"hydra/launcher={launcher}",
    )
    assert done.returncode == 0, done.stderr
    _, found = runs()
    assert [run.info.status for run in found] == ["FINISHED"] * 4
    assert len({(run.data.params["init"], run.data.params["schedule"]) for run in found}) == 4
    (sweep,) = alone.glob("outputs/sweeps/*/*/")
    assert sorted(path.name for path in sweep.iterdir() if path.is_dir()) == ["0", "1", "2", "3"]
    assert {run.data.tags["nnexp.sweep_id"] for run in found} == {f"{sweep.parent.name}/{sweep.name}"}
    assert "training" not in done.stdout  # a line for each run, no more


LONG = ["data=digits", "trainer.epochs=1000000"]


def interrupt(sign, *arguments):
    """Start a run that would take for ever, send it a signal once it learns, and wait."""
    process = subprocess.Popen(
        [*NNEXP, *LONG, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in process.stdout:
        if re.match(r"epoch +20/", line):
            break
    os.killpg(process.pid, sign) if sign == signal.SIGINT else process.send_signal(sign)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_marked_killed_and_keeps_what_it_learnt(sign, code, store):
    returned, output, errors = interrupt(sign)
    assert returned == code
    assert "Traceback" not in errors + output
    client, (run,) = runs()
    assert run.info.status == "KILLED"
    assert run.data.metrics["best/epoch"] >= 1
    assert "test/accuracy" not in run.data.metrics, "the test set is for runs that end by themselves"
    assert {"weights/best.npz", "weights/final.npz", "confusion/val.png", "curves.png"} <= set(
        artifacts(client, run)
    )


def ends(n):
    """Wait until n runs have ended in the store; their states."""
    deadline, states = time.monotonic() + 60, []
    while time.monotonic() < deadline:
        states = [run.info.status for run in runs()[1]]
        if len(states) == n and "RUNNING" not in states:
            return states
        time.sleep(0.3)
    raise AssertionError(states)


def test_a_run_that_dies_is_marked_failed(store):
    interrupt(signal.SIGKILL)
    assert ends(1) == ["FAILED"]


def test_an_interrupted_parallel_sweep_leaves_no_run_running(store):
    arguments = [
        "-m",
        "trainer.epochs=1,1000000",
        "data=digits",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    ]
    process = subprocess.Popen(
        [*NNEXP, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 150
    while {run.info.status for run in runs()[1]} != {"FINISHED", "RUNNING"} and time.monotonic() < deadline:
        time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert sorted(ends(2)) in (["FAILED", "FINISHED"], ["FINISHED", "KILLED"])


def test_a_run_that_diverges_is_marked_failed_with_the_reason(store):
    done = nnexp("data=digits", "optimizer=sgd", "optimizer.lr=1e30")
    assert done.returncode == 1
    assert "smaller optimizer.lr" in done.stderr
    assert "Traceback" not in done.stderr
    client, (run,) = runs()
    assert run.info.status == "FAILED"
    assert "error.txt" in set(artifacts(client, run))


def test_a_dead_server_costs_the_run_nothing(alone):
    done = nnexp(
        "data=digits", "trainer.epochs=2", env=os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    )
    assert done.returncode == 0, done.stderr
    assert "not recorded" in done.stdout
    (journal,) = alone.glob("outputs/runs/*/*/journal.jsonl")
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    assert entries[-1]["status"] == "FINISHED"
    assert (journal.parent / "curves.png").exists()


def test_an_mlflow_that_cannot_be_imported_costs_the_run_nothing(alone):
    (alone / "broken" / "mlflow").mkdir(parents=True)
    (alone / "broken" / "mlflow" / "__init__.py").write_text("raise ImportError('half installed')")
    done = nnexp("data=digits", "trainer.epochs=2", env=os.environ | {"PYTHONPATH": str(alone / "broken")})
    assert done.returncode == 0, done.stderr
    assert "half installed" in done.stdout
    assert "Traceback" not in done.stderr
    (journal,) = alone.glob("outputs/runs/*/*/journal.jsonl")
    assert (journal.parent / "curves.png").exists()


def test_the_ui_serves_the_store_on_this_machine_only(store):
    assert nnexp("data=digits", "trainer.epochs=1").returncode == 0
    process = subprocess.Popen(
        [*NNEXP, "ui", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline()).group()
        request = urllib.request.Request(
            f"{url}/api/2.0/mlflow/experiments/search",
            json.dumps({"max_results": 10}).encode(),
            {"Content-Type": "application/json"},
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request) as answer:
                    names = [experiment["name"] for experiment in json.load(answer)["experiments"]]
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.3)
        assert "nnexp" in names
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()
