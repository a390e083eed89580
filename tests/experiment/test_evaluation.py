import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from nnexp import compose, run
from nnexp.config import build
from nnexp.run_folder import RunFolder
from nnexp.serving.predictor import Predictor
from nnexp.tracking.prediction_tables import write_tables

RNG = np.random.default_rng(0)
N = 400


@pytest.fixture
def rare(alone):
    """A table with one positive row in twenty, and inputs so far apart that confidences saturate."""
    y = RNG.random(N) < 0.05
    x = 3 * y + RNG.standard_normal(N)
    pd.DataFrame({"x": x, "far": x**3, "y": np.where(y, "yes", "no")}).to_csv("rare.csv", index=False)
    return ["data=table", "data.path=rare.csv", "data.target=y", "data.test=0.5", "tracking=none"]


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "hinge", "focal", "binary_cross_entropy"])
def test_areas_of_two_classes_are_those_of_the_network_s_outputs(rare, alone, loss):
    overrides = [*rare, f"loss={loss}", "optimizer.lr=0.3", "trainer.epochs=4", "trainer.batch_size=16"]
    result = run(compose(overrides), alone / "run")
    data = build(compose(overrides)).data.load()
    z = Predictor.load(alone / "run" / "network.json", alone / "run" / "weights" / "best.npz").outputs(
        data.x_test
    )
    score = z[:, 1].astype(np.float64) - z[:, 0]
    assert result.metrics["test/auc"] == pytest.approx(roc_auc_score(data.y_test, score), abs=1e-12)
    expected = average_precision_score(data.y_test, score)
    assert result.metrics["test/average_precision"] == pytest.approx(expected, abs=1e-12)
    write_tables(alone / "run")
    table = pd.read_parquet(alone / "run" / "predictions" / "test.parquet")
    ranked = np.where(table["predicted"] == "yes", table["log_odds"], -table["log_odds"])
    assert roc_auc_score(table["true"] == "yes", ranked) == pytest.approx(
        result.metrics["test/auc"], abs=1e-12
    )


def test_what_a_class_without_rows_would_score_is_not_logged(alone):
    split = ["train"] * 60 + ["validation"] * 20 + ["test"] * 20
    y = [*"abc" * 20, *"ab" * 10, *"ab" * 10]
    table = pd.DataFrame({"x": RNG.standard_normal(100), "y": y, "split": split})
    table.to_csv("gap.csv", index=False)
    overrides = ["data=table", "data.path=gap.csv", "data.target=y", "data.split=split", "data.test=null"]
    run(compose([*overrides, "trainer.epochs=2", "tracking=none"]), alone / "run")
    folder = RunFolder(alone / "run")
    logged = {name for entry in folder.entries() if entry["kind"] == "metrics" for name in entry["values"]}
    assert {name for name in logged if name.startswith("recall/")} == {"recall/a", "recall/b"}
    rows = {row["class"]: row for row in folder.report("confusion", "val")["per_class"]}
    assert (rows["c"]["support"], rows["c"]["recall"]) == (0, None)
    assert rows["a"]["recall"] is not None


def test_two_classes_of_which_one_has_no_test_rows_have_no_areas(alone):
    split = ["train"] * 40 + ["validation"] * 20 + ["test"] * 20
    table = pd.DataFrame({"x": RNG.standard_normal(80), "y": [*"ab" * 30, *"a" * 20], "split": split})
    table.to_csv("gap.csv", index=False)
    overrides = ["data=table", "data.path=gap.csv", "data.target=y", "data.split=split", "data.test=null"]
    result = run(compose([*overrides, "trainer.epochs=1", "tracking=none"]), alone / "run")
    assert "test/accuracy" in result.metrics
    assert "test/auc" not in result.metrics
