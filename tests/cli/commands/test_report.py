import pytest
from fixtures.recorded_sweeps import write_grid, write_job
from fixtures.sweeps import planned, record_sweep
from fixtures.third_party import accepts_warnings
from mlflow.tracking import MlflowClient

from nnexp.experiment.upload_process import upload_callbacks
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import upload

pytestmark = accepts_warnings

SWEEP = "2026-11-26/12-00-00-ab12cd34"


@pytest.fixture
def sweep(alone):
    """A sweep of the time before sweep.json and parent runs."""
    return write_grid(alone / "outputs" / "sweeps" / SWEEP, seeds=2)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out all pictures, where they are not the point."""
    monkeypatch.setattr("nnexp.plots.draw_all", lambda run: ([], []))
    monkeypatch.setattr(
        "nnexp.plots.style.save", lambda plot, path: path.parent.mkdir(exist_ok=True) or path.touch()
    )
    monkeypatch.setattr("nnexp.sweeps.report.page.panel_pictures", lambda plot: [])


@pytest.mark.parametrize("name", [None, SWEEP])
def test_a_sweep_is_reported_in_its_own_folder(name, sweep, nnexp, undrawn):
    done = nnexp("report", *([name] if name else []))
    assert done.returncode == 0, done.stderr
    assert "xavier lr=0.1 is the best of 4 settings" in done.stdout
    assert f"outputs/sweeps/{SWEEP}/report.html" in done.stdout.splitlines()
    assert (sweep / "report.html").is_file()
    assert (sweep / "leaderboard.csv").is_file()


def test_another_metric_and_folder_can_be_chosen(sweep, nnexp, alone):
    done = nnexp("report", "--metric", "time/total", "--out", "there")
    assert done.returncode == 0, done.stderr
    assert "time/total" in (alone / "there" / "leaderboard.csv").read_text()
    assert (alone / "there" / "plots" / "ranking.png").stat().st_size > 5000
    assert not (sweep / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "test/acuracy"], "did you mean test/accuracy?"),
        (["last", "--filter", "x"], "expected either a sweep or --filter"),
        (["--out", "file"], "file: "),
    ],
)
def test_what_cannot_be_reported_is_one_message(arguments, message, sweep, nnexp, alone):
    (alone / "file").write_text("")
    done = nnexp("report", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr


def test_without_a_sweep_there_is_nothing_to_report(nnexp):
    done = nnexp("report")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_sweep_of_which_no_run_has_begun_is_reported_as_such(alone, nnexp):
    folder = alone / "outputs" / "sweeps" / SWEEP
    write_job(folder / "0", {"seed": "0"}, [], status="FAILED")
    done = nnexp("report")
    assert done.returncode == 0, done.stderr
    assert "No run has a result yet" in (folder / "report.html").read_text()


def test_the_parent_run_gets_the_report_and_a_filter_selects_runs_of_the_store(alone, store, nnexp, undrawn):
    plan = planned(alone, init=["zeros", "ones"], seed=["0", "1"])
    record_sweep(plan, alone, range(4))
    for folder in (plan.folder, *(plan.job_folder(number) for number in range(4))):
        assert upload(folder, upload_callbacks()).error == ""
    done = nnexp("report", plan.id)
    assert (done.returncode, done.stderr) == (0, "")
    run_id = UploadState.load(plan.folder).run_id
    names = {file.path for file in MlflowClient(tracking_uri(None)).list_artifacts(run_id)}
    assert {"report.html", "leaderboard.csv", "runs.csv"} <= names
    done = nnexp("report", "--filter", "params.init = 'ones'", "--out", "there")
    assert (done.returncode, done.stderr) == (0, "")
    page = (alone / "there" / "report.html").read_text()
    assert "2 runs: 2 finished" in page
    assert "params.init = &#39;ones&#39;" in page
