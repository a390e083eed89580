"""The whole experiment from Python, without MLflow."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from nnexp import compose, run
from nnexp.assembly import assemble
from nnexp.config import build
from nnexp.data.dataset import DataError
from nnexp.experiment import Diverged
from nnexp.tracking.journal import read
from nnexp.training.trainer import evaluate

QUICK = ["data=digits", "trainer.epochs=3", "tracking=none"]
CONTRACT = [
    "config.yaml",
    "weights/best.npz",
    "weights/final.npz",
    "confusion/val.png",
    "confusion/val.json",
    "confusion/test.png",
    "confusion/test.json",
    "curves.png",
    "environment.json",
]


def test_a_run_gives_its_history_its_network_and_its_confusion_matrix():
    result = run(compose(QUICK))
    assert [record.epoch for record in result.history] == [1, 2, 3]
    assert result.metrics["best/val_accuracy"] == max(record.val_score for record in result.history)
    assert result.confusion.accuracy == result.metrics["best/val_accuracy"]
    assert result.test_confusion.accuracy == result.metrics["test/accuracy"]
    images = build(compose(QUICK)).data.load()
    assert (result.network.predict(images.x_test / 16) == images.y_test).mean() == result.metrics["test/accuracy"]


def test_a_run_leaves_every_artifact_of_the_contract():
    folder = run(compose(QUICK)).folder
    for path in CONTRACT:
        assert (folder / path).stat().st_size > 100, path
    for path in folder.rglob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    report = json.loads((folder / "confusion" / "val.json").read_text())
    assert {"precision", "recall", "f1", "support"} < set(report["per_class"][0])
    entries, _ = read(folder)
    assert [entry["kind"] for entry in entries][:1] == ["run"]
    assert entries[-1] == entries[-1] | {"kind": "end", "status": "FINISHED"}


def weights(*overrides):
    folder = run(compose([*QUICK, *overrides])).folder
    with np.load(folder / "weights" / "final.npz", allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits(dtype):
    first, again, other = weights(f"trainer.dtype={dtype}"), weights(f"trainer.dtype={dtype}"), weights(f"trainer.dtype={dtype}", "seed=1")
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    assert any(first[name].tobytes() != other[name].tobytes() for name in first)


def test_another_init_sees_the_same_batches_in_the_same_order():
    seen = []
    for init in ("he_normal", "xavier_uniform"):
        parts = assemble(build(compose(["data=digits", f"init={init}"])))
        seen.append([(x.tobytes(), y.tobytes()) for _ in range(2) for x, y in parts.train])
    assert seen[0] == seen[1]


def test_training_never_touches_the_global_generator():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    run(compose(QUICK))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_a_run_that_diverges_says_so_and_keeps_what_was_learnt():
    with pytest.raises(Diverged, match=r"smaller optimizer\.lr"):
        run(compose([*QUICK, "optimizer=sgd", "optimizer.lr=1e30"]))
    (folder,) = (path.parent for path in Path("outputs").rglob("journal.jsonl"))
    entries, _ = read(folder)
    assert entries[-1]["status"] == "FAILED"
    assert "Diverged" in (folder / "error.txt").read_text()


def test_an_interrupt_while_the_test_set_is_looked_at_leaves_the_final_weights_as_they_were(monkeypatch):
    seen = []

    def evaluate_twice(*arguments):
        seen.append(arguments)
        if len(seen) == 2:  # the validation set, then the test set
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr("nnexp.experiment.evaluate", evaluate_twice)
    with pytest.raises(KeyboardInterrupt):
        run(compose([*QUICK, "optimizer=sgd", "schedule=constant", "optimizer.lr=2", "trainer.epochs=30"]))
    (folder,) = (path.parent for path in Path("outputs").rglob("journal.jsonl"))
    best, final = (np.load(folder / "weights" / f"{name}.npz") for name in ("best", "final"))
    assert any((best[name] != final[name]).any() for name in best.files)
    assert read(folder)[0][-1]["status"] == "KILLED"


def test_missing_data_leaves_nothing_behind(alone):
    config = compose(["data=mnist", "tracking=none", "data.mirrors=[http://127.0.0.1:1/]"])
    with pytest.raises(DataError, match="Put these four files into"):
        run(config)
    assert not (alone / "outputs").exists()


def test_a_limit_thins_what_is_learnt_from_and_nothing_else():
    whole, thin = (assemble(build(compose(["data=digits", *more]))) for more in ([], ["data.limit=32"]))
    assert thin.train.examples <= 32
    assert set(thin.train.rows) <= set(whole.train.rows)
    assert list(thin.validation.rows) == list(whole.validation.rows)


def test_one_batch_can_be_learnt_by_heart():
    result = run(compose(["data=digits", "debug=overfit_batch"]))
    assert result.history[-1].train_loss < 0.01


def test_two_runs_in_the_same_second_have_their_own_folders(monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda _: "now")
    folders = {run(compose(QUICK)).folder for _ in range(2)}
    assert len(folders) == 2
