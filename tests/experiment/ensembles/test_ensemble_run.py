"""An ensemble is evaluated by a float64 mean of its members, and recorded as a run."""

import json
import shutil
import signal

import numpy as np
import pandas as pd
import pytest
from fixtures.ensembles import TINY, average, softmax

from nnexp.config import build, compose
from nnexp.data.errors import DataError
from nnexp.errors import Interrupted
from nnexp.experiment.ensembles import ensemble_run
from nnexp.experiment.ensembles.ensemble_run import run_ensemble
from nnexp.experiment.ensembles.members import read_members
from nnexp.experiment.ensembles.selection import select_runs
from nnexp.experiment.ensembles.settings import ensemble_settings
from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.intervals import wilson_interval
from nnexp.run_folder import RunFolder, is_ensemble
from nnexp.runs.query import Runs
from nnexp.runs.run import in_folder
from nnexp.serving.load_model import load_model

TABLE = ("data=table", "trainer.epochs=1", "trainer.batch_size=32", "model.hidden=[4]")


@pytest.fixture(scope="module")
def digits():
    return build(compose(["data=digits"])).data.load()


def probabilities_of(folder, x):
    return softmax(load_model(folder / "network.json", folder / "weights" / "best.npz").outputs(x))


def test_scores_are_those_of_the_mean_in_float64(member, digits, compare):
    folders = member("first"), member("second"), member("deep")
    result = average(*folders)
    p = sum(probabilities_of(folder, digits.x_test) for folder in folders) / 3
    predicted = p.argmax(axis=1)
    correct = predicted == digits.y_test
    confidence = p.max(axis=1)
    expected = {
        "test/accuracy": correct.mean(),
        "test/loss": -np.log(p[np.arange(len(p)), digits.y_test]).mean(),
        "test/ece": ReliabilityBins.of(confidence, correct).expected_calibration_error,
        "test/accuracy_lower": wilson_interval(int(correct.sum()), len(p))[0],
        "test/accuracy_upper": wilson_interval(int(correct.sum()), len(p))[1],
    }
    compare([result.metrics[name] for name in expected], [*expected.values()], 1e-12)
    predictions = result.splits["test"].predictions
    np.testing.assert_array_equal(predictions.predicted, predicted)
    compare(predictions.confidence, confidence, 1e-12)
    compare(predictions.log_odds, np.log(confidence / (1 - confidence)), 1e-9)
    assert (result.errors, result.examples) == (np.sum(~correct), len(p))


def test_members_have_their_recorded_scores(member):
    folders = member("first"), member("second"), member("deep")
    result = average(*folders)
    recorded = [in_folder(folder).metrics["test/accuracy"] for folder in folders]
    assert result.member_scores == {"test": recorded}
    logged = [result.metrics[f"members/{number}/test_accuracy"] for number in (1, 2, 3)]
    assert logged == recorded
    assert result.best_member == 1 + int(np.argmax(recorded))
    assert result.mean_of_members == pytest.approx(np.mean(recorded))


def test_the_record_is_that_of_a_run(member):
    first, second = member("first"), member("second")
    result = average(first, second, name="both")
    run = RunFolder(result.folder)
    entries = run.entries()
    assert is_ensemble(entries[0])
    assert entries[0]["name"] == "both"
    assert json.loads(entries[0]["params"]["ensemble.members"]) == [str(first), str(second)]
    assert entries[0]["params"]["data"] == "digits"
    assert entries[0]["tags"]["nnexp.members"] == f"{first},{second}"
    assert entries[-1]["status"] == "FINISHED"
    recorded = in_folder(result.folder)
    assert recorded.metrics == result.metrics
    logged = {entry["path"] for entry in entries if entry["kind"] == "artifact"}
    files = {"config.yaml", "dataset.json", "ensemble.json", "environment.json", "network.json"}
    assert logged >= files | {"weights/best.npz", "confusion/test.json"}
    assert all((result.folder / path).is_file() for path in logged)
    assert {"matrix", "per_class"} <= run.report("confusion", "test").keys()
    assert set(run.predictions("test")) == {"index", "true", "predicted", "confidence", "log_odds"}
    assert [each["name"] for each in run.json("ensemble.json")["members"]] == [
        in_folder(folder).name for folder in (first, second)
    ]
    assert run.dataset["splits"].keys() == {"test"}


def test_an_ensemble_works_after_its_members_were_deleted(member, digits, compare):
    folders = member("first"), member("deep")
    result = average(*folders)
    expected = sum(probabilities_of(folder, digits.x_test) for folder in folders) / 2
    for folder in folders:
        shutil.rmtree(folder)
    model = load_model(result.folder / "network.json", result.folder / "weights" / "best.npz")
    compare(model.probabilities(model.outputs(digits.x_test)), expected, 1e-12)


def test_validation_is_evaluated_where_all_members_share_it(member, digits):
    folders = member("first"), member("wide", *TINY, "model.hidden=[7]")
    result = average(*folders)
    recorded = [in_folder(folder).metrics["best/val_accuracy"] for folder in folders]
    assert result.member_scores["val"] == recorded
    assert result.metrics["best/val_accuracy"] == result.score("val")
    splits = RunFolder(result.folder).dataset["splits"]
    assert splits.keys() == {"training", "validation", "test"}
    assert len(result.splits["val"].predictions.index) == splits["validation"]["examples"]


