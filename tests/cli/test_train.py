"""The command line, mostly as a process in an empty folder."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from fixtures.plotless import PLOTLESS
from fixtures.third_party import accepts_warnings
from hydra.errors import HydraException

from nnexp.__main__ import main
from nnexp.cli.help import COMMANDS, help_text
from nnexp.config.compose import CONF
from nnexp.errors import Interrupted, UserError
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.run_folder import KIND_TAG
from nnexp.tracking.mlflow.store import tracking_uri

pytestmark = accepts_warnings


def process(*arguments, **options):
    command = [*PLOTLESS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def runs(experiment="nnexp"):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri(None))
    entity = client.get_experiment_by_name(experiment)
    recorded = client.search_runs([entity.experiment_id]) if entity else []
    return client, [run for run in recorded if KIND_TAG not in run.data.tags]  # without those of sweeps


def artifacts(client, run, folder=None):
    for item in client.list_artifacts(run.info.run_id, folder):
        yield from artifacts(client, run, item.path) if item.is_dir else [item.path]


def entries(folder):
    (journal,) = folder.glob("outputs/runs/*/*/journal.jsonl")
    return journal.parent, [json.loads(line) for line in journal.read_text().splitlines()]


HEAVY = {"mlflow", "matplotlib", "sklearn", "hydra", "numpy", "rich"}
ONE_EPOCH = ["data=digits", "trainer.epochs=1", "tracking=none"]


@pytest.mark.parametrize(("arguments", "heavy"), [(["--help"], HEAVY), (ONE_EPOCH, {"mlflow", "matplotlib"})])
def test_no_package_is_imported_that_is_not_needed(arguments, heavy):
    code = f"""
import sys
from nnexp.__main__ import main
assert main({arguments}) == 0
assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_lists_every_command_and_every_config_group(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    groups = [path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", "local")]
    assert all(f"\n  {group}=\n" in text for group in groups)
    assert {"runs", "lr-find"} < COMMANDS.keys()
    patterns = [rf"^  {name} +{re.escape(purpose)}$" for name, purpose in COMMANDS.items()]
    assert all(re.search(pattern, help_text(), re.M) for pattern in patterns)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_of_its_own(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"usage: nnexp {command}" in capsys.readouterr().out


SEVEN = ["optimizer.lrr=0.1", "optimizer=adm", "optimizer.lr=-1", "model.hidden=[0]"]
SEVEN += ["data.validation=1.5", "trainer.epochs=ten", "init=hee_normal"]


@pytest.mark.parametrize("invalid", [*([override] for override in SEVEN), SEVEN], ids=" ".join)
def test_every_invalid_override_is_reported_in_a_short_message(invalid, alone, nnexp):
    done = nnexp("data=digits", *invalid)
    assert done.returncode == 2
    assert all(f"  {override}\n" in done.stderr for override in invalid)
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) <= 1 + 2 * len(invalid)
    assert list(alone.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shwo"], "no such command: shwo; did you mean show?"),
        (["optimizer", "adam"], "no such command: optimizer"),
        (["ui"], "no runs here yet"),
        (["data=mnist", "data.mirrors=[http://127.0.0.1:1]"], "train-images-idx3-ubyte.gz"),
        (["--config-dir", "nowhere", "seed=1"], "no such folder"),
        (["-m", "optimizer=sgd,adm", "data=digits"], "did you mean adam?"),
        (["hydra/launcher=jobli", "data=digits"], "jobli"),
        (["hydra.run.dir=/proc/nowhere", "data=digits", "tracking=none"], "/proc/nowhere"),
        (["-m", "--cfg", "job", "data=digits"], "only one of -m"),
        (["--seed=1", "data=digits"], "settings have no dashes; fix: seed=1"),
        (["--multirn", "data=digits"], "no such option: --multirn; did you mean --multirun?"),
        (["ui", "--port", "99999"], "--port 99999: "),
        (["data=digits", "model.hidden=[1000000000000]", "tracking=none"], "fix: fewer or smaller layers"),
    ],
    ids=str,
)
def test_other_errors_are_short_messages_too(arguments, message, alone, nnexp):
    done = nnexp(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert message in done.stderr
    assert not (alone / "mlruns").exists()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("wrong"), 2, "nnexp: wrong\n"),
        (DivergedError("a", "b", ["c=1"]), 1, "nnexp: training diverged: a; likely reason: b; fix: c=1\n"),
        (PermissionError(13, "Permission denied", "x.csv"), 2, "nnexp: x.csv: Permission denied\n"),
        (MemoryError("1 TB"), 2, "nnexp: out of memory: 1 TB; fix: "),
        (KeyboardInterrupt(), 130, ""),
        (Interrupted(signal.SIGTERM), 143, ""),
        (HydraException("first\n\nrest"), 2, "nnexp: first\n"),
        (ZeroDivisionError(), None, ""),
    ],
    ids=repr,
)
def test_an_error_of_any_command_has_its_message_and_exit_code(error, code, message, monkeypatch, capsys):
    def fail(arguments):
        raise error

    monkeypatch.setattr("nnexp.cli.commands.doctor.main", fail)
    if code is None:
        with pytest.raises(ZeroDivisionError):
            main(["doctor"])
        return
    assert main(["doctor"]) == code
    assert capsys.readouterr().err.startswith(message)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(type(error)) if message else nullcontext():
        main(["doctor"])


