import json
import subprocess
import sys
from pkgutil import iter_modules

import numpy as np
import pytest

from nnexp.plots import draw_all
from nnexp.plots import run as plot_modules
from nnexp.plots.run_data import RunData
from nnexp.plots.run_plots import run_plots
from nnexp.plots.style import save
from nnexp.run_folder import JOURNAL, LAYERS, MISCLASSIFIED, RunFolder, predictions_path, weights_path

RNG = np.random.default_rng(0)
N = 30
METRICS = dict.fromkeys(("train/loss", "val/loss", "train/accuracy", "val/accuracy", "lr"), 0.5)
OF_LAYERS = {f"activation_std/{name}": 0.5 for name in ("conv1", "dense1", "dense2")}
ENTRIES = [
    {"kind": "run", "unit": "epoch", "params": {}},
    {"kind": "metrics", "step": 0, "values": OF_LAYERS},
    *({"kind": "metrics", "step": step, "values": METRICS} for step in (1, 2)),
    {"kind": "metrics", "step": 3, "values": {"system/cpu": 1.0}},
    {"kind": "metrics", "step": 0, "values": {"best/epoch": 2}},
]
PLOTS = {
    "calibration": {"calibration/val.png", "calibration/test.png"},
    "confusion": {"confusion/val.png", "confusion/test.png"},
    "curves": {"curves.png"},
    "histograms": {"histograms/weights.png", "histograms/gradients.png"},
    "layers": {"layers.png"},
    "misclassified": {"misclassified.png"},
    "multilabel": {"labels/test.png"},
    "regression": {"predictions/test.png"},
    "roc": {"roc/val.png", "roc/test.png"},
    "weights": {"weights/first_layer.png"},
}
"""Of each module, the plots of the runs below; one more module is one more row."""
OF_LABELS = {"calibration/test.png", "curves.png", "layers.png", "labels/test.png", "roc/test.png"}
OF_CLASSES = set().union(*PLOTS.values()) - PLOTS["multilabel"] - PLOTS["regression"]


def write_json(path, **content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def write_arrays(path, **content):
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **content)


def write_classification(folder):
    classes = ["no", "yes"]
    write_json(folder / "dataset.json", task="classification", shape=[4, 4], classes=classes, targets=[])
    example = {"index": np.arange(N), "true": np.arange(N) % 2, "predicted": np.arange(N) % 3 % 2}
    example["confidence"] = RNG.uniform(0.5, 1, N).astype(np.float32)
    for split in ("val", "test"):
        write_json(folder / "confusion" / f"{split}.json", matrix=[[5, 1], [0, 4]], classes=classes)
        write_arrays(folder / predictions_path(split), **example)
    images = RNG.integers(0, 17, (N, 4, 4), dtype=np.uint8)
    write_arrays(folder / MISCLASSIFIED, images=images, scale=np.float64(1 / 16), **example)
    bins = {"counts": np.ones((2, 8), int), "edges": np.tile(np.linspace(-1, 1, 9), (2, 1))}
    histograms = {f"d/{kind}/{name}": bins[name] for kind in ("weights", "gradients") for name in bins}
    write_arrays(folder / LAYERS, steps=np.array([1, 2]), **histograms)
    write_arrays(folder / weights_path("best"), **{"0.W": RNG.standard_normal((16, 3)), "0.b": np.zeros(3)})


def write_multilabel(folder):
    """Labels of a table; every example has the first one."""
    write_json(folder / "dataset.json", task="multilabel", shape=[3], targets=["always", "some", "other"])
    scores = dict.fromkeys(("precision", "recall", "f1"), 0.5)
    rows = [{"label": label, "support": 9, **scores} for label in ("always", "some", "other")]
    write_json(folder / "labels" / "test.json", accuracy=0.9, exact_match=0.5, per_label=rows)
    confidence = RNG.random((N, 3)).astype(np.float32)
    predictions = {"y": RNG.random((N, 3)) < [2, 0.5, 0.5], "predicted": confidence > 0.5}
    write_arrays(folder / predictions_path("test"), index=np.arange(N), confidence=confidence, **predictions)


