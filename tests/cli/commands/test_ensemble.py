"""`nnexp ensemble`: what it prints, and how other commands use the run that it makes."""

import json
import shutil
import sys
from subprocess import run as run_process

import numpy as np
import pytest
from fixtures.ensembles import softmax
from fixtures.third_party import accepts_warnings
from fixtures.uploads import assert_metrics_stored_once

from nnexp.cli.dead_runs import reports
from nnexp.config import build, compose
from nnexp.runs.run import in_folder
from nnexp.serving.load_model import load_model
from nnexp.tracking.mlflow.store import open_store, tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState

pytestmark = accepts_warnings


def newest(alone):
    (folder,) = (alone / "outputs" / "runs").glob("*/*")
    return folder


@pytest.fixture
def examples(alone):
    """A file of the test images of the digits, with their classes."""
    data = build(compose(["data=digits"])).data.load()
    np.savez(alone / "digits.npz", x=data.x_test.reshape(-1, 8, 8), y=data.y_test)
    return "digits.npz"


def test_it_prints_members_and_scores_and_the_folder(nnexp, member, alone):
    first, second, deep = (str(member(name)) for name in ("first", "second", "deep"))
    done = nnexp("ensemble", first, second, deep)
    assert (done.returncode, done.stderr) == (0, "")
    folder = newest(alone)
    score = in_folder(folder).metrics["test/accuracy"]
    scores = [in_folder(alone / name).metrics["test/accuracy"] for name in (first, second, deep)]
    assert "ensemble  the mean of the probabilities of 3 runs, with equal weights" in done.stdout
    for number, (name, value) in enumerate(zip((first, second, deep), scores, strict=True), 1):
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"member {number}"))
        assert f"({name})" in line
        assert f"test {value:.2%}" in line
    assert f"test      {score:.2%} (95 % interval " in done.stdout
    assert f"best member {max(scores):.2%}" in done.stdout
    assert f"mean of members {np.mean(scores):.2%}" in done.stdout
    assert f"folder    {folder.relative_to(alone)}" in done.stdout
    assert "test      " in (folder / "nnexp.log").read_text()


def test_json_is_all_that_is_printed_to_stdout(nnexp, member):
    done = nnexp("ensemble", str(member("first")), str(member("second")), "--json", "--name", "pair")
    values = json.loads(done.stdout)
    assert values["name"] == "pair"
    assert values["task"] == "classification"
    assert values["metrics"]["test/accuracy"] == pytest.approx(1 - values["errors"] / values["examples"])
    low, high = values["interval"]
    assert low < values["metrics"]["test/accuracy"] < high
    assert [each["run"] for each in values["members"]] == ["first", "second"]
    assert "member 1" in done.stderr


def test_errors_are_one_message(nnexp, member):
    done = nnexp("ensemble", str(member("first")), "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nnexp: nowhere: no such folder, and no runs here yet")


def test_a_setting_that_it_does_not_have_is_taken_for_a_run(nnexp, member):
    done = nnexp("ensemble", str(member("first")), str(member("second")), "seed=3")
    assert done.returncode == 2
    assert "seed=3: no such folder" in done.stderr


def test_a_wrong_setting_of_tracking_is_a_configuration_error(nnexp, member):
    done = nnexp("ensemble", str(member("first")), str(member("second")), "tracking.experimnt=a")
    assert done.returncode == 2
    assert "experimnt" in done.stderr


def test_predict_averages_also_without_the_members(nnexp, member, alone, examples):
    folders = [alone / member(name) for name in ("first", "deep")]
    assert nnexp("ensemble", *map(str, folders)).returncode == 0
    x = np.load(examples)["x"]
    models = [load_model(folder / "network.json", folder / "weights" / "best.npz") for folder in folders]
    expected = sum(softmax(model.outputs(x)) for model in models) / 2
    for folder in folders:
        shutil.rmtree(folder)
    done = nnexp("predict", str(newest(alone)), examples, "--json")
    (file,) = json.loads(done.stdout)["files"]
    p = [[row[f"p_{name}"] for name in range(10)] for row in file["predictions"]]
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-12)
    assert file["accuracy"] == in_folder(newest(alone)).metrics["test/accuracy"]


def test_it_is_listed_and_shown_and_compared(nnexp, member, alone):
    first = str(member("first"))
    nnexp("ensemble", first, str(member("second")))
    folder = str(newest(alone))
    shown = nnexp("show", folder).stdout
    assert "members     " in shown
    assert "(first), test" in shown
    assert "(second), test" in shown
    assert "nnexp predict" in shown
    assert "nnexp reproduce" not in shown
    assert "--onnx" not in shown
    compared = nnexp("compare", folder, first)
    assert compared.returncode == 0
    assert "optimizer.lr" not in compared.stdout
    assert "ensemble.members" in compared.stdout


