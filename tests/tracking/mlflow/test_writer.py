"""Shipping, with a store whose answers get lost at the worst moments; everything once, whatever happens."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nnexp import compose, run
from nnexp.config import ConfigError
from nnexp.experiment.confusion_log import metric_names
from nnexp.tracking import journal
from nnexp.tracking.upload.client import Outcome, Uploader
from nnexp.tracking.upload.state import UploadState
from nnexp.tracking.upload.sync import look, ship

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


class Nobody:
    """A shipper that never ships."""

    def take(self, folder):
        pass

    def wait(self, folder):
        return Outcome(error="nobody ships")


@pytest.fixture
def unshipped(monkeypatch, alone, store):
    """The folder of a run that waits to be sent to the store of the working directory."""
    monkeypatch.setattr(Uploader, "start", classmethod(lambda cls, mlflow: Nobody()))
    return run(compose(["data=digits", "trainer.epochs=2", "tracking.register=digits"])).folder


def client():
    from mlflow.tracking import MlflowClient

    from nnexp.tracking.mlflow.store import address

    return MlflowClient(address(None))


def assert_there_once(folder):
    store, run_id = client(), UploadState.of(folder).run_id
    (found,) = store.search_runs([store.get_experiment_by_name("nnexp").experiment_id])
    assert (found.info.run_id, found.info.status) == (run_id, "FINISHED")
    entries, _ = journal.read(folder)
    told = Counter(
        (name, step, value) for step, values in journal.history(entries) for name, value in values.items()
    )
    kept = Counter(
        (name, m.step, m.value)
        for name in {n for n, _, _ in told}
        for m in store.get_metric_history(run_id, name)
    )
    assert kept == told
    assert len(store.search_logged_models([found.info.experiment_id])) == 1
    assert [output.model_id for output in found.outputs.model_outputs] == [UploadState.of(folder).model_id]
    assert len(store.search_model_versions("name = 'digits'")) == 1
    images = [file.path for file in store.list_artifacts(run_id, "images") if file.path.endswith(".png")]
    assert len(images) == len([entry for entry in entries if entry["kind"] == "confusion"]) == 2


CALLS = [
    "create_run",
    "log_batch",
    "log_inputs",
    "log_image",
    "create_logged_model",
    "log_outputs",
    "set_terminated",
    "create_model_version",
]


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_is_lost_costs_nothing(call, unshipped, monkeypatch):
    from mlflow.tracking import MlflowClient

    asked = []
    whole = getattr(MlflowClient, call)

    def unheard(self, *arguments, **keywords):
        asked.append(call)
        answer = whole(self, *arguments, **keywords)
        if len(asked) == 1:
            raise ConnectionError("the cable was cut")
        return answer

    monkeypatch.setattr(MlflowClient, call, unheard)
    assert "the cable was cut" in ship(unshipped)
    assert look(unshipped).state == "waiting"
    assert ship(unshipped) == ""
    assert look(unshipped).state == "shipped"
    assert_there_once(unshipped)


def test_a_store_under_another_address_is_asked_whether_it_knows_the_run(unshipped, alone, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "link"
    elsewhere.symlink_to(alone / "mlruns")
    assert ship(unshipped) == ""
    assert ship(unshipped, f"sqlite:///{elsewhere}/mlflow.db") == ""
    assert_there_once(unshipped)
    (unshipped / "shipped.json").unlink()
    assert ship(unshipped) == ""
    assert_there_once(unshipped)


def test_a_run_whose_writer_died_is_told_as_failed(unshipped):
    lines = (unshipped / "journal.jsonl").read_text().splitlines(keepends=True)
    (unshipped / "journal.jsonl").write_text(
        "".join(lines[:-1]) + lines[-1][:20]
    )  # cut in the midst of its last line
    assert look(unshipped).state == "running"  # by this very process
    head = (
        lines[0].replace(f'"began": "{journal.writer(1)["began"]}"', "").replace('"host": "', '"host": "not-')
    )
    assert head != lines[0]
    copy = shutil.copytree(unshipped, unshipped.with_name("copy"))
    (copy / "journal.jsonl").write_text(
        "".join([lines[0].replace('"pid": ', '"pid": 99999'), *lines[1:-1]]) + lines[-1][:20]
    )
    assert look(copy).state == "waiting"
    assert ship(copy) == ""
    assert client().get_run(UploadState.of(copy).run_id).info.status == "FAILED"


def test_numbers_that_are_none_are_kept(unshipped):
    path = unshipped / "journal.jsonl"
    head, *rest = path.read_text().splitlines()
    extra = '{"kind": "metrics", "time": 1, "step": 1, "values": {"odd/nan": NaN, "odd/inf": Infinity}}'
    path.write_text("\n".join([head, extra, *rest]) + "\n")
    assert ship(unshipped) == ""
    store = client()
    run_id = UploadState.of(unshipped).run_id
    assert np.isnan(store.get_metric_history(run_id, "odd/nan")[0].value)
    assert store.get_metric_history(run_id, "odd/inf")[0].value > 1e300


def test_a_journal_that_no_store_could_tell_from_others_is_not_sent(unshipped):
    path = unshipped / "journal.jsonl"
    head, *rest = map(json.loads, path.read_text().splitlines())
    del head["id"]
    path.write_text("\n".join(map(json.dumps, [head, *rest])) + "\n")
    assert look(unshipped).state == "unreadable"


def test_class_names_of_any_kind_become_names_of_metrics():
    from mlflow.utils.validation import _validate_metric_name

    names = metric_names(["", ".", "..", "a/b", "a_b", "x" * 400, "größe", "a b", "ok"])
    assert len(set(names)) == len(names)
    assert names[-1] == "ok"
    for name in names:
        _validate_metric_name(f"recall/{name}")


@given(st.lists(st.text("ab_01/.", max_size=4), unique=True, max_size=12))
@example(["a/", "a_", "a__0"])
def test_no_two_classes_share_a_name(classes):
    names = metric_names(classes)
    assert len(set(names)) == len(classes)


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("tracking.register=team/digits", "takes no / and :"),
        (f"tracking.run_name={'x' * 300}", "longer than the 250"),
        ("tracking.uri='postgresql://me:se/cret@host/db'", "holds a name or a password"),
        ("data.mirrors=['https://me:secret@mirror/']", r"\.netrc"),
    ],
)
def test_what_a_store_would_refuse_at_the_end_is_refused_at_the_beginning(override, what):
    with pytest.raises(ConfigError, match=what) as told:
        compose(["data=mnist", override])
    assert "cret" not in str(told.value)


def test_a_run_that_cannot_write_its_last_files_still_ends(monkeypatch, alone, store):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnexp.experiment.artifacts.write_predictions", full)
    with pytest.raises(OSError, match="No space left"):
        run(compose(["data=digits", "trainer.epochs=1", "tracking=none"]))
    (folder,) = (path.parent for path in Path("outputs").rglob("journal.jsonl"))
    assert journal.read(folder)[0][-1]["status"] == "FAILED"


def test_an_interrupt_while_the_record_is_finished_is_not_swallowed(monkeypatch, alone):
    class Slow(Nobody):
        def wait(self, folder):
            raise KeyboardInterrupt

    monkeypatch.setattr(Uploader, "start", classmethod(lambda cls, mlflow: Slow()))
    with pytest.raises(KeyboardInterrupt):
        run(compose(["data=digits", "trainer.epochs=1", "tracking=none"]))
    (folder,) = (path.parent for path in Path("outputs").rglob("journal.jsonl"))
    assert journal.read(folder)[0][-1]["status"] == "FINISHED"


def test_the_matrix_of_a_wanted_epoch_is_kept_once_and_that_of_the_last_evaluation_always(monkeypatch, alone):
    monkeypatch.setattr(Uploader, "start", classmethod(lambda cls, mlflow: Nobody()))
    result = run(compose(["data=digits", "trainer.epochs=5", "trainer.evaluate_every=3", "tracking=none"]))
    steps = [entry["step"] for entry in journal.read(result.folder)[0] if entry["kind"] == "confusion"]
    assert steps == [9, 18, 36, 45]  # the last evaluations of epochs 1, 2 and 4, and the very last