def test_a_folder_holds_one_run(alone, nnexp):
    overrides = [*ONE_EPOCH, "hydra.run.dir=same"]
    assert nnexp(*overrides).returncode == 0
    journal = (alone / "same" / "journal.jsonl").read_text()
    again = nnexp(*overrides, "seed=1")
    assert (again.returncode, "same already holds a run" in again.stderr) == (2, True)
    assert (alone / "same" / "journal.jsonl").read_text() == journal


def test_a_closed_pipe_does_not_end_the_run(alone):
    command = shlex.join([*PLOTLESS, "data=digits", "trainer.epochs=50", "tracking=none"]) + " | head -n 3"
    subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, timeout=120, check=True)
    assert entries(alone)[1][-1]["status"] == "FINISHED"


def test_changing_the_working_directory_for_the_job_moves_no_store(alone, store, nnexp):
    assert nnexp("data=digits", "trainer.epochs=1", "hydra.job.chdir=true").returncode == 0
    assert len(runs()[1]) == 1


WINE = "a,b,y\n" + "".join(f"{n},{n % 7},{'uv'[n % 2]}\n" for n in range(60))


def test_relative_paths_start_where_the_command_was_typed(alone):
    (alone / "wine (1).csv").write_text(WINE)
    table = ["data=table", "data.path=wine (1).csv", "data.target=y", "trainer.epochs=1", "tracking=none"]
    assert main([*table, "hydra.job.chdir=true"]) == 0
    os.chdir(alone)
    (folder, _) = entries(alone)
    assert "path: wine (1).csv" in (folder / "config.yaml").read_text()


def test_options_stand_anywhere_and_hydra_resolves_its_own_values(alone):
    named = "tracking.run_name=try-${hydra:job.num} (${hydra:runtime.choices.optimizer})"
    folder = "hydra.sweep.dir=${hydra:runtime.cwd}/sweep"
    assert main(["data=digits", "trainer.epochs=1", "-m", "seed=0,1", "tracking=none", named, folder]) == 0
    configs = sorted(path.read_text() for path in alone.glob("sweep/*/config.yaml"))
    assert [re.search("run_name: (.*)", text)[1] for text in configs] == ["try-0 (adam)", "try-1 (adam)"]
    assert main([*ONE_EPOCH, named]) == 0
    assert "run_name: try-0 (adam)" in (entries(alone)[0] / "config.yaml").read_text()


def test_a_folder_of_hydra_may_be_below_the_home_folder(alone, monkeypatch):
    monkeypatch.setenv("HOME", str(alone))
    assert main([*ONE_EPOCH, "hydra.run.dir=~/runs/(1)"]) == 0
    assert (alone / "runs" / "(1)" / "journal.jsonl").exists()


@pytest.mark.parametrize("option", [["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"]])
def test_help_lists_the_options_of_the_user(option, alone, capsys):
    (alone / "mine" / "optimizer").mkdir(parents=True)
    (alone / "mine" / "optimizer" / "snail.yaml").write_text("# slower than SGD\n_target_: x\n")
    for arguments in ([*option, "--help"], ["--help", *option]):
        assert main(arguments) == 0
        assert re.search(r"^    snail +slower than SGD$", capsys.readouterr().out, re.M)


def test_the_configuration_that_is_shown_has_text_as_typed(alone, capsys):
    assert main(["data=digits", "tracking.run_name=1e5", "--cfg", "job", "--package", "tracking"]) == 0
    assert "run_name: '1e5'" in capsys.readouterr().out


def test_a_failing_job_is_reported_and_the_others_go_on(store, nnexp):
    done = nnexp("-m", "optimizer=sgd", "optimizer.lr=1e30,0.1", "data=digits", "trainer.epochs=1")
    assert done.returncode == 1
    assert re.search(r"^1 .* failed: training diverged", done.stderr)
    assert "Traceback" not in done.stderr
    statuses = {run.data.params["optimizer.lr"]: run.info.status for run in runs()[1]}
    assert statuses == {"1e+30": "FAILED", "0.1": "FINISHED"}


