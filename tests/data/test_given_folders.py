"""What a user gives is only read: a data folder is the same after runs and predictions."""

import numpy as np
import pytest

from nnexp.__main__ import main

QUICK = ["trainer.epochs=1", "trainer.batch_size=16", "tracking=none"]


def state(folder):
    paths = (folder, *folder.rglob("*"))
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in paths}


def test_runs_and_predictions_leave_given_folders_as_they_were(alone, monkeypatch, capfd):
    given = alone / "given"
    given.mkdir()
    rows = [f"{i % 9},{i % 5},{'ab'[i % 2]}" for i in range(60)]
    (given / "table.csv").write_text("\n".join(["x,y,kind", *rows]), encoding="utf-8")
    np.savez(given / "table.npz", x=np.arange(120.0).reshape(60, 2), y=np.arange(60) % 2)
    monkeypatch.setenv("NNEXP_DATA", str(given))
    before = state(given)
    assert main(["data=digits", *QUICK]) == 0
    assert main(["data=table", f"data.path={given}/table.npz", "data.target=y", *QUICK]) == 0
    table = [f"data.path={given}/table.csv", "data.target=kind", "hydra.run.dir=run"]
    assert main(["data=table", *table, *QUICK]) == 0
    assert main(["predict", "run", str(given / "table.csv")]) == 0
    assert "60 rows" in capfd.readouterr().out
    assert state(given) == before


@pytest.mark.parametrize(
    "arguments", [["data=table", "data.path='~nobody0/x.csv'", "data.target=y"], ["show", "~nobody0"]]
)
def test_the_home_of_an_unknown_user_is_a_path_as_any_other(arguments, alone, capfd):
    assert main(arguments) == 2
    assert "Traceback" not in capfd.readouterr().err
