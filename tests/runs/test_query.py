import json

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.config import compose
from nnexp.experiment.run import run
from nnexp.runs.query import Run, RunError, Runs
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import log_metrics, log_params, open_store, tracking_uri
from nnexp.tracking.mlflow.store_errors import StoreError

pytestmark = accepts_warnings

BEGUN = 1_700_000_000_000  # milliseconds since 1970


def record(client, experiment, name, accuracy=None, number=0, status="FINISHED", **params):
    """Log a run of three epochs, `number` minutes after the first."""
    from mlflow.entities import Metric

    begun = BEGUN + 60_000 * number
    run_id = client.create_run(experiment, begun, run_name=name).info.run_id
    log_params(client, run_id, {"init": "he_normal"} | params)
    metrics = [Metric("val/loss", 1 / epoch, begun, epoch) for epoch in (3, 1, 2)]
    metrics += [Metric("train/loss", 2 / epoch, begun, epoch) for epoch in (1, 2, 3)]
    metrics += [Metric("system/cpu", 50.0, begun, second) for second in range(5)]
    metrics += [Metric("best/val_accuracy", accuracy, begun, 0)] if accuracy is not None else []
    log_metrics(client, run_id, [*metrics, Metric("parameters", 17, begun, 0)])
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


def test_a_run_is_looked_up_by_id_prefix_name_best_and_last(ids):
    runs = Runs()
    assert runs.find(ids["worse"]).id == runs.find(ids["worse"][:12].upper()).id == ids["worse"]
    assert runs.find("twice").id == ids["best"]
    assert runs.find("it's").id == ids["killed"]
    assert runs.find("last").id == ids["last"]
    assert runs.find("best").id == ids["best"]


def test_a_run_has_params_metrics_and_times(ids):
    run = Runs().find(ids["worse"])
    assert (run.name, run.experiment, run.status) == ("twice", "nnexp", "FINISHED")
    assert (run.started, run.seconds) == (BEGUN / 1000, 12.5)
    last = {"val/loss": 1 / 3, "train/loss": 2 / 3, "system/cpu": 50.0}
    assert run.metrics == last | {"best/val_accuracy": 0.5, "parameters": 17.0}
    assert run.params == {"init": "zeros"}


def test_runs_of_a_database_are_read_as_mlflow_reads_them(ids):
    def facts(run):
        fields = {key: value for key, value in vars(run).items() if key != "backend"}
        dicts = {key: value for key, value in fields.items() if isinstance(value, dict)}
        return fields | {key: sorted(map(str, value.items())) for key, value in dicts.items()}

    by_mlflow = "attributes.start_time > 0"
    runs = Runs()
    assert [facts(run) for run in runs.select()] == [facts(run) for run in runs.select(by_mlflow)]
    order = 'metrics."best/val_accuracy" DESC'
    expected = [run.id for run in runs.select(by_mlflow, order)]
    assert [run.id for run in runs.select(order=order)] == expected
    (killed,) = runs.select(order=order, top=1, columns=["init"])
    assert (killed.id, killed.params, killed.metrics) == (ids["killed"], {"init": "he_normal"}, {})
    assert facts(*runs.complete([killed])) == facts(runs.find(ids["killed"]))


def test_the_history_has_the_epochs_in_order_and_nothing_else(ids):
    history = Runs().find(ids["best"]).history()
    assert history == [(epoch, {"val/loss": 1 / epoch, "train/loss": 2 / epoch}) for epoch in (1, 2, 3)]


def test_runs_are_filtered_and_ordered_in_the_language_of_mlflow(ids):
    def selected(*arguments, **options):
        experiment = options.pop("experiment", None)
        return [run.id for run in Runs(experiment=experiment).select(*arguments, **options)]

    assert selected() == [ids[key] for key in ("last", "killed", "best", "worse")]
    condition = 'metrics."best/val_accuracy" > 0.6 and attributes.status = "FINISHED"'
    assert selected(condition) == [ids["best"]]
    order = 'metrics."best/val_accuracy" DESC'
    assert selected(order=order, top=2) == [ids["killed"], ids["best"]]
    assert selected(experiment="other") == [ids["last"]]


