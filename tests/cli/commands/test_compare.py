import json
import os

import pytest

from nnexp.cli.commands.compare import main
from nnexp.tracking.mlflow.store import log_metrics, log_params, open_store, tracking_uri

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


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
        told = {"best/val_accuracy": 0.9 + i / 100, "test/accuracy": 0.8 + i / 100, "time/total": 3.0}
        log_metrics(client, ids[i], [Metric(key, value, begun, 0) for key, value in told.items()])
        log_metrics(client, ids[i], [Metric("train/loss", 1 / step, begun, step) for step in (1, 2, 3)])
        (tmp_path / "confusion").mkdir(exist_ok=True)
        report = {"classes": ["a", "b"], "matrix": [[8 + i, 2 - i], [2, 8]], "per_class": []}
        (tmp_path / "confusion" / "test.json").write_text(json.dumps(report))
        client.log_artifact(ids[i], str(tmp_path / "confusion" / "test.json"), "confusion")
        client.set_terminated(ids[i], "FINISHED", begun + 3000)
    return ids


def test_two_runs_make_a_page_pictures_and_a_summary(recorded, alone, capsys):
    assert main([recorded[0][:8], "last"]) == 0
    seen = capsys.readouterr().out
    assert f"A  digits-0  {recorded[0][:8]}  FINISHED" in seen
    assert "[bold]" in seen  # a param's value, and no markup
    assert "best/val_accuracy ↑   90.00%   91.00%" in seen
    assert (
        "B is ahead of A by 1.00 percentage points on test; on validation B is ahead by 1.00 percentage points"
        in seen
    )
    files = [
        str(alone / "compare" / name) for name in ("index.html", "curves.png", "confusion-difference.png")
    ]
    assert seen.splitlines()[-3:] == files
    assert all(os.path.getsize(file) > 5000 for file in files)


def test_what_an_earlier_comparison_left_does_not_stay(recorded, alone):
    (alone / "there").mkdir()
    (alone / "there" / "confusion-difference.png").write_text("of others")
    (alone / "there" / "mine.txt").write_text("kept")
    from mlflow.tracking import MlflowClient

    bare = MlflowClient(tracking_uri(None)).create_run("1", run_name="bare").info.run_id
    assert main([recorded[0], bare, "--out", "there"]) == 0
    assert sorted(os.listdir(alone / "there")) == ["curves.png", "index.html", "mine.txt"]


def test_the_same_run_twice_is_refused_whatever_it_is_called(recorded, capsys):
    assert main(["best", "last"]) == 2
    assert (
        f"best and last are the same run (digits-1, {recorded[1][:8]}): name another"
        in capsys.readouterr().err
    )
    assert main([recorded[1], "best"]) == 2
    capsys.readouterr()
    assert main(["best", recorded[1][:4]]) == 2
    assert capsys.readouterr().err.startswith(
        f"nnexp: best and {recorded[1][:4]} are the same run (digits-1, "
    )
    assert main(["last", "last"]) == 2
    assert capsys.readouterr().err.startswith("nnexp: last is named twice (digits-1, ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "0 runs to compare: name two or more"),
        (["best"], "1 run to compare"),
        ([str(i) for i in range(11)], "11 runs to compare: more than 10"),
        (["best", "last"], "no runs here yet"),
    ],
)
def test_what_cannot_be_compared_is_said_with_exit_code_2_and_nothing_is_left(arguments, says, alone, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("nnexp: ")
    assert error.count("\n") == 1
    assert says in error
    assert not (alone / "compare").exists()


def test_a_place_that_cannot_be_written_is_said(recorded, alone, capsys):
    (alone / "taken").write_text("a file")
    assert main([*recorded, "--out", "taken"]) == 2
    assert capsys.readouterr().err == "nnexp: taken: File exists; take another --out\n"