@pytest.mark.parametrize("arguments", ["--help", "data=digits --cfg job"])
def test_a_closed_pipe_is_no_error(arguments):
    command = f"{shlex.join(PLOTLESS)} {arguments} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)


def test_hydras_own_commands_still_work():
    shown = process("data=digits", "--cfg", "job", "--resolve")
    assert (shown.returncode, "validation: 0.2" in shown.stdout) == (0, True)
    assert "he_normal" in process("--hydra-help").stdout + process("--info", "defaults").stdout


def test_the_record_of_a_run_is_complete(alone, store):
    overrides = {"data": "digits", "data.validation": "0.2", "trainer.epochs": "3", "schedule": "cosine"}
    overrides |= {"model.hidden": "[300, 100]", "model.activation": "tanh", "init": "xavier_uniform"}
    overrides |= {"optimizer": "momentum", "optimizer.lr": "0.05"}
    done = process(*(f"{key}={value}".replace(" ", "") for key, value in overrides.items()))
    assert done.returncode == 0, done.stderr
    client, (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "digits-mlp-xavier_uniform-momentum-cosine-s0"
    assert overrides.items() <= run.data.params.items()
    for name in PER_EPOCH:
        assert [metric.step for metric in client.get_metric_history(run.info.run_id, name)] == [1, 2, 3], name
    recalls = {f"recall/{digit}" for digit in range(10)}
    layers = {f"{quantity}/dense{k}" for quantity in PER_LAYER for k in (1, 2, 3)} - {"dead_units/dense3"}
    metrics = {name for name in run.data.metrics if not name.startswith("system/")}
    assert metrics == {*ONCE, *PER_EPOCH} | recalls | layers
    tags = {"config_hash", "data_sha256", "git_commit", "git_dirty", "sweep_id"}
    assert {f"nnexp.{tag}" for tag in tags} <= set(run.data.tags)
    paths = set(artifacts(client, run))
    matrices = {path for path in paths if path.startswith("images/confusion_val+step+")}
    assert paths == {*ARTIFACTS} | matrices
    assert len([path for path in matrices if path.endswith(".webp")]) == 3  # epochs 1, 2 and the last
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert folder.is_relative_to(alone / "mlruns" / "artifacts")
    assert all((folder / path).stat().st_size > 100 for path in paths)
    with np.load(folder / "weights" / "best.npz", allow_pickle=False) as weights:
        assert weights["0.W"].shape == (64, 300)
    assert "epoch 3/3" in (entries(alone)[0] / "nnexp.log").read_text()
    check_datasets(run)
    check_model(client, run)
    check_tables(client, run, folder)


def words(text):
    return text.split()


PER_EPOCH = words("train/loss train/accuracy val/loss val/accuracy lr grad/norm time/epoch")
PER_EPOCH += ["examples_per_second"]
PER_LAYER = words("grad_norm weight_norm update_ratio activation_mean activation_std dead_units")
ONCE = words("best/val_accuracy best/val_loss best/epoch test/loss test/accuracy test/ece time/total")
ONCE += words(
    "best/val_balanced_accuracy best/val_macro_f1 best/val_ece test/balanced_accuracy test/macro_f1"
)
ARTIFACTS = words("""
    config.yaml environment.json dataset.json network.json layers.npz curves.png misclassified.png
    weights/best.npz weights/final.npz weights/first_layer.png
    confusion/val.png confusion/val.json confusion/test.png confusion/test.json
    calibration/val.png calibration/test.png histograms/weights.png histograms/gradients.png layers.png
    predictions/val.parquet predictions/test.parquet predictions/misclassified.json
""")


def check_datasets(run):
    datasets = {entity.tags[0].value: entity.dataset for entity in run.inputs.dataset_inputs}
    assert set(datasets) == {"training", "validation", "test"}
    profile = json.loads(datasets["validation"].profile)
    assert (profile["num_rows"], profile["split_validation"]) == (288, 0.2)
    assert profile["data_sha256"] == run.data.tags["nnexp.data_sha256"]
    assert sum(profile["class_counts"].values()) == 288
    assert profile["sha256"].startswith(datasets["validation"].digest)


def check_model(client, run):
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert (model.source_run_id, model.name, model.status) == (run.info.run_id, "model", "READY")
    assert {metric.key for metric in model.metrics} >= {"test/accuracy", "best/val_accuracy"}
    assert len(client.get_metric_history(run.info.run_id, "test/accuracy")) == 1
    note = run.data.tags["mlflow.note.content"]
    assert "288 validation" in note
    assert f"nnexp reproduce {run.info.run_id[:8]}" in note
    assert "trainer.epochs=3" in note


def check_tables(client, run, folder):
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(client.tracking_uri)  # where load_table looks
    wrong = client.load_table(run.info.experiment_id, "predictions/misclassified.json", [run.info.run_id])
    mlflow.set_tracking_uri(None)
    table = pd.read_parquet(folder / "predictions" / "test.parquet")
    assert list(table.columns) == [*wrong.columns, "log_odds"]
    assert list(wrong.columns) == ["index", "true", "predicted", "confidence"]
    is_right = table["true"] == table["predicted"]
    assert is_right.mean() == run.data.metrics["test/accuracy"]
    expected = table[~is_right].sort_values("confidence", ascending=False, kind="stable")
    assert wrong["index"].tolist() == expected["index"].tolist()


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_makes_a_run_and_a_folder_per_combination(launcher, alone, store, nnexp):
    values = ["init=he_normal,xavier_normal", "schedule=constant,cosine"]
    done = nnexp("-m", *values, "data=digits", f"hydra/launcher={launcher}")
    assert done.returncode == 0, done.stderr
    _, recorded = runs()
    assert [run.info.status for run in recorded] == ["FINISHED"] * 4
    assert len({(run.data.params["init"], run.data.params["schedule"]) for run in recorded}) == 4
    (sweep,) = alone.glob("outputs/sweeps/*/*/")
    assert sorted(path.name for path in sweep.glob("[0-9]*")) == ["0", "1", "2", "3"]
    assert {run.data.tags["nnexp.sweep_id"] for run in recorded} == {f"{sweep.parent.name}/{sweep.name}"}
    assert "training" not in done.stdout  # a line for each run, no more


def test_a_preset_with_hydra_mode_multirun_is_a_sweep_without_m(alone, nnexp):
    (alone / "conf" / "experiment").mkdir(parents=True)
    preset = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: '0,1'}}}\n"
    (alone / "conf" / "experiment" / "seeds.yaml").write_text(preset)
    done = nnexp("--config-dir", "conf", "experiment=seeds", *ONE_EPOCH)
    assert done.returncode == 0, done.stderr
    assert len(list(alone.glob("outputs/sweeps/*/*/[01]/journal.jsonl"))) == 2


