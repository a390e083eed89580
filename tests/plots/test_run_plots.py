import json
import subprocess
import sys

import numpy as np
import pytest

from nnexp.plots import draw_all, pictures

rng = np.random.default_rng(0)
CURVES = [
    {"kind": "run", "params": {"trainer.evaluate_every": "null"}},
    *(
        {
            "kind": "metrics",
            "step": i,
            "values": dict.fromkeys(("train/loss", "val/loss", "train/accuracy", "val/accuracy", "lr"), 0.5),
        }
        for i in (1, 2)
    ),
    {"kind": "metrics", "step": 3, "values": {"system/cpu": 1.0}},
    {"kind": "metrics", "step": 0, "values": {"best/epoch": 2}},
]


def tell(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def arrays(path, **content):
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **content)


def old_run(folder):
    for part in ("val", "test"):
        tell(
            folder / "confusion" / f"{part}.json",
            {"matrix": [[5, 1], [0, 4]], "classes": ["no", "yes"], "accuracy": 0.9},
        )
    return folder


def new_run(folder, n=20):
    """A classification of images into two classes."""
    old_run(folder)
    tell(
        folder / "dataset.json",
        {"task": "classification", "shape": [4, 4], "classes": ["no", "yes"], "targets": []},
    )
    true, predicted = np.arange(n) % 2, np.arange(n) % 3 % 2
    for part in ("val", "test"):
        arrays(
            folder / "predictions" / f"{part}.npz",
            index=np.arange(n),
            true=true,
            predicted=predicted,
            confidence=rng.uniform(0.5, 1, n),
        )
    wrong = {
        "index": np.arange(3),
        "true": true[:3],
        "predicted": 1 - true[:3],
        "confidence": np.ones(3, np.float32),
    }
    arrays(
        folder / "mistakes.npz",
        images=rng.integers(0, 17, (3, 4, 4), dtype=np.uint8),
        scale=np.float64(1 / 16),
        **wrong,
    )
    histogram = {
        f"dense1/{kind}/{what}": value for kind in ("weights", "gradients") for what, value in BINS.items()
    }
    arrays(folder / "layers.npz", steps=np.array([1, 2]), **histogram)
    arrays(folder / "weights" / "best.npz", **{"0.W": rng.standard_normal((16, 3)), "0.b": np.zeros(3)})
    return folder


BINS = {"counts": np.ones((2, 8), int), "edges": np.tile(np.linspace(-1, 1, 9), (2, 1))}
OF_OLD = ["confusion/val.png", "confusion/test.png", "curves.png"]
OF_NEW = [
    *(f"{kind}/{part}.png" for kind in ("calibration", "ranking") for part in ("val", "test")),
    *(f"predictions/{part}.parquet" for part in ("val", "test")),
    "mistakes.png",
    "predictions/mistakes.json",
    "histograms/weights.png",
    "histograms/gradients.png",
    "weights/first_layer.png",
]


def test_a_run_has_the_pictures_that_its_folder_has_the_numbers_for(alone):
    assert draw_all(old_run(alone), []) == OF_OLD[:2]
    assert draw_all(old_run(alone), CURVES) == OF_OLD
    failures = []
    made = draw_all(new_run(alone), CURVES, failures)
    assert failures == []
    assert sorted(made) == sorted(OF_OLD + OF_NEW)
    assert all((alone / path).stat().st_size > (30 if path.endswith(".json") else 500) for path in made)


def test_an_empty_folder_has_none(alone):
    assert draw_all(alone, []) == []
    assert draw_all(alone, CURVES[:1]) == []


def test_a_run_with_a_baseline_of_the_same_classes_is_compared_with_it(alone):
    report = json.loads((old_run(alone) / "confusion" / "test.json").read_text())
    tell(alone / "baseline.json", {"name": "first", "val": None, "test": report})
    assert "confusion/difference-test.png" in draw_all(alone, [])
    assert not (alone / "confusion" / "difference-val.png").exists()
    tell(
        alone / "baseline.json", {"name": "first", "val": None, "test": report | {"classes": ["no", "maybe"]}}
    )
    assert "confusion/difference-test.png" not in draw_all(alone, [])


def test_a_picture_that_fails_costs_no_other_and_leaves_no_half(alone):
    new_run(alone)
    tell(alone / "confusion" / "val.json", {"matrix": [[1]], "classes": ["no", "yes"], "accuracy": 1.0})
    failures = []
    made = draw_all(alone, CURVES, failures)
    assert sorted(made) == sorted({*OF_OLD, *OF_NEW} - {"confusion/val.png"})
    assert [failure.split(" ")[0] for failure in failures] == ["confusion/val.png"]
    assert not (alone / "confusion" / "val.png").exists()


@pytest.mark.parametrize(
    "name", ["dataset.json", "layers.npz", "mistakes.npz", "confusion/val.json", "predictions/val.npz"]
)
def test_half_a_file_is_as_none(name, alone):
    new_run(alone)
    content = (alone / name).read_bytes()
    (alone / name).write_bytes(content[: len(content) // 2])
    failures = []
    assert "curves.png" in draw_all(alone, CURVES, failures)
    assert failures == []


def test_tables_have_no_pictures_of_weights(alone):
    new_run(alone)
    (alone / "mistakes.npz").unlink()
    tell(
        alone / "dataset.json",
        {"task": "classification", "shape": [16], "classes": ["no", "yes"], "targets": []},
    )
    assert {"mistakes.png", "weights/first_layer.png"}.isdisjoint(draw_all(alone, []))


def test_a_regression_is_drawn_and_tabled_and_has_no_confidence(alone):
    fit = {"per_target": [{"target": "price", "r2": 0.5, "mae": 0.1, "rmse": 0.2}]}
    tell(alone / "predictions" / "test.json", fit)
    y = rng.standard_normal((9, 1))
    arrays(alone / "predictions" / "test.npz", y=y, predicted=y + 1)
    assert draw_all(alone, []) == ["predictions/test.png"]  # of a run from before there were tables
    arrays(alone / "predictions" / "test.npz", index=np.arange(9), y=y, predicted=y + 1)
    tell(alone / "dataset.json", {"task": "regression", "shape": [3], "classes": [], "targets": ["price"]})
    assert sorted(draw_all(alone, [])) == ["predictions/test.parquet", "predictions/test.png"]


def test_of_labels_those_are_ranked_that_some_examples_have_and_some_have_not(alone):
    names = ["always", "some", "other"]
    y = rng.random((30, 3)) < [2, 0.5, 0.5]
    confidence = rng.random((30, 3)).astype(np.float32)
    arrays(
        alone / "predictions" / "test.npz",
        index=np.arange(30),
        y=y,
        predicted=confidence > 0.5,
        confidence=confidence,
    )
    tell(alone / "dataset.json", {"task": "multilabel", "shape": [3], "classes": [], "targets": names})
    made = draw_all(alone, [])
    assert sorted(made) == ["calibration/test.png", "predictions/test.parquet", "ranking/test.png"]


def test_pictures_can_be_made_one_by_one_in_any_order(alone):
    for path, make in reversed(pictures(new_run(alone), CURVES)):
        assert not (alone / path).exists()
        make()
        assert (alone / path).exists()


def test_drawing_is_imported_late():
    code = "import sys, nnexp.plots; sys.exit(bool({'matplotlib', 'PIL', 'pyarrow', 'mlflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
