"""What MLflow calls, and the folder that it is given: it works where no nnexp is installed."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pandas as pd
import pytest
from fixtures.trained_runs import PETS

from nnexp.serving import bundle
from nnexp.serving import mlflow_loader as loader
from nnexp.serving.errors import PredictorError
from nnexp.serving.pyfunc import Served


@pytest.fixture
def digits(trained):
    return trained("data=digits")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 17, (5, 8, 8), np.uint8)


def test_a_classification_gives_class_confidence_and_every_probability(digits, images):
    table = Served(digits.predictor).predict(images)
    assert list(table) == ["prediction", "confidence", *(f"p_{n}" for n in range(10))]
    p = digits.predictor.probabilities(images)
    np.testing.assert_array_equal(table.iloc[:, 2:].to_numpy(), p)
    assert table["prediction"].tolist() == [str(n) for n in p.argmax(axis=1)]
    np.testing.assert_array_equal(table["confidence"], p.max(axis=1))
    assert (table.dtypes.iloc[1:] == np.float64).all()


def test_images_may_come_as_arrays_lists_and_tables(digits, images):
    served = Served(digits.predictor)
    expected = served.predict(images)
    flat = images.reshape(5, -1)
    for given in (
        flat,
        images.tolist(),
        flat.tolist(),
        {"x": images},
        images.astype(float),
        pd.DataFrame(flat),
    ):
        pd.testing.assert_frame_equal(served.predict(given), expected)
    named = pd.DataFrame(flat, columns=[f"pixel{i}" for i in range(64)], index=list("abcde"))
    assert served.predict(named).index.tolist() == list("abcde")
    assert len(served.predict(images[0])) == 1
    with pytest.raises(PredictorError, match="one array, and was given a, b"):
        served.predict({"a": images, "b": images})


@pytest.fixture
def table(alone):
    return pd.DataFrame({name: PETS[name] for name in PETS}, index=np.arange(120) + 7)


def test_tables_come_by_their_columns_in_any_order(trained, pets, table):
    run = trained("data=table", f"data.path={pets}", "data.target=species")
    served = Served(run.predictor)
    said = served.predict(table)
    assert list(said) == ["prediction", "confidence", "p_bird", "p_cat", "p_dog"]
    assert said.index.tolist() == table.index.tolist()
    assert set(said["prediction"]) <= {"bird", "cat", "dog"}
    other = table[[*reversed(table.columns)]].drop(columns="species").reset_index(drop=True)
    expected = said.reset_index(drop=True)
    pd.testing.assert_frame_equal(served.predict(other), expected)
    pd.testing.assert_frame_equal(served.predict({name: other[name].to_numpy() for name in other}), expected)
    pd.testing.assert_frame_equal(served.predict(other.to_dict("records")), expected)
    one = served.predict(dict(other.iloc[3].items()))
    assert one["prediction"].tolist() == [expected["prediction"][3]]
    assert served.predict(other.iloc[3])["prediction"].tolist() == [expected["prediction"][3]]
    with pytest.raises(PredictorError, match="row 2: the column 'colour' holds 'pink'"):
        served.predict(other.assign(colour=["red", "pink", *["red"] * 118]))
    with pytest.raises(PredictorError, match="missing column: height"):
        served.predict(other.drop(columns="height"))


def test_a_regression_gives_its_targets_and_labels_their_truth(trained, pets, table):
    run = trained("data=table", f"data.path={pets}", "data.target=[weight,height]", "loss=mean_squared_error")
    told = table.assign(colour="red").drop(columns=["weight", "height"])
    said = Served(run.predictor).predict(told)
    assert list(said) == ["weight", "height"]
    assert said["height"].between(100, 250).all(), "in their own units"
    run = trained("data=table", f"data.path={pets}", "data.target=[purrs,barks]", "loss=binary_cross_entropy")
    said = Served(run.predictor).predict(table)
    assert list(said) == ["purrs", "barks", "p_purrs", "p_barks"]
    assert said["purrs"].dtype == bool
    np.testing.assert_array_equal(said["purrs"], said["p_purrs"] > 0.5)


def test_a_bundle_is_the_same_bytes_every_time_and_holds_what_is_needed(digits, alone):
    for name in ("one", "two"):
        bundle.write(alone / name, *digits.files)
        bundle.library.cache_clear()
    assert sorted(path.name for path in (alone / "one").iterdir()) == [
        "network.json",
        "nnexp.zip",
        "weights.npz",
    ]
    one, two = (
        hashlib.sha256((alone / name / "nnexp.zip").read_bytes()).hexdigest() for name in ("one", "two")
    )
    assert one == two
    names = zipfile.ZipFile(alone / "one" / "nnexp.zip").namelist()
    assert names == sorted(names)
    assert {
        "nnexp/__init__.py",
        "nnexp/nn/__init__.py",
        "nnexp/nn/layers/layer.py",
        "nnexp/serving/pyfunc.py",
    } < set(names)
    assert all(
        name.startswith(("nnexp/nn/", "nnexp/serving/")) for name in names if name != "nnexp/__init__.py"
    )


ELSEWHERE = """
    import importlib.util, json, sys
    sys.path[:] = [path for path in sys.path if path != {root!r}]  # where nnexp is, for whoever works on it
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {absent!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Absent())
    assert importlib.util.find_spec("nnexp") is None, "nnexp is installed after all"
    spec = importlib.util.spec_from_file_location("nnexp_model", {loader!r})
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module._load_pyfunc({folder!r})
    import numpy as np, pandas as pd
    given = pd.read_csv({given!r}) if {given!r}.endswith(".csv") else np.load({given!r})
    print(json.dumps(model.predict(given).to_dict("list")))
    assert "nnexp.zip" in sys.modules["nnexp"].__file__