def test_a_run_that_diverges_is_marked_failed_with_the_reason(store, nnexp):
    done = nnexp("data=digits", "optimizer=sgd", "optimizer.lr=1e30")
    assert done.returncode == 1
    assert "fix: optimizer.lr=0.1" in done.stderr
    assert "Traceback" not in done.stderr
    assert "overrides" not in done.stderr
    client, (run,) = runs()
    assert run.info.status == "FAILED"
    assert "error.txt" in set(artifacts(client, run))


def test_a_dead_server_costs_the_run_nothing(alone, nnexp, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    done = nnexp("data=digits", "trainer.epochs=2")
    assert done.returncode == 0, done.stderr
    assert "not uploaded to MLflow" in done.stdout
    folder, journal = entries(alone)
    assert journal[-1]["status"] == "FINISHED"
    assert (folder / "curves.png").exists()


def test_an_mlflow_that_cannot_be_imported_costs_the_run_nothing(alone):
    (alone / "broken" / "mlflow").mkdir(parents=True)
    (alone / "broken" / "mlflow" / "__init__.py").write_text("raise ImportError('half installed')")
    done = process("data=digits", "trainer.epochs=2", env=os.environ | {"PYTHONPATH": str(alone / "broken")})
    assert done.returncode == 0, done.stderr
    assert "half installed" in done.stdout
    assert "Traceback" not in done.stderr
    assert (entries(alone)[0] / "curves.png").exists()


def test_the_ui_serves_the_store_on_this_machine_only(store):
    command = [*PLOTLESS, "ui", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen(command, **pipes, start_new_session=True)
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline()).group()
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(
                    f"{url}/api/2.0/mlflow/experiments/search?max_results=10"
                ) as reply:
                    names = [experiment["name"] for experiment in json.load(reply)["experiments"]]
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.3)
        assert "unused" in names  # the experiment of the fixture `store`
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        process.stdout.close()


def test_mirrored_letters_and_digits_are_warned_of(nnexp):
    run = ["data=digits", "trainer.epochs=1", "tracking=none", "data.limit=100"]
    for augment, warned in (("crop_flip", True), ("shift", False)):
        assert ("mirroring suits photographs" in nnexp(*run, f"augment={augment}").stdout) == warned
