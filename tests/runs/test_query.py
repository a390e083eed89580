import json

import pytest

from nnexp.config import compose
from nnexp.experiment.run import run
from nnexp.runs.query import Run, RunError, Runs
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import StoreError, log_metrics, log_params, open_store, tracking_uri

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

BEGUN = 1_700_000_000_000  # milliseconds since 1970


def record(client, experiment, name, accuracy=None, number=0, status="FINISHED", **params):
    """A run of three epochs, `number` minutes after the first."""
    from mlflow.entities import Metric

    begun = BEGUN + 60_000 * number
    run_id = client.create_run(experiment, begun, run_name=name).info.run_id
    log_params(client, run_id, {"init": "he_normal"} | params)
    log_metrics(client, run_id, [Metric("val/loss", 1 / epoch, begun, epoch) for epoch in (3, 1, 2)])
    log_metrics(client, run_id, [Metric("train/loss", 2 / epoch, begun, epoch) for epoch in (1, 2, 3)])
    log_metrics(client, run_id, [Metric("system/cpu", 50.0, begun, second) for second in range(5)])
    log_metrics(
        client, run_id, [Metric("best/val_accuracy", accuracy, begun, 0)] if accuracy is not None else []
    )
    log_metrics(client, run_id, [Metric("parameters", 17, begun, 0)])
    client.set_terminated(run_id, status, begun + 12_500)
    return run_id


@pytest.fixture
def ids(store):
    """The ids of four runs; those of "twice" have the same name."""
    client, experiment = open_store(tracking_uri(None), "nnexp")
    _, other = open_store(tracking_uri(None), "other")
    return {
        "worse": record(client, experiment, "twice", 0.5, 0, init="zeros"),
        "best": record(client, experiment, "twice", 0.9, 1),
        "killed": record(client, experiment, "it's", 0.99, 2, "KILLED"),
        "last": record(client, other, "nan", float("nan"), 3),
    }


def test_a_run_is_found_by_id_prefix_name_and_what_it_is(ids):
    runs = Runs()
    assert runs.find(ids["worse"]).id == runs.find(ids["worse"][:12].upper()).id == ids["worse"]
    assert runs.find("twice").id == ids["best"]
    assert runs.find("it's").id == ids["killed"]
    assert runs.find("last").id == ids["last"]
    assert runs.find("best").id == ids["best"]


def test_a_run_tells_what_it_is(ids):
    found = Runs().find(ids["worse"])
    expected = {
        "val/loss": 1 / 3,
        "train/loss": 2 / 3,
        "system/cpu": 50.0,
        "best/val_accuracy": 0.5,
        "parameters": 17.0,
    }
    assert (found.name, found.experiment, found.status, found.started, found.seconds) == (
        "twice",
        "nnexp",
        "FINISHED",
        BEGUN / 1000,
        12.5,
    )
    assert found.metrics == expected
    assert found.params == {"init": "zeros"}


def test_the_history_has_the_epochs_in_order_and_nothing_else(ids):
    history = Runs().find(ids["best"]).history()
    assert history == [(epoch, {"val/loss": 1 / epoch, "train/loss": 2 / epoch}) for epoch in (1, 2, 3)]


def test_runs_are_selected_and_ordered_as_mlflow_does(ids):
    runs = Runs()
    assert [found.id for found in runs.select()] == [ids[key] for key in ("last", "killed", "best", "worse")]
    assert [
        found.id
        for found in runs.select('metrics."best/val_accuracy" > 0.6 and attributes.status = "FINISHED"')
    ] == [ids["best"]]
    assert [found.id for found in runs.select(order='metrics."best/val_accuracy" DESC', top=2)] == [
        ids["killed"],
        ids["best"],
    ]
    assert [found.id for found in Runs(experiment="other").select()] == [ids["last"]]


