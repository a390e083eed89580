import pytest
from fixtures.recorded_sweeps import write_grid, write_job

SWEEP = "2026-11-26/12-00-00-ab12cd34"


@pytest.fixture
def sweep(alone):
    """A sweep of the time before sweep.json and parent runs."""
    return write_grid(alone / "outputs" / "sweeps" / SWEEP, seeds=2)


@pytest.mark.parametrize("name", [None, SWEEP])
def test_a_sweep_is_reported_in_its_own_folder(name, sweep, nnexp, monkeypatch):
    monkeypatch.setattr("nnexp.plots.style.save", lambda plot, path: None)
    monkeypatch.setattr("nnexp.sweeps.report.page.panel_pictures", lambda plot: [])
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
