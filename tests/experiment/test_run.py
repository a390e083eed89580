"""The whole experiment from Python, without MLflow."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from fixtures.components import components

from nnexp import compose, run
from nnexp.config import ConfigError, build
from nnexp.data.errors import DataError
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.run_folder import RunFolder
from nnexp.training.evaluation import evaluate

QUICK = ["data=digits", "trainer.epochs=3", "tracking=none"]
CONTRACT = ["config.yaml", "environment.json", "curves.png", "weights/best.npz", "weights/final.npz"]
CONTRACT += [f"confusion/{split}.{kind}" for split in ("val", "test") for kind in ("png", "json")]


def test_a_run_returns_history_network_and_confusion_matrices():
    result = run(compose(QUICK))
    assert [record.epoch for record in result.history] == [1, 2, 3]
    assert result.metrics["best/val_accuracy"] == max(record.val_score for record in result.history)
    assert result.splits["val"].report.accuracy == result.metrics["best/val_accuracy"]
    assert result.splits["test"].report.accuracy == result.metrics["test/accuracy"]
    images = build(compose(QUICK)).data.load()
    right = result.network.predict(images.x_test / 16) == images.y_test
    assert right.mean() == result.metrics["test/accuracy"]


@pytest.mark.plots
def test_a_run_writes_every_artifact_of_the_contract():
    folder = run(compose(QUICK)).folder
    for path in CONTRACT:
        assert (folder / path).stat().st_size > 100, path
    for path in folder.rglob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    report = json.loads((folder / "confusion" / "val.json").read_text())
    assert {"precision", "recall", "f1", "support"} < set(report["per_class"][0])
    entries = RunFolder(folder).entries()
    assert [entry["kind"] for entry in entries][:1] == ["run"]
    assert entries[-1] == entries[-1] | {"kind": "end", "status": "FINISHED"}


def weights(*overrides):
    folder = run(compose([*QUICK, *overrides])).folder
    with np.load(folder / "weights" / "final.npz", allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits(dtype):
    first, again, other = (weights(f"trainer.dtype={dtype}", f"seed={seed}") for seed in (0, 0, 1))
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    assert any(first[name].tobytes() != other[name].tobytes() for name in first)


def test_another_initializer_gets_the_same_batches_in_the_same_order():
    seen = []
    for init in ("he_normal", "xavier_uniform"):
        train = components(f"init={init}").train
        seen.append([(x.tobytes(), y.tobytes()) for _ in range(2) for x, y in train])
    assert seen[0] == seen[1]


def test_training_never_touches_the_global_generator():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    run(compose(QUICK))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_divergence_is_reported_and_partial_results_are_kept():
    with pytest.raises(DivergedError, match=r"fix: optimizer\.lr=0\.1"):
        run(compose([*QUICK, "optimizer=sgd", "optimizer.lr=1e30"]))
    (folder,) = (path.parent for path in Path("outputs").rglob("journal.jsonl"))
    entries = RunFolder(folder).entries()
    assert entries[-1]["status"] == "FAILED"
    assert "DivergedError" in (folder / "error.txt").read_text()


def test_an_interrupt_during_the_test_evaluation_keeps_the_final_weights(monkeypatch):
    seen = []

    def evaluate_twice(*arguments, **keywords):
        seen.append(arguments)
        if len(seen) == 2:  # the validation set, then the test set
            raise KeyboardInterrupt
        return evaluate(*arguments, **keywords)

    monkeypatch.setattr("nnexp.experiment.evaluation.evaluate", evaluate_twice)
    with pytest.raises(KeyboardInterrupt):
        run(compose([*QUICK, "optimizer=sgd", "schedule=constant", "optimizer.lr=2", "trainer.epochs=30"]))
    (folder,) = (path.parent for path in Path("outputs").rglob("journal.jsonl"))
    best, final = (np.load(folder / "weights" / f"{name}.npz") for name in ("best", "final"))
    assert any((best[name] != final[name]).any() for name in best.files)
    assert RunFolder(folder).entries()[-1]["status"] == "KILLED"


def test_missing_data_leave_no_folder(alone):
    config = compose(["data=mnist", "tracking=none", "data.mirrors=[http://127.0.0.1:1/]"])
    with pytest.raises(DataError, match="cannot download train-images"):
        run(config)
    assert not (alone / "outputs").exists()


def test_a_limit_reduces_the_training_split_only():
    whole, thin = (components(*more) for more in ([], ["data.limit=32"]))
    assert thin.train.examples <= 32
    assert set(thin.train.rows) <= set(whole.train.rows)
    assert list(thin.validation.rows) == list(whole.validation.rows)


def test_one_batch_can_be_overfitted():
    result = run(compose(["data=digits", "debug=overfit_batch"]))
    assert result.history[-1].train_loss < 0.01


def test_two_runs_in_the_same_second_have_their_own_folders(monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda _: "now")
    folders = {run(compose(QUICK)).folder for _ in range(2)}
    assert len(folders) == 2


def test_patience_stops_training_without_improvement():
    patient = ["trainer.epochs=200", "trainer.patience=3", "trainer.min_epochs=8"]
    result = run(compose([*QUICK, *patient, "schedule=constant", "optimizer.lr=0.02"]))
    last, best = result.history[-1], result.metrics["best/epoch"]
    assert 8 <= last.epoch < 200
    assert last.epoch >= best + 3
    assert result.stopped.startswith("no improvement")
    assert RunFolder(result.folder).entries()[-1]["status"] == "FINISHED"


def regression_table(folder):
    rng = np.random.default_rng(0)
    rows = [f"{a:.6f},{b:.6f},{1000 + 50 * a - 20 * b:.6f}" for a, b in rng.standard_normal((300, 2))]
    (folder / "houses.csv").write_text("\n".join(["a,b,price", *rows]))
    data = ["data=table", "data.path=houses.csv", "data.target=price"]
    return [*data, "loss=mean_squared_error", "tracking=none"]


@pytest.mark.plots
def test_a_regression_is_evaluated_in_the_unit_of_its_target(alone):
    result = run(compose([*regression_table(alone), "trainer.epochs=30", "trainer.batch_size=16"]))
    assert result.metrics["test/r2"] > 0.95
    assert result.value == result.metrics["best/val_r2"] == max(record.val_score for record in result.history)
    assert result.metrics["test/mae"] < 15
    with np.load(result.folder / "predictions" / "test.npz", allow_pickle=False) as saved:
        assert abs(saved["y"].mean() - 1000) < 30
        error = abs(saved["y"] - saved["predicted"]).mean()
    assert error == pytest.approx(result.metrics["test/mae"], rel=1e-4)
    names = {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*.png")}
    histograms = {"histograms/weights.png", "histograms/gradients.png"}
    assert names == {"predictions/val.png", "predictions/test.png", "curves.png"} | histograms
    assert {"train/r2", "val/r2"} < set(result.history[0].metrics())


@pytest.mark.plots
def test_several_labels_of_an_example_are_learnt(alone):
    rng = np.random.default_rng(0)
    points = rng.standard_normal((400, 2))
    rows = [f"{a:.6f},{b:.6f},{int(a > 0)},{int(b > 0)},{int(a + b > 1)}" for a, b in points]
    (alone / "films.csv").write_text("\n".join(["a,b,funny,sad,long", *rows]))
    overrides = ["data=table", "data.path=films.csv", "data.target=[funny,sad,long]"]
    overrides += ["tracking=none", "trainer.epochs=30"]
    with pytest.raises(ConfigError, match="fix: loss=binary_cross_entropy"):
        run(compose(overrides))
    result = run(compose([*overrides, "loss=binary_cross_entropy", "trainer.batch_size=16"]))
    assert result.metrics["test/accuracy"] > 0.93
    assert result.metrics["test/exact_match"] <= result.metrics["test/accuracy"]
    report = json.loads((result.folder / "labels" / "test.json").read_text())
    assert [label["label"] for label in report["per_label"]] == ["funny", "sad", "long"]
    assert (result.folder / "labels" / "test.png").stat().st_size > 5000


def test_a_loss_that_does_not_suit_the_task_is_an_error_before_anything_is_written(alone):
    overrides = [*regression_table(alone), "loss=softmax_cross_entropy"]
    with pytest.raises(ConfigError, match="fix: loss=mean_squared_error"):
        run(compose(overrides))
    with pytest.raises(ConfigError, match="optimized_metric=best/val_r2"):
        run(compose([*overrides[:-1], "optimized_metric=best/val_accuracy"]))
    assert not (alone / "outputs").exists()


def test_the_validation_rows_of_all_folds_are_disjoint():
    folds = [components("data.folds=5", f"data.fold={k}") for k in range(5)]
    rows = np.concatenate([fold.validation.rows for fold in folds])
    assert sorted(rows) == list(range(len(folds[0].dataset.y)))
    assert all(set(fold.train.rows).isdisjoint(fold.validation.rows) for fold in folds)


def test_augmentation_changes_the_training_images_only():
    plain, varied = (components(f"augment={kind}") for kind in ("none", "shift"))
    assert (plain.train.rows == varied.train.rows).all()
    for (x, y), (z, same) in zip(plain.train, varied.train, strict=True):
        assert (y == same).all()
        assert (x != z).any()
    for evaluated in ("validation", "test"):
        for (x, _), (z, _) in zip(getattr(plain, evaluated), getattr(varied, evaluated), strict=True):
            assert (x == z).all()


def test_dropout_has_a_stream_of_its_own():
    one, other = (components(f"model.dropout={rate}") for rate in (0.1, 0.6))
    np.testing.assert_array_equal(one.network.theta, other.network.theta)
    assert (one.train.rows == other.train.rows).all()