def test_more_runs_than_a_page_come_all(ids, monkeypatch):
    monkeypatch.setattr("nnexp.runs.query.PAGE", 3)
    assert len(Runs().select()) == 4
    assert len(Runs().select(top=4)) == 4
    assert len(Runs().select(top=2)) == 2


def test_a_deleted_run_is_not_found(ids):
    client, _ = open_store(tracking_uri(None), "nnexp")
    client.delete_run(ids["best"])
    assert Runs().find("best").id == ids["worse"]
    with pytest.raises(RunError, match="no such run"):
        Runs().find(ids["best"])


def test_a_beginning_that_several_have_is_refused_with_their_names(ids, monkeypatch):
    monkeypatch.setattr("nnexp.runs.query.SHORTEST_PREFIX", 0)
    with pytest.raises(RunError, match=r"4 runs begin with .*\(it's\).*write more"):
        Runs().find("")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("twicee", "did you mean twice"),
        ("bset", "did you mean best"),
        ("0" * 32, "nnexp runs"),
        ("x" * 300, "nnexp runs"),
        ('it\'s "x"', "no such run: it's \"x\"; did you mean it's"),
        ("~nobody/there", "nnexp runs"),
        ("mlruns/", "no run's folder"),
    ],
)
def test_a_run_that_there_is_not_is_told_with_those_that_are_near(ids, text, says):
    with pytest.raises(RunError, match=says):
        Runs().find(text)


def test_an_id_with_a_slip_at_its_end_is_recognized(ids):
    slip = ids["best"][:7] + ("0" if ids["best"][7] != "0" else "1")
    with pytest.raises(RunError, match=ids["best"][:8]):
        Runs().find(slip)


@pytest.mark.parametrize(
    "condition", ["bogus", "metrics.best/val_accuracy > 1", "params.init = 3", "metrics.x > 'y'"]
)
def test_a_filter_that_cannot_be_read_is_told_in_one_line_with_an_example(ids, condition):
    with pytest.raises(RunError, match=r'params\.init = "he_normal"') as told:
        Runs().select(condition)
    assert "\n" not in str(told.value)
    assert condition in str(told.value)


def test_an_experiment_that_there_is_not_is_told_with_those_there_are(ids):
    with pytest.raises(RunError, match=r"did you mean nnexp.*other"):
        Runs(experiment="nnex").select()


def test_without_a_store_nothing_is_made_and_the_remedy_is_told(alone):
    with pytest.raises(RunError, match=r"no runs here yet.*nnexp data=digits"):
        Runs().find("last")
    (alone / "mlruns").mkdir()
    (alone / "mlruns" / "mlflow.db").touch()
    with pytest.raises(RunError, match="no runs here yet"):
        Runs().select()
    assert [path.name for path in alone.rglob("*")] == ["mlruns", "mlflow.db"]
    assert not (alone / "mlruns" / "mlflow.db").read_bytes()


def test_an_empty_store_says_so(store):
    for text in ("last", "anything"):
        with pytest.raises(RunError, match="no runs here yet"):
            Runs().find(text)
    with pytest.raises(RunError, match="no runs here yet"):
        Runs().find("best")
    with pytest.raises(RunError, match=r"no runs here yet.* in the experiment unused"):
        Runs(experiment="unused").find("last")
    assert Runs().select() == []


def test_a_file_that_is_no_database_is_told(alone):
    (alone / "mlflow.db").write_text("this is not a database, it is a sentence")
    with pytest.raises(StoreError, match=r"mlflow\.db"):
        Runs("sqlite:///mlflow.db").select()