"""
SHIPPED = tuple(f"nnexp.{name.removesuffix('.py')}" for name in (*bundle.SHARED, *bundle.MODULES))
ABSENT = (
    "hydra",
    "omegaconf",
    "mlflow",
    "matplotlib",
    "scipy",
    "sklearn",
    "pydantic",
    "pyarrow",
    "rich",
    "requests",
    "PIL",
    "onnx",
)


def elsewhere(folder, given, cwd):
    """What a fresh Python without nnexp and all that it needs to train says."""
    root = os.path.dirname(os.path.dirname(bundle.PACKAGE / "x"))
    code = textwrap.dedent(ELSEWHERE).format(
        root=root, absent=ABSENT, loader=loader.__file__, folder=str(folder), given=str(given)
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_model_works_in_a_python_without_nnexp(trained, pets, images, alone):
    (alone / "nowhere").mkdir()
    np.save(alone / "images.npy", images)
    cases = {
        "dense": (trained("data=digits"), alone / "images.npy"),
        "conv": (trained("data=digits", "model=cnn", "model.channels=[4,8]"), alone / "images.npy"),
        "table": (trained("data=table", f"data.path={pets}", "data.target=species"), pets),
    }
    for name, (run, given) in cases.items():
        bundle.write(alone / name, *run.files)
        here = Served(run.predictor).predict(pd.read_csv(given) if given.suffix == ".csv" else np.load(given))
        assert elsewhere(alone / name, given, alone / "nowhere") == here.to_dict("list")


def test_layers_of_ones_own_travel_with_the_model(trained, images, alone):
    (alone / "ownnet").mkdir()
    (alone / "ownnet" / "__init__.py").write_text("from ownnet.deep import Net\n")
    (alone / "ownnet" / "deep.py").write_text("from nnexp.nn.models.model import MLP\nclass Net(MLP): pass\n")
    (alone / "nowhere").mkdir()
    np.save(alone / "images.npy", images)
    run = trained("data=digits", "model._target_=ownnet.deep.Net", "plugins=[ownnet]")
    bundle.write(alone / "model", *run.files)
    assert {"ownnet/__init__.py", "ownnet/deep.py"} < set(
        zipfile.ZipFile(alone / "model" / "nnexp.zip").namelist()
    )
    assert elsewhere(alone / "model", alone / "images.npy", alone / "nowhere") == Served(
        run.predictor
    ).predict(images).to_dict("list")


def test_the_installed_nnexp_comes_first(digits, images, alone, monkeypatch):
    bundle.write(alone / "model", *digits.files)
    monkeypatch.setattr(sys, "path", [*sys.path])
    model = loader._load_pyfunc(str(alone / "model"))
    assert type(model) is Served
    assert sys.path[-1] == str(alone / "model" / "nnexp.zip")
    pd.testing.assert_frame_equal(model.predict(images), Served(digits.predictor).predict(images))


def test_what_serves_imports_nothing_of_training():
    code = "import sys, nnexp.serving.pyfunc, nnexp.serving.model_spec; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not loaded & {*ABSENT, "pandas", "filelock"}
    code = "import sys, nnexp.serving.pyfunc; print(*(name for name in sys.modules if name.startswith('nnexp.')))"
    ours = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert all(name.startswith(SHIPPED) for name in ours)