def test_all_pages_of_runs_are_read(ids, monkeypatch):
    monkeypatch.setattr("nnexp.runs.query.PAGE", 3)
    assert len(Runs().select()) == 4
    assert len(Runs().select(top=4)) == 4
    assert len(Runs().select(top=2)) == 2


def test_a_deleted_run_is_unknown(ids):
    client, _ = open_store(tracking_uri(None), "nnexp")
    client.delete_run(ids["best"])
    assert Runs().find("best").id == ids["worse"]
    with pytest.raises(RunError, match="no such run"):
        Runs().find(ids["best"])


def test_an_ambiguous_prefix_is_an_error_that_lists_the_runs(ids, monkeypatch):
    monkeypatch.setattr("nnexp.runs.query.MIN_PREFIX", 0)
    with pytest.raises(RunError, match=r"4 runs begin with .*\(it's\)"):
        Runs().find("")


UNKNOWN = {"twicee": "did you mean twice", "bset": "did you mean best", "mlruns/": "not a run's folder"}
UNKNOWN |= dict.fromkeys(("0" * 32, "x" * 300, "~unknown/there"), "nnexp runs")
UNKNOWN |= {'it\'s "x"': "no such run: it's \"x\"; did you mean it's"}


@pytest.mark.parametrize(("text", "message"), UNKNOWN.items())
def test_an_unknown_run_is_an_error_with_similar_names(ids, text, message):
    with pytest.raises(RunError, match=message):
        Runs().find(text)


def test_an_id_with_a_typing_error_is_recognized(ids):
    slip = ids["best"][:7] + ("0" if ids["best"][7] != "0" else "1")
    with pytest.raises(RunError, match=ids["best"][:8]):
        Runs().find(slip)


@pytest.mark.parametrize(
    "condition", ["bogus", "metrics.best/val_accuracy > 1", "params.init = 3", "metrics.x > 'y'"]
)
def test_an_invalid_filter_is_an_error_of_one_line_with_an_example(ids, condition):
    with pytest.raises(RunError, match=r'params\.init = "he_normal"') as error:
        Runs().select(condition)
    assert "\n" not in str(error.value)
    assert condition in str(error.value)


def test_an_unknown_experiment_is_an_error_that_lists_the_known_ones(ids):
    with pytest.raises(RunError, match=r"did you mean nnexp.*other"):
        Runs(experiment="nnex").select()


def test_without_a_store_nothing_is_created_and_the_error_names_the_remedy(alone):
    with pytest.raises(RunError, match=r"no runs here yet.*nnexp data=digits"):
        Runs().find("last")
    (alone / "mlruns").mkdir()
    (alone / "mlruns" / "mlflow.db").touch()
    with pytest.raises(RunError, match="no runs here yet"):
        Runs().select()
    assert [path.name for path in alone.rglob("*")] == ["mlruns", "mlflow.db"]
    assert not (alone / "mlruns" / "mlflow.db").read_bytes()


def test_an_empty_store_is_an_error(store):
    for text in ("last", "anything", "best"):
        with pytest.raises(RunError, match="no runs here yet"):
            Runs().find(text)
    with pytest.raises(RunError, match=r"no runs here yet.* in the experiment unused"):
        Runs(experiment="unused").find("last")
    assert Runs().select() == []


def test_a_file_that_is_not_a_database_is_an_error(alone):
    (alone / "mlflow.db").write_text("this is not a database, it is a sentence")
    with pytest.raises(StoreError, match=r"mlflow\.db"):
        Runs("sqlite:///mlflow.db").select()


def test_the_error_of_a_server_without_connection_hides_the_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(StoreError) as error:
        Runs("http://me:secret@127.0.0.1:9").find("last")
    assert "secret" not in str(error.value)
    assert "127.0.0.1" in str(error.value)