def test_settings_of_the_data_that_differ_are_not_recorded(member):
    config = average(member("first"), member("deep")).folder / "config.yaml"
    assert "standardize" not in config.read_text()
    assert "stratify" in config.read_text()


@pytest.fixture
def table(alone, pets):
    """Trains on the table of pets; returns the run's folder."""
    from nnexp import run

    def train(name, *overrides):
        config = compose([*TABLE, f"data.path={pets}", "tracking=none", *overrides])
        run(config, alone / name, display="quiet")
        return alone / name

    return train


REGRESSION = ("data.target=[weight,height]", "data.task=regression", "loss=mean_squared_error")


def test_numbers_are_averaged_in_their_own_units(table, pets, alone, compare):
    folders = [
        table("a", "data.target=weight", *REGRESSION[1:]),
        table("b", "data.target=weight", *REGRESSION[1:], "seed=1", "data.target_transform=log"),
    ]
    result = average(*folders)
    predictions = [RunFolder(folder).predictions("test") for folder in folders]
    mean = (predictions[0]["predicted"].astype(np.float64) + predictions[1]["predicted"]) / 2
    compare(result.splits["test"].predictions.predicted, mean, 1e-6)
    assert "test/loss" not in result.metrics
    assert result.interval is None
    assert result.errors is None
    true = predictions[0]["y"]
    r2 = 1 - ((mean - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()
    compare(result.metrics["test/r2"], r2, 1e-6)


def test_labels_are_averaged_by_their_probabilities(table, compare):
    labels = ("data.target=[purrs,barks]", "loss=binary_cross_entropy")
    folders = [table("a", *labels), table("b", *labels, "seed=1", "model.hidden=[3,3]")]
    result = average(*folders)
    predictions = [RunFolder(folder).predictions("test") for folder in folders]
    p = sum(1 / (1 + np.exp(-each["log_odds"])) for each in predictions) / 2
    made = result.splits["test"].predictions
    compare(made.confidence, p, 1e-12)
    np.testing.assert_array_equal(made.predicted, p > 0.5)
    true = predictions[0]["y"]
    compare(result.metrics["test/loss"], -np.log(np.where(true, p, 1 - p)).mean(), 1e-12)
    assert result.metrics["test/accuracy"] == (made.predicted == true).mean()


def test_classes_of_a_table_are_predicted_with_its_columns(table, pets):
    folders = [table("a", "data.target=species"), table("b", "data.target=species", "seed=3")]
    result = average(*folders)
    model = load_model(result.folder / "network.json", result.folder / "weights" / "best.npz")
    assert model.spec.names == ("bird", "cat", "dog")
    assert [column.name for column in model.spec.columns][:2] == ["height", "colour"]
    index = result.splits["test"].predictions.index
    from nnexp.serving.prediction_table import predict_files

    (predicted,) = predict_files(model, [pets])
    confidence = predicted.columns["confidence"][index]
    np.testing.assert_allclose(confidence, result.splits["test"].predictions.confidence, rtol=1e-5)


def test_losses_with_other_probabilities_are_averaged_too(member, digits, compare):
    folders = member("first"), member("squares", *TINY, "loss=mean_squared_error")
    result = average(*folders)
    z = load_model(folders[1] / "network.json", folders[1] / "weights" / "best.npz").outputs(digits.x_test)
    p = (probabilities_of(folders[0], digits.x_test) + np.clip(z.astype(np.float64), 0, 1)) / 2
    compare(result.splits["test"].predictions.confidence, p.max(axis=1), 1e-12)


def test_other_data_than_those_of_the_members_are_refused(table, pets, alone):
    folders = [table("a", "data.target=species"), table("b", "data.target=species", "seed=3")]
    frame = pd.read_csv(pets)
    frame["weight"] += 1
    frame.to_csv(pets, index=False)
    with pytest.raises(DataError, match="not those that the members were trained on: expected SHA-256"):
        average(*folders)
    assert not (alone / "outputs").exists()


def test_a_score_that_is_another_than_recorded_is_noted(member, monkeypatch):
    folders = member("first"), member("second")
    other = np.load(folders[1] / "weights" / "best.npz")
    np.savez(folders[0] / "weights" / "best.npz", **other)
    members = read_members(select_runs([str(folder) for folder in folders], Runs()).runs)
    notes = []

    class Notes(ensemble_run.EnsembleDisplay):
        def message(self, label, text):
            notes.append(text)

    run_ensemble(members, ensemble_settings(members), display=Notes())
    assert "another test score than recorded, computed here: member 1" in notes


def test_an_interruption_before_the_end_leaves_nothing(member, monkeypatch, alone):
    folders = member("first"), member("second")
    evaluate = ensemble_run.evaluate_ensemble

    def interrupted(*args, **options):
        signal.raise_signal(signal.SIGINT)
        return evaluate(*args, **options)

    monkeypatch.setattr(ensemble_run, "evaluate_ensemble", interrupted)
    with pytest.raises(Interrupted):
        average(*folders)
    assert not (alone / "outputs").exists()


def test_an_interruption_while_it_is_recorded_comes_after_the_record(member, monkeypatch, alone):
    folders = member("first"), member("second")
    record = ensemble_run.record

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        record(*args)

    monkeypatch.setattr(ensemble_run, "record", interrupted)
    with pytest.raises(Interrupted):
        average(*folders)
    (folder,) = (alone / "outputs" / "runs").glob("*/*")
    assert in_folder(folder).status == "FINISHED"