def test_two_ensembles_are_compared(nnexp, member, alone):
    first, second, deep = (str(member(name)) for name in ("first", "second", "deep"))
    nnexp("ensemble", first, second)
    one = newest(alone).rename(alone / "one")
    nnexp("ensemble", first, deep)
    done = nnexp("compare", str(one), str(newest(alone)))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("command", "purpose"), [("resume", "to go on with"), ("reproduce", "to repeat")])
def test_what_trains_refuses_an_ensemble(nnexp, member, alone, command, purpose):
    nnexp("ensemble", str(member("first")), str(member("second")))
    done = nnexp(command, str(newest(alone)))
    assert done.returncode == 2
    assert f"is an ensemble: it has no training {purpose}" in done.stderr
    assert done.stderr.endswith("fix: nnexp ensemble first second\n")


def test_export_names_the_members(nnexp, member, alone):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx]'")
    nnexp("ensemble", str(member("first")), str(member("second")))
    done = nnexp("export", str(newest(alone)), "--onnx")
    assert done.returncode == 2
    assert "export its members one by one: first, second" in done.stderr


@pytest.fixture
def mlflow_of_store(store):
    """MLflow that looks for models in the working directory's store."""
    import mlflow

    mlflow.set_tracking_uri(tracking_uri(None))
    yield mlflow
    mlflow.set_tracking_uri(None)


def test_it_is_uploaded_as_a_run_with_a_model(nnexp, member, alone, mlflow_of_store, examples):
    first, second = (str(member(name)) for name in ("first", "second"))
    tracked = ("tracking=mlflow", "tracking.plots=false", "tracking.experiment=averages")
    done = nnexp("ensemble", first, second, *tracked)
    assert "mlflow    run digits-ensemble-of-2, id " in done.stdout, done.stdout + done.stderr
    assert "could not be drawn" not in done.stdout
    folder = newest(alone)
    client, _ = open_store(tracking_uri(None), "averages")
    run_id = UploadState.load(folder).run_id
    stored = client.get_run(run_id)
    assert stored.info.status == "FINISHED"
    assert stored.data.tags["nnexp.kind"] == "ensemble"
    assert stored.data.tags["nnexp.members"] == f"{first},{second}"
    assert "The mean of the predictions of 2 runs" in stored.data.tags["mlflow.note.content"]
    assert stored.data.metrics.items() >= in_folder(folder).metrics.items()
    assert [each.dataset.name for each in stored.inputs.dataset_inputs] == ["digits, test"]
    assert_metrics_stored_once(client, folder)
    (output,) = stored.outputs.model_outputs
    x = np.load(examples)["x"]
    predicted = mlflow_of_store.pyfunc.load_model(f"models:/{output.model_id}").predict(x)
    model = load_model(folder / "network.json", folder / "weights" / "best.npz")
    p = model.probabilities(model.outputs(x))
    np.testing.assert_allclose(predicted["confidence"], p.max(axis=1), rtol=1e-12)
    listed = nnexp("runs", "--columns", "name,status,nnexp.kind,test/accuracy").stdout
    assert "digits-ensemble-of-2" in listed
    assert "ensemble" in listed
    assert nnexp("predict", run_id[:8], examples).returncode == 0
    reported = nnexp("report", "--filter", 'params.data = "digits"')
    assert reported.returncode == 2
    assert "no run matches" in reported.stderr


def test_one_that_died_is_reported_with_the_command_that_makes_it_again(nnexp, member, alone):
    nnexp("ensemble", str(member("first")), str(member("second")))
    (line,) = reports([newest(alone)])
    assert line.endswith("the ensemble died; make it again with: nnexp ensemble first second")


@pytest.mark.plots
def test_its_plots_are_those_of_a_run(nnexp, member, alone):
    nnexp("ensemble", str(member("first")), str(member("second")))
    drawn = {path.relative_to(newest(alone)).as_posix() for path in newest(alone).rglob("*.png")}
    assert drawn == {"calibration/test.png", "confusion/test.png", "misclassified.png"}


def test_help_imports_neither_mlflow_nor_matplotlib_nor_scikit_learn():
    code = (
        "import sys; import nnexp; from nnexp.__main__ import main; main(['--help']);"
        "print({'mlflow', 'matplotlib', 'sklearn'} & {*sys.modules})"
    )
    done = run_process([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
    assert "ensemble" in done.stdout