def test_artifacts_of_a_local_store_are_read_in_place(ids, alone):
    client, _ = open_store(tracking_uri(None), "nnexp")
    client.log_text(ids["best"], "a: 1", "some folder/config.yaml")
    read_run = Runs().find("best")
    assert read_run.files() == ["some folder/config.yaml"]
    assert read_run.file("some folder/config.yaml").read_text() == "a: 1"
    assert read_run.folder is not None
    assert read_run.file("some folder/config.yaml").is_relative_to(read_run.folder)
    assert read_run.folder.is_relative_to(alone / "mlruns" / "artifacts")
    for path in ("nothing.json", "some folder", "../../outside"):
        with pytest.raises(RunError, match=f"has no {path}"):
            read_run.file(path)


def test_a_folder_is_a_run_without_any_store(alone):
    destination = {"experiment": "mine", "uri": None, "folder": str(alone)}
    with Journal(alone) as journal:
        journal.log_run("a-name", {"init": "zeros"}, {"a": "tag"}, destination, unit="step")
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
    read_run = Runs().find(str(alone / "journal.jsonl"))
    assert isinstance(read_run, Run)
    assert (read_run.id, read_run.name, read_run.experiment) == ("", "a-name", "mine")
    assert read_run.status == "KILLED"
    assert read_run.seconds is not None
    assert (read_run.params, read_run.tags) == ({"init": "zeros"}, {"a": "tag"})
    assert read_run.metrics == {"val/loss": 0.25, "train/loss": 1.0, "system/cpu": 99.0, "best/epoch": 2.0}
    assert read_run.history() == [(1, {"val/loss": 0.5, "train/loss": 1.0}), (2, {"val/loss": 0.25})]
    assert read_run.files() == ["weights/best.npz"]
    assert read_run.file("weights/best.npz").is_file()


@pytest.mark.parametrize("text", ["", "no JSON\n", '{"kind": "metrics", "step": 1, "values": {}}\n'])
def test_an_invalid_journal_is_an_error(alone, text):
    (alone / "journal.jsonl").write_text(text)
    with pytest.raises(RunError, match=r"journal\.jsonl"):
        Runs().find(str(alone))


def test_a_real_run_reads_the_same_from_its_store_and_its_folder(store):
    result = run(compose(["data=digits", "trainer.epochs=2", "tracking.system=null"]))
    stored = Runs().find(result.run_id)
    local = Runs().find(str(result.folder))
    assert stored.history() == local.history()
    assert [step for step, _ in local.history()] == [1, 2]
    before_training = dict(stored.backend.history())[0]
    assert {"activation_std/dense1", "grad_norm/dense2"} < set(before_training)
    assert before_training == dict(local.backend.history())[0]
    for name in ("params", "metrics", "name", "experiment", "status", "unit"):
        assert getattr(stored, name) == getattr(local, name)
    assert {"config.yaml", "weights/best.npz"} <= set(stored.files()) & set(local.files())


def test_runs_of_a_server_are_read_like_those_of_a_file_and_artifacts_are_downloaded(server, alone):
    uri = f"http://127.0.0.1:{server}"
    client, experiment = open_store(uri, "remote")
    run_id = record(client, experiment, "far away", 0.7)
    client.log_text(run_id, json.dumps({"a": 1}), "confusion/test.json")
    read_run = Runs(uri).find("far away")
    assert (read_run.id, read_run.experiment) == (run_id, "remote")
    assert [step for step, _ in read_run.history()] == [1, 2, 3]
    assert read_run.files() == ["confusion/test.json"]
    assert read_run.folder is None
    assert json.loads(read_run.file("confusion/test.json").read_text()) == {"a": 1}
    assert not read_run.file("confusion/test.json").is_relative_to(alone)
    with pytest.raises(RunError, match=r"has no other\.json"):
        read_run.file("other.json")
