"""Uploads to a store whose answers get lost at the worst moments: it has everything once in the end."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures.third_party import accepts_warnings
from fixtures.uploads import assert_metrics_stored_once
from hypothesis import example, given
from hypothesis import strategies as st

from nnexp import compose, run
from nnexp.config import ConfigError, build
from nnexp.experiment.confusion_log import metric_names
from nnexp.experiment.failures.storage_errors import StorageError
from nnexp.experiment.run import run as run_experiment
from nnexp.experiment.sessions.resumption import prepare
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import JOURNAL, PRUNED_TAG, UPLOAD_STATE, RunFolder
from nnexp.tracking.mlflow.store import NOTE, tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.mlflow.writer import MlflowRunWriter
from nnexp.tracking.upload.sync import read_run, upload

pytestmark = accepts_warnings
CALLS = ["create_run", "log_batch", "log_inputs", "log_artifacts", "create_logged_model", "log_outputs"]
CALLS += ["set_terminated", "create_model_version"]


@pytest.fixture
def waiting(no_upload, store):
    return run(compose(["data=digits", "trainer.epochs=2", "tracking.register=digits"])).folder


def send(folder, uri=None):
    return upload(folder, upload_callbacks(), uri).error


def client():
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri(None))


def last_status(outputs="outputs"):
    (path,) = Path(outputs).rglob(JOURNAL)
    return RunFolder(path.parent).entries()[-1]["status"]


def confusion_steps(folder):
    return [entry["step"] for entry in RunFolder(folder).entries() if entry["kind"] == "confusion"]


def assert_stored_once(folder):
    store, state = client(), UploadState.load(folder)
    (stored,) = store.search_runs([store.get_experiment_by_name("nnexp").experiment_id])
    assert (stored.info.run_id, stored.info.status) == (state.run_id, "FINISHED")
    assert_metrics_stored_once(store, folder)
    assert len(store.search_logged_models([stored.info.experiment_id])) == 1
    assert [output.model_id for output in stored.outputs.model_outputs] == [state.model_id]
    assert len(store.search_model_versions("name = 'digits'")) == 1
    images = [file for file in store.list_artifacts(state.run_id, "images") if file.path.endswith(".png")]
    assert len(images) == len(confusion_steps(folder)) == 2


@pytest.mark.parametrize("call", CALLS)
def test_a_lost_answer_of_any_call_costs_nothing(call, waiting, monkeypatch):
    from mlflow.tracking import MlflowClient

    calls = []
    original = getattr(MlflowClient, call)

    def lose_first_answer(self, *arguments, **keywords):
        calls.append(call)
        answer = original(self, *arguments, **keywords)
        if len(calls) == 1:
            raise ConnectionError("the cable was cut")
        return answer

    monkeypatch.setattr(MlflowClient, call, lose_first_answer)
    assert "the cable was cut" in send(waiting)
    assert read_run(waiting).state == "waiting"
    assert send(waiting) == ""
    assert read_run(waiting).state == "uploaded"
    assert_stored_once(waiting)


def test_without_plots_a_run_has_its_tables_but_no_pictures(no_upload, store):
    folder = run(compose(["data=digits", "trainer.epochs=1", "tracking.plots=false"])).folder
    assert send(folder) == ""
    assert [*folder.rglob("*.png")] == []
    stored = client().get_run(UploadState.load(folder).run_id)
    assert "mlflow.loggedImages" not in stored.data.tags
    assert "images" not in [file.path for file in client().list_artifacts(stored.info.run_id)]
    assert (folder / "predictions" / "val.parquet").is_file()


@pytest.mark.parametrize("scores_come_first", [False, True])
def test_the_scores_of_a_run_are_those_of_its_model_too(waiting, scores_come_first, no_upload, store):
    writer = MlflowRunWriter(waiting, upload_callbacks().draw_confusion, is_new=True)
    *rest, end = writer.run_folder.entries()
    batches = [rest, [{"kind": "model"}, end]] if scores_come_first else [[*rest, {"kind": "model"}, end]]
    for batch in batches:
        writer.send(batch)
    writer.send([], 1)
    assert_stored_once(waiting)
    (model,) = client().search_logged_models([writer.state.experiment_id])
    scores = {name: at.value for name, at in writer.results.items() if name.startswith(("best/", "test/"))}
    assert {metric.key: metric.value for metric in model.metrics} == scores
    assert model.status == "READY"


def test_an_upload_to_a_database_is_stored_in_two_transactions(waiting):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    writes = []

    def remember(connection, cursor, statement, *others):
        writes.append(statement.split()[0])

    def commit(connection):
        writes.append("COMMIT")

    writer = MlflowRunWriter(waiting, upload_callbacks().draw_confusion, is_new=True)
    writer.settings["register"] = None
    *rest, end = writer.run_folder.entries()
    assert writer.client  # the experiment is there
    event.listen(Engine, "before_cursor_execute", remember)
    event.listen(Engine, "commit", commit)
    try:
        writer.send([*rest, {"kind": "model"}, end])
    finally:
        event.remove(Engine, "before_cursor_execute", remember)
        event.remove(Engine, "commit", commit)
    transactions = " ".join(writes).split("COMMIT")
    assert sum("INSERT" in each or "UPDATE" in each for each in transactions) == 2


def test_a_run_is_not_stored_again_under_another_uri_of_its_store(waiting, alone, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(alone / "mlruns")
    assert send(waiting) == ""
    assert send(waiting, f"sqlite:///{link}/mlflow.db") == ""
    assert_stored_once(waiting)
    (waiting / UPLOAD_STATE).unlink()
    assert send(waiting) == ""
    assert_stored_once(waiting)


def test_a_run_whose_own_store_is_gone_is_uploaded_once_another_has_it(no_upload, store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    folder = run(compose(["data=digits", "trainer.epochs=1"])).folder
    other = f"sqlite:///{store}"
    assert read_run(folder).state == read_run(folder, other).state == "waiting"
    assert send(folder, other) == ""
    assert read_run(folder).state == read_run(folder, other).state == "uploaded"
    assert read_run(folder, "http://127.0.0.1:9").state == "waiting"


def test_a_run_whose_process_died_is_stored_as_failed(waiting):
    first, *middle, last = (waiting / JOURNAL).read_text().splitlines(keepends=True)
    (waiting / JOURNAL).write_text("".join([first, *middle, last[:20]]))
    assert read_run(waiting).state == "running"  # by this very process
    copy = shutil.copytree(waiting, waiting.with_name("copy"))
    dead = first.replace('"pid": ', '"pid": 99999')
    (copy / JOURNAL).write_text("".join([dead, *middle, last[:20]]))
    assert read_run(copy).state == "waiting"
    assert send(copy) == ""
    assert client().get_run(UploadState.load(copy).run_id).info.status == "FAILED"


def test_metrics_that_are_nan_or_infinite_are_stored(waiting):
    first, *rest = (waiting / JOURNAL).read_text().splitlines()
    extra = '{"kind": "metrics", "time": 1, "step": 1, "values": {"odd/nan": NaN, "odd/inf": Infinity}}'
    (waiting / JOURNAL).write_text("\n".join([first, extra, *rest]) + "\n")
    assert send(waiting) == ""
    store, run_id = client(), UploadState.load(waiting).run_id
    assert np.isnan(store.get_metric_history(run_id, "odd/nan")[0].value)
    assert store.get_metric_history(run_id, "odd/inf")[0].value > 1e300


def test_a_journal_without_an_id_is_unreadable(waiting):
    head, *rest = map(json.loads, (waiting / JOURNAL).read_text().splitlines())
    del head["id"]
    (waiting / JOURNAL).write_text("\n".join(map(json.dumps, [head, *rest])) + "\n")
    assert read_run(waiting).state == "unreadable"


def test_any_class_names_become_distinct_valid_metric_names():
    from mlflow.utils.validation import _validate_metric_name

    names = metric_names(["", ".", "..", "a/b", "a_b", "x" * 400, "größe", "a b", "ok"])
    assert len(set(names)) == len(names)
    assert names[-1] == "ok"
    for name in names:
        _validate_metric_name(f"recall/{name}")


@given(st.lists(st.text("ab_01/.", max_size=4), unique=True, max_size=12))
@example(["a/", "a_", "a__0"])
def test_no_two_classes_share_a_metric_name(classes):
    assert len(set(metric_names(classes))) == len(classes)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tracking.register=team/digits", "registered model"),
        (f"tracking.run_name={'x' * 300}", "250"),
        ("tracking.uri='postgresql://me:se/cret@host/db'", "password"),
        ("tracking.uri=http://me:secret@127.0.0.1:1", "MLFLOW_TRACKING_PASSWORD"),
        ("data.mirrors=['https://me:secret@mirror/']", r"\.netrc"),
    ],
)
def test_what_a_store_would_refuse_is_a_configuration_error(override, message):
    with pytest.raises(ConfigError, match=message) as error:
        compose(["data=mnist", override])
    assert "cret" not in str(error.value)


def test_a_run_that_cannot_write_its_last_files_ends_as_failed(monkeypatch, no_upload):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnexp.experiment.artifacts.write_predictions", fail)
    with pytest.raises(StorageError, match="no space is left on its disk"):
        run(compose(["data=digits", "trainer.epochs=1", "tracking=none"]))
    assert last_status() == "FAILED"


def test_an_interrupt_during_the_upload_is_raised(monkeypatch, no_upload):
    def interrupt(self, folder, show):
        raise KeyboardInterrupt

    monkeypatch.setattr(no_upload, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(compose(["data=digits", "trainer.epochs=1", "tracking=none"]))
    assert last_status() == "FINISHED"


def test_the_confusion_matrix_of_an_epoch_is_logged_once_and_that_of_the_last_evaluation_always(no_upload):
    result = run(compose(["data=digits", "trainer.epochs=5", "trainer.evaluate_every=3", "tracking=none"]))
    assert confusion_steps(result.folder) == [9, 18, 36, 45]  # the last of epochs 1, 2 and 4, and of all


def test_a_pruned_run_has_a_tag_until_it_goes_on(no_upload, store):
    config = compose(["data=digits", "trainer.epochs=3"])
    folder = run_experiment(build(config), should_prune=lambda epoch, metrics: epoch == 2).folder
    assert not send(folder)
    stored = client().get_run(UploadState.load(folder).run_id)
    assert (stored.info.status, stored.data.tags[PRUNED_TAG]) == ("FINISHED", "epoch 2")
    assert "It was **pruned** in epoch 2" in stored.data.tags[NOTE]
    resumption = prepare(folder)
    run_experiment(resumption.settings, folder, resumption=resumption)
    assert not send(folder)
    stored = client().get_run(UploadState.load(folder).run_id)
    assert stored.info.status == "FINISHED"
    assert PRUNED_TAG not in stored.data.tags
    assert "**pruned**" not in stored.data.tags[NOTE]
