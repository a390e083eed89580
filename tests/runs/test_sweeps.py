import shutil
import time

import pytest
from fixtures.sweeps import TRACKED, planned, record_job, record_sweep
from fixtures.third_party import accepts_warnings

import nnexp as api
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.runs.local import find_folder
from nnexp.runs.query import RunError, Runs
from nnexp.runs.sweeps import find_sweep, sweep_of_filter
from nnexp.sweeps.parent_run import parent_run
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import upload

pytestmark = accepts_warnings
OLD, NEW = "15-30-00-ab12cd34", "15-40-00-ff00ff00"


@pytest.fixture(autouse=True)
def plotless(monkeypatch):
    monkeypatch.setattr("nnexp.plots.draw_all", lambda run: ([], []))


@pytest.fixture
def sweeps(alone):
    """Two sweeps, the older one over seeds, the newer one over initializers."""
    old = planned(alone, OLD, seed=[str(seed) for seed in range(11)])
    record_sweep(old, alone, [10, 0, 9], [0])
    new = planned(alone, NEW, init=["zeros", "ones"])
    record_sweep(new, alone, [0, 1])
    return old, new


def send(folder):
    assert upload(folder, upload_callbacks()).error == ""
    return UploadState.load(folder).run_id


@pytest.mark.parametrize(
    "text",
    [
        f"outputs/sweeps/2026-11-26/{OLD}",
        f"outputs/sweeps/2026-11-26/{OLD}/sweep.json",
        f"2026-11-26/{OLD}",
        "2026-11-26/15-3",
        "15-30-00",
        "ab12",
        "seed",
    ],
)
def test_a_sweep_is_looked_up_by_folder_id_its_beginning_and_name(sweeps, text):
    sweep = find_sweep(text, Runs())
    assert (sweep.id, sweep.name, sweep.folder) == (sweeps[0].id, "seed", sweeps[0].folder)
    assert [run.params["seed"] for run in sweep.runs] == ["0", "9", "10"]
    assert [run.status for run in sweep.runs] == ["FAILED", "FINISHED", "FINISHED"]
    assert (sweep.parent.name, sweep.parent.status) == ("seed", "FAILED")
    assert sweep.record["id"] == sweep.id


def test_of_several_sweeps_in_a_store_the_beginning_of_their_ids_is_an_error(sweeps, alone):
    for plan in sweeps:
        send(plan.folder)
        shutil.rmtree(plan.folder)
    assert find_sweep("ab12", Runs()).id == sweeps[0].id
    with pytest.raises(RunError, match=r"2 sweeps begin with 2026-11-26: .*give more characters"):
        find_sweep("2026-11-26", Runs())


def test_last_is_the_sweep_that_was_started_or_went_on_last(sweeps, alone):
    assert find_sweep("last", Runs()).id == sweeps[1].id
    time.sleep(0.002)
    record_sweep(sweeps[0], alone, [1])
    assert find_sweep("last", Runs()).id == sweeps[0].id


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-26", "2 sweeps begin with 2026-11-26: .*give more characters"),
        ("no", "no such sweep: no; expected a folder, an id, a name or last"),
        ("outputs/sweeps/2026-11-26", "no such sweep: outputs/sweeps/2026-11-26; expected a folder"),
        ("2026-11-26/15-30-00-ab12cd35", f"did you mean 2026-11-26/{OLD}"),
    ],
)
def test_a_sweep_that_is_missing_or_not_the_only_one_is_an_error(sweeps, store, text, message):
    with pytest.raises(RunError, match=message):
        find_sweep(text, Runs())