def test_a_password_of_a_server_that_does_not_answer_is_not_repeated(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(StoreError) as told:
        Runs("http://me:secret@127.0.0.1:9").find("last")
    assert "secret" not in str(told.value)
    assert "127.0.0.1" in str(told.value)


def test_artifacts_of_a_local_store_are_read_where_they_lie(ids, alone):
    client, _ = open_store(tracking_uri(None), "nnexp")
    client.log_text(ids["best"], "a: 1", "some folder/config.yaml")
    found = Runs().find("best")
    assert found.files() == ["some folder/config.yaml"]
    assert found.file("some folder/config.yaml").read_text() == "a: 1"
    assert found.folder is not None
    assert found.file("some folder/config.yaml").is_relative_to(found.folder)
    assert found.folder.is_relative_to(alone / "mlruns" / "artifacts")
    for path in ("nothing.json", "some folder", "../../outside"):
        with pytest.raises(RunError, match=f"has no {path}"):
            found.file(path)


def test_a_folder_is_a_run_without_any_store(alone):
    with Journal(alone) as journal:
        journal.log_run(
            "a-name",
            {"init": "zeros"},
            {"a": "tag"},
            {"experiment": "mine", "uri": None, "folder": str(alone)},
        )
        journal.log_metrics(1, {"val/loss": 0.5, "train/loss": 1.0})
        journal.log_metrics(7, {"system/cpu": 99.0})
        journal.log_metrics(2, {"val/loss": 0.25})
        (alone / "weights").mkdir()
        (alone / "weights" / "best.npz").touch()
        (alone / ".hidden").touch()
        assert Runs().find(str(alone)).status == "UNFINISHED"
        assert Runs().find(".").seconds is None
        journal.log_metrics(0, {"best/epoch": 2.0})
        journal.end("KILLED")
    found = Runs().find(str(alone / "journal.jsonl"))
    assert isinstance(found, Run)
    assert (found.id, found.name, found.experiment, found.status) == ("", "a-name", "mine", "KILLED")
    assert found.seconds is not None
    assert (found.params, found.tags) == ({"init": "zeros"}, {"a": "tag"})
    assert found.metrics == {"val/loss": 0.25, "train/loss": 1.0, "system/cpu": 99.0, "best/epoch": 2.0}
    assert found.history() == [(1, {"val/loss": 0.5, "train/loss": 1.0}), (2, {"val/loss": 0.25})]
    assert found.files() == ["weights/best.npz"]
    assert found.file("weights/best.npz").is_file()


@pytest.mark.parametrize("text", ["", "no JSON\n", '{"kind": "metrics", "step": 1, "values": {}}\n'])
def test_a_journal_that_is_none_is_told(alone, text):
    (alone / "journal.jsonl").write_text(text)
    with pytest.raises(RunError, match=r"journal\.jsonl"):
        Runs().find(str(alone))


def test_a_real_run_reads_the_same_from_its_store_and_its_folder(store):
    result = run(compose(["data=digits", "trainer.epochs=2", "tracking.system=null"]))
    stored, left = Runs().find(result.run_id), Runs().find(str(result.folder))
    assert stored.history() == left.history()
    assert [step for step, _ in left.history()] == [1, 2]
    assert stored.params == left.params
    assert stored.metrics == left.metrics
    assert (stored.name, stored.experiment, stored.status) == (left.name, left.experiment, left.status)
    assert {"config.yaml", "weights/best.npz"} <= set(stored.files()) & set(left.files())


def test_a_servers_runs_are_read_as_a_files_and_their_artifacts_are_fetched(server, alone):
    uri = f"http://127.0.0.1:{server}"
    client, experiment = open_store(uri, "remote")
    run_id = record(client, experiment, "far away", 0.7)
    client.log_text(run_id, json.dumps({"a": 1}), "confusion/test.json")
    found = Runs(uri).find("far away")
    assert (found.id, found.experiment) == (run_id, "remote")
    assert [step for step, _ in found.history()] == [1, 2, 3]
    assert found.files() == ["confusion/test.json"]
    assert found.folder is None
    assert json.loads(found.file("confusion/test.json").read_text()) == {"a": 1}
    assert not found.file("confusion/test.json").is_relative_to(alone)
    with pytest.raises(RunError, match=r"has no other\.json"):
        found.file("other.json")
