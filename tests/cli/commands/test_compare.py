import json
import os

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.__main__ import main as nnexp
from nnexp.tracking.mlflow.store import log_metrics, log_params, open_store, tracking_uri

pytestmark = accepts_warnings


def main(arguments):
    return nnexp(["compare", *arguments])


@pytest.fixture
def recorded(store, tmp_path):
    """The ids of two runs in the store; the second is the better one and the newer."""
    from mlflow.entities import Metric

    client, experiment = open_store(tracking_uri(None), "nnexp")
    ids = []
    for i in range(2):
        begun = 1_795_000_000_000 + i
        ids.append(client.create_run(experiment, begun, run_name=f"digits-{i}").info.run_id)
        log_params(client, ids[i], {"seed": "0", "optimizer": ["adam", "[bold]"][i], "data": "digits"})
        results = {"best/val_accuracy": 0.9 + i / 100, "test/accuracy": 0.8 + i / 100, "time/total": 3.0}
        log_metrics(client, ids[i], [Metric(key, value, begun, 0) for key, value in results.items()])
        log_metrics(client, ids[i], [Metric("train/loss", 1 / step, begun, step) for step in (1, 2, 3)])
        (tmp_path / "confusion").mkdir(exist_ok=True)
        report = {"classes": ["a", "b"], "matrix": [[8 + i, 2 - i], [2, 8]], "per_class": []}
        (tmp_path / "confusion" / "test.json").write_text(json.dumps(report))
        client.log_artifact(ids[i], str(tmp_path / "confusion" / "test.json"), "confusion")
        client.set_terminated(ids[i], "FINISHED", begun + 3000)
    return ids


def test_two_runs_make_a_page_plots_and_a_summary(recorded, alone, capsys):
    assert main([recorded[0][:8], "last"]) == 0
    output = capsys.readouterr().out
    assert f"A  digits-0  {recorded[0][:8]}  FINISHED" in output
    assert "[bold]" in output  # a param's value, and no markup
    assert "best/val_accuracy ↑   90.00%   91.00%" in output
    assert "B is ahead of A by 1.00 percentage points on test; on validation B is ahead by 1.00 " in output
    names = ("index.html", "curves.png", "confusion.png", "confusion-difference.png")
    files = [str(alone / "compare" / name) for name in names]
    assert output.splitlines()[-4:] == files
    assert all(os.path.getsize(file) > 5000 for file in files)


def test_plots_of_an_earlier_comparison_are_deleted(recorded, alone):
    (alone / "there").mkdir()
    (alone / "there" / "confusion-difference.png").write_text("of others")
    (alone / "there" / "mine.txt").write_text("kept")
    from mlflow.tracking import MlflowClient

    bare = MlflowClient(tracking_uri(None)).create_run("1", run_name="bare").info.run_id
    assert main([recorded[0], bare, "--out", "there"]) == 0
    assert sorted(os.listdir(alone / "there")) == ["curves.png", "index.html", "mine.txt"]


def test_the_same_run_under_two_names_is_an_error(recorded, capsys):
    for names, message in (
        (["best", "last"], "best and last are the same run"),
        (["best", recorded[1][:4]], f"best and {recorded[1][:4]} are the same run"),
        (["last", "last"], "last and last are the same run"),
    ):
        assert main(names) == 2
        assert f"{message} (digits-1, {recorded[1][:8]}): name another" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"), [(["best"], "1 run to compare"), (["best", "last"], "no runs here yet")]
)
def test_an_error_is_one_line_and_writes_nothing(arguments, message, alone, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("nnexp: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (alone / "compare").exists()


def test_a_folder_that_cannot_be_written_is_an_error(recorded, alone, capsys):
    (alone / "taken").write_text("a file")
    assert main([*recorded, "--out", "taken"]) == 2
    assert capsys.readouterr().err.startswith("nnexp: taken: File exists; fix: ")