def test_a_sweep_is_missing_also_where_there_is_no_store_yet(sweeps, alone, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(RunError, match=r"no such sweep: a/b; expected"):
        find_sweep("a/b", Runs())
    (alone / "outputs").rename(alone / "elsewhere")
    with pytest.raises(RunError, match="no runs here yet"):
        find_sweep("a/b", Runs())


def test_a_sweep_without_a_parent_run_is_read_from_its_jobs(alone):
    plan = planned(alone)
    record_job(plan, 1, alone)
    (plan.folder / "sweep.json").unlink()
    sweep = find_sweep("last", Runs())
    assert (sweep.id, sweep.name, sweep.parent, sweep.record) == (plan.id, plan.id, None, {})
    assert [run.name for run in sweep.runs] == ["1"]


def test_the_running_job_of_a_sweep_is_running(alone, no_upload):
    plan = planned(alone)
    with parent_run(plan, TRACKED, {}, alone):
        record_job(plan, 0, alone, status=None)
        assert [run.status for run in find_sweep("last", Runs()).runs] == ["RUNNING"]


def test_a_sweep_whose_folder_is_elsewhere_is_read_from_the_store(sweeps, alone, store):
    old, new = sweeps
    ids = {number: send(old.job_folder(number)) for number in (0, 10)}
    parent = UploadState.load(old.folder).run_id
    send(new.folder)
    (alone / "outputs").rename(alone / "elsewhere")
    for text in (old.id, "15-30", parent, parent[:8], "seed"):
        sweep = find_sweep(text, Runs())
        assert (sweep.id, sweep.folder, sweep.parent.id) == (old.id, None, parent)
        assert {run.id for run in sweep.runs} == set(ids.values())
        assert sweep.record["name"] == "seed"
    assert find_sweep("last", Runs()).id == new.id


def test_runs_that_a_filter_selects_are_a_sweep_without_a_folder(sweeps, store):
    for number in (0, 1):
        send(sweeps[1].job_folder(number))
    sweep = sweep_of_filter("params.init = 'zeros'", Runs())
    assert (sweep.folder, sweep.parent, [run.params["init"] for run in sweep.runs]) == (None, None, ["zeros"])
    with pytest.raises(RunError, match="no run matches"):
        sweep_of_filter("params.init = 'no'", Runs())


def test_parent_runs_are_in_no_query_that_does_not_ask_for_them(sweeps, store, nnexp):
    _, new = sweeps
    first, last = (send(new.job_folder(number)) for number in (0, 1))
    parent = send(new.folder)
    runs = Runs()
    assert {run.id for run in runs.select()} == {first, last} == set(api.runs()["id"])
    assert runs.find("best").id == last
    assert runs.find("last").id in (first, last)
    assert [run.id for run in runs.select(top=2)] == [run.id for run in runs.select()]
    assert runs.find("init").id == runs.find(parent[:8]).id == parent
    assert [run.id for run in runs.select('tags."nnexp.kind" = "sweep"')] == [parent]
    assert set(nnexp("runs", "--columns", "name", "--csv").stdout.split()) == {"name", "ones", "zeros"}
    assert find_folder("last", runs) in (new.job_folder(0), new.job_folder(1))


def test_the_runs_of_a_sweep_are_listed_also_before_they_are_uploaded(sweeps, store, nnexp):
    output = nnexp("runs", "--sweep", "seed", "--columns", "seed,status", "--csv").stdout
    assert output.split() == ["seed,status", "10,FINISHED", "9,FINISHED", "0,FAILED"]
    for number in (0, 9, 10):
        send(sweeps[0].job_folder(number))
    send(sweeps[1].job_folder(0))
    arguments = ("--filter", "attributes.status = 'FINISHED'", "--sort", "best/val_accuracy")
    output = nnexp("runs", "--sweep", "15-30", *arguments, "--columns", "seed", "--csv").stdout
    assert output.split() == ["seed", "10", "9"]
    assert list(api.runs(sweep="seed", sort="seed", top=2)["seed"]) == ["0", "9"]


def test_a_sweep_is_shown_with_its_own_files_and_not_resumed_as_a_run(sweeps, nnexp):
    folder = f"outputs/sweeps/2026-11-26/{OLD}"
    output = nnexp("show", folder).stdout
    assert "seed, FAILED" in output
    assert "sweep.json" in output
    assert "journal.jsonl" not in output
    output = nnexp("resume", folder)
    assert (output.returncode, output.stderr.count(f"fix: nnexp -m sweep.resume={folder}")) == (2, 1)