def write_regression(folder):
    write_json(folder / "dataset.json", task="regression", shape=[3], targets=["price"])
    row = {"target": "price", "r2": 0.5, "mae": 0.1, "rmse": 0.2}
    write_json(folder / "predictions" / "test.json", per_target=[row])
    y = RNG.standard_normal((N, 1))
    write_arrays(folder / predictions_path("test"), index=np.arange(N), y=y, predicted=y + 1)


def draw(folder, entries=ENTRIES):
    (folder / JOURNAL).write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    drawn, failures = draw_all(RunFolder(folder))
    return set(drawn), failures


def test_every_module_has_a_row_here():
    assert {module.name for module in iter_modules(plot_modules.__path__)} == set(PLOTS)


@pytest.mark.parametrize(
    ("write", "expected", "score"),
    [
        (write_classification, OF_CLASSES, "accuracy"),
        (write_multilabel, OF_LABELS, "accuracy"),
        (write_regression, {"curves.png", "layers.png", "predictions/test.png"}, "r2"),
    ],
    ids=["classification", "multilabel", "regression"],
)
def test_a_run_has_the_plots_that_its_folder_has_the_data_for(write, expected, score, alone):
    write(alone)
    assert draw(alone, json.loads(json.dumps(ENTRIES).replace("accuracy", score))) == (expected, [])
    assert all((alone / path).stat().st_size > 500 for path in expected)


def test_an_empty_folder_has_no_plots(alone):
    assert draw(alone, []) == draw(alone, ENTRIES[:1]) == (set(), [])


def test_a_run_with_a_baseline_of_the_same_classes_is_compared_with_it(alone):
    write_classification(alone)
    report = json.loads((alone / "confusion" / "test.json").read_text())
    write_json(alone / "baseline.json", name="first", val=None, test=report)
    assert draw(alone)[0] - OF_CLASSES == {"confusion/difference-test.png"}
    write_json(alone / "baseline.json", name="first", test=report | {"classes": ["no", "maybe"]})
    assert draw(alone)[0] == OF_CLASSES


def test_a_plot_that_fails_affects_no_other_and_leaves_no_file(alone):
    write_classification(alone)
    write_json(alone / "confusion" / "val.json", matrix=[[1]], classes=["no", "yes"])
    drawn, failures = draw(alone)
    assert drawn == OF_CLASSES - {"confusion/val.png"}
    assert [failure.split(":")[0] for failure in failures] == ["confusion/val.png"]
    assert not (alone / "confusion" / "val.png").exists()


@pytest.mark.parametrize(
    "name", ["dataset.json", LAYERS, MISCLASSIFIED, "confusion/val.json", predictions_path("val")]
)
def test_a_truncated_file_is_like_none(name, alone):
    write_classification(alone)
    content = (alone / name).read_bytes()
    (alone / name).write_bytes(content[: len(content) // 2])
    drawn, failures = draw(alone)
    assert "curves.png" in drawn < OF_CLASSES
    assert failures == []


def test_a_table_has_no_images_of_weights(alone):
    write_classification(alone)
    (alone / MISCLASSIFIED).unlink()
    write_json(alone / "dataset.json", task="classification", shape=[16], classes=["no", "yes"])
    assert OF_CLASSES - draw(alone)[0] == PLOTS["misclassified"] | PLOTS["weights"]


def test_plots_can_be_drawn_one_by_one_in_any_order(alone):
    write_classification(alone)
    for path, draw_plot in reversed(list(run_plots(RunData(RunFolder(alone), ENTRIES)))):
        assert not (alone / path).exists()
        save(draw_plot(), alone / path)
        assert (alone / path).exists()


def test_plotting_libraries_are_imported_late():
    late = {"matplotlib", "PIL", "pyarrow", "mlflow"}
    code = f"import sys, nnexp.plots; sys.exit(bool({late} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
