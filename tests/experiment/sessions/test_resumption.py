"""Runs that are interrupted and go on: the bits of undisturbed ones, nothing twice, or a clear refusal."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fixtures.third_party import accepts_warnings
from fixtures.uploads import assert_metrics_stored_once

import nnexp
from nnexp import compose
from nnexp.experiment.display import Display
from nnexp.experiment.run import run
from nnexp.experiment.sessions.resumption import ResumeError, prepare
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import CONFIG, JOURNAL, RunFolder, history, weights_path
from nnexp.runs.backends import RunError
from nnexp.runs.run import in_folder
from nnexp.tracking.journal import Journal, process_identity
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import read_run, upload

pytestmark = accepts_warnings
QUICK = ["data=digits", "trainer.epochs=4", "trainer.batch_size=64", "trainer.threads=1", "model.dropout=0.2"]
CLOCK = ("time/", "examples_per_second")


class InterruptedAt(Display):
    """Interrupts training after an evaluation, when its line is in the journal and no checkpoint has it."""

    def __init__(self, epoch):
        self.last = epoch

    def epoch(self, record, best):
        if record.epoch == self.last:
            raise KeyboardInterrupt


def interrupted(folder, *overrides, at=3):
    with pytest.raises(KeyboardInterrupt):
        run(compose([*QUICK, "tracking=none", *overrides]), folder, InterruptedAt(at))
    return folder


def resume(folder, *overrides):
    return nnexp.resume(folder, overrides, display="quiet")


def logged(folder):
    rows = history(RunFolder(folder).entries())
    return [
        (step, name, value) for step, row in rows for name, value in row.items() if not name.startswith(CLOCK)
    ]


def weights(folder, which="final"):
    with np.load(Path(folder) / weights_path(which)) as arrays:
        return b"".join(arrays[name].tobytes() for name in arrays.files)


def epochs(folder):
    return [step for step, values in history(RunFolder(folder).entries()) if "train/loss" in values]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnexp.experiment.run.Uploader", NoUploads)
        return run(compose([*QUICK, "tracking=none"]), tmp_path_factory.mktemp("undisturbed")).folder


class NoUploads:
    @classmethod
    def start(cls, **_):
        from fixtures.uploads import NoUploader

        return NoUploader()


@pytest.mark.parametrize("checkpoints", ["checkpoint.epochs=1", "checkpoint.epochs=null"])
@pytest.mark.parametrize("at", [1, 3])
def test_a_resumed_run_has_the_bits_of_the_undisturbed_one(no_upload, undisturbed, alone, checkpoints, at):
    folder = interrupted(alone / "run", checkpoints, at=at)
    result = resume(folder)
    assert result.status == in_folder(folder).status == "FINISHED"
    assert weights(folder) == weights(undisturbed)
    assert weights(folder, "best") == weights(undisturbed, "best")
    assert epochs(folder) == [1, 2, 3, 4]
    expected = {entry for entry in logged(undisturbed) if entry[0]}
    assert expected <= set(logged(folder))
    assert max(Counter((step, name) for step, name, _ in logged(folder)).values()) == 1
    assert result.metrics["test/loss"] == in_folder(undisturbed).metrics["test/loss"]


def test_a_finished_run_is_extended(no_upload, undisturbed, alone):
    folder = shutil.copytree(undisturbed, alone / "run")
    with pytest.raises(ResumeError, match=r"after 4 of 4 epochs; fix: nnexp resume run trainer.epochs=8"):
        resume(folder)
    assert resume(folder, "trainer.epochs=6").epochs == 6
    assert epochs(folder) == [1, 2, 3, 4, 5, 6]
    recorded = in_folder(folder)
    assert recorded.params["trainer.epochs"] == "6"
    assert recorded.metrics["best/epoch"] > 4
    assert "epochs: 6" in (folder / CONFIG).read_text()
    assert [step for step, _ in recorded.history()] == [1, 2, 3, 4, 5, 6]


def test_other_settings_go_on_where_the_journal_ends(no_upload, alone):
    """Where the checkpoint is older, the recorded settings train up to there first."""
    behind = interrupted(alone / "behind", "checkpoint.epochs=null")
    current = shutil.copytree(behind, alone / "current")
    resume(behind, "optimizer.lr=0.001")
    other = interrupted(alone / "other", "checkpoint.epochs=1", at=4)
    shutil.copytree(other / "checkpoints", current / "checkpoints", dirs_exist_ok=True)
    resume(current, "optimizer.lr=0.001")
    assert weights(behind) == weights(current)
    assert epochs(behind) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("model.hidden=[64]", r"model.hidden=\[64\] \(recorded: \[128\]\)"),
        ("data.validation=0.3", r"data.validation=0.3 \(recorded: 0.2\)"),
        ("seed=1", r"seed=1 \(recorded: 0\)"),
        ("trainer.batch_size=32", r"trainer.batch_size=32"),
        ("optimizer=sgd", r"optimizer._target_=.*SGD"),
        ("schedule=plateau", r"schedule._target_=.*Plateau"),
        ("trainer.epochs=1", r"has completed 4 epochs already"),
    ],
)
def test_what_the_state_depends_on_cannot_change(no_upload, undisturbed, alone, override, named):
    folder = shutil.copytree(undisturbed, alone / "run")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ResumeError, match=named):
        resume(folder, override)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_setting_that_was_changed_in_the_record_is_refused(no_upload, undisturbed, alone):
    folder = shutil.copytree(undisturbed, alone / "run")
    text = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(text.replace("  dropout: 0.2", "  dropout: 0.5"))
    problem = r"config.yaml: changed since the run began: model.dropout: expected 0.2, got 0.5; fix: put"
    with pytest.raises(ResumeError, match=problem):
        resume(folder, "trainer.epochs=6")
    (folder / CONFIG).write_text(text.replace("  epochs: 4", "  epochs: 5"))
    assert resume(folder, "trainer.epochs=6").epochs == 6


def test_changed_data_are_refused(no_upload, alone):
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(60)]
    (alone / "x.csv").write_text("\n".join(["p,q,y", *rows]))
    table = ["data=table", "data.path=x.csv", "data.target=y", "trainer.batch_size=8"]
    folder = interrupted(alone / "run", *table, at=2)
    (alone / "x.csv").write_text("\n".join(["p,q,y", *rows[:-1], "59,3,a"]))
    with pytest.raises(ResumeError, match="have changed since the run began: sha256: expected"):
        resume(folder)
    (alone / "x.csv").write_text("\n".join(["p,q,y", *rows]))
    assert resume(folder).status == "FINISHED"


def test_what_a_damaged_journal_lacks_is_written_from_the_checkpoint(no_upload, undisturbed, alone):
    folder = interrupted(alone / "run", "checkpoint.epochs=1", at=4)
    lines = (folder / JOURNAL).read_text().splitlines(keepends=True)
    (folder / JOURNAL).write_text("".join("{damaged\n" if '"step": 2, "values"' in x else x for x in lines))
    resume(folder)
    assert sorted(epochs(folder)) == [1, 2, 3, 4]
    assert [step for step, _ in in_folder(folder).history()] == [1, 2, 3, 4]
    lost = {entry for entry in set(logged(undisturbed)) - set(logged(folder)) if entry[0]}
    assert all(name.startswith("recall/") for _, name, _ in lost)


def test_a_run_that_is_being_trained_is_not_resumed(no_upload, undisturbed, alone):
    folder = shutil.copytree(undisturbed, alone / "run")
    lines = (folder / JOURNAL).read_text().splitlines(keepends=True)[:-1]
    (folder / JOURNAL).write_text("".join(lines))
    identity = process_identity(json.loads(lines[0])["writer"]["pid"])
    with pytest.raises(
        ResumeError, match=rf"being trained by process {identity['pid']} on {identity['host']}"
    ):
        resume(folder)


def test_what_is_missing_is_named(no_upload, undisturbed, alone):
    folder = shutil.copytree(undisturbed, alone / "run")
    (folder / CONFIG).unlink()
    with pytest.raises(ResumeError, match=r"has no config.yaml; fix: put its config.yaml there"):
        resume(folder, "trainer.epochs=6")
    for content in ("nothing\n", "", "{"):  # the checkpoints are not overwritten by a run that begins anew
        (folder / JOURNAL).write_text(content)
        with pytest.raises(ResumeError, match="cannot be read"):
            resume(folder, "trainer.epochs=6")
    with pytest.raises(RunError, match="no runs here yet"):
        resume("last")


def test_a_run_is_resumed_by_name_and_as_the_last(no_upload, alone):
    interrupted(alone / "outputs" / "runs" / "a", "tracking.run_name=first")
    second = interrupted(alone / "outputs" / "runs" / "b")
    assert resume("last").folder == second
    assert resume("first").folder == alone / "outputs" / "runs" / "a"


def test_a_store_has_one_run_and_one_model_of_all_sessions(no_upload, store, alone):
    from mlflow.tracking import MlflowClient

    folder = alone / "outputs" / "run"
    with pytest.raises(KeyboardInterrupt):
        run(compose([*QUICK, "tracking.register=digits"]), folder, InterruptedAt(2))
    assert upload(folder, upload_callbacks()).error == ""
    client = MlflowClient(f"sqlite:///{store}")
    run_id = UploadState.load(folder).run_id
    assert client.get_run(run_id).info.status == "KILLED"

    with Journal.reopen(folder) as journal:  # a session that died
        head = RunFolder(folder).entries()[0]
        journal.log_resume(head["name"], 0, {}, {"nnexp.resumed": "1"}, head["destination"])
        journal.end("FAILED")
    assert read_run(folder).state == "waiting"
    resume(folder, "trainer.epochs=5")
    assert read_run(folder).state == "waiting"
    assert upload(folder, upload_callbacks()).error == ""
    assert read_run(folder).state == "uploaded"

    (stored,) = client.search_runs(["1", "2"])
    assert (stored.info.run_id, stored.info.status) == (run_id, "FINISHED")
    assert stored.data.tags["nnexp.changed.trainer.epochs"] == "5"
    assert stored.data.metrics["best/epoch"] == in_folder(folder).metrics["best/epoch"]
    assert_metrics_stored_once(client, folder)
    assert len(client.search_logged_models([stored.info.experiment_id])) == 1
    assert len(client.search_model_versions("name = 'digits'")) == 1
    recorded = nnexp.runs.query.Runs().find(run_id)
    assert recorded.params["trainer.epochs"] == "5"
    assert [step for step, _ in recorded.history()] == [1, 2, 3, 4, 5]
    config = Path(client.download_artifacts(run_id, CONFIG, str(alone))).read_text(encoding="utf-8")
    assert "epochs: 5" in config


def test_a_password_goes_to_no_store_that_only_the_folder_names(no_upload, alone, monkeypatch):
    config = compose([*QUICK, "tracking.uri=https://stranger.example"])
    with pytest.raises(KeyboardInterrupt):
        run(config, "a", InterruptedAt(2))
    prepare(Path("a"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cr3t-W0rd")
    with pytest.raises(StoreError, match="would get this environment's MLFLOW_TRACKING_TOKEN; fix: "):
        prepare(Path("a"))
    prepare(Path("a"), ["tracking.uri=https://stranger.example"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://stranger.example")
    prepare(Path("a"))
