"""MLflow's python_function and the bundle it is given: it works where no nnexp is installed."""

import json
import subprocess
import sys
import textwrap
import zipfile
from base64 import b64encode

import numpy as np
import pandas as pd
import pytest
from fixtures.trained_runs import PETS
from PIL import Image

from nnexp.preprocessing.errors import EncodingError
from nnexp.serving import bundle, mlflow_loader
from nnexp.serving.errors import PredictorError
from nnexp.serving.image_content import decode_contents
from nnexp.serving.pyfunc import PyfuncModel


@pytest.fixture
def digits(trained):
    return trained("data=digits")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 17, (5, 8, 8), np.uint8)


@pytest.fixture
def table():
    return pd.DataFrame(PETS, index=np.arange(120) + 7)


@pytest.fixture
def species(trained, pets):
    return trained("data=table", f"data.path={pets}", "data.target=species")


def test_a_classification_gives_class_confidence_and_every_probability(digits, images):
    predicted = PyfuncModel(digits.predictor).predict(images)
    assert list(predicted) == ["prediction", "confidence", *(f"p_{n}" for n in range(10))]
    p = digits.predictor.probabilities(digits.predictor.outputs(images))
    np.testing.assert_array_equal(predicted.iloc[:, 2:].to_numpy(), p)
    assert predicted["prediction"].tolist() == [str(n) for n in p.argmax(axis=1)]
    np.testing.assert_array_equal(predicted["confidence"], p.max(axis=1))
    assert (predicted.dtypes.iloc[1:] == np.float64).all()


def test_images_may_be_arrays_lists_and_tables(digits, images):
    model = PyfuncModel(digits.predictor)
    expected, flat = model.predict(images), images.reshape(5, -1)
    for same in (flat, images.tolist(), flat.tolist(), {"x": images}, images + 0.0, pd.DataFrame(flat)):
        pd.testing.assert_frame_equal(model.predict(same), expected)
    named = pd.DataFrame(flat, columns=[f"pixel{i}" for i in range(64)], index=list("abcde"))
    assert model.predict(named).index.tolist() == list("abcde")
    assert len(model.predict(images[0])) == 1
    with pytest.raises(PredictorError, match="expected one array of images of 8 x 8, got a, b"):
        model.predict({"a": images, "b": images})


def test_table_columns_may_be_in_any_order_and_form(species, table):
    model = PyfuncModel(species.predictor)
    predicted = model.predict(table)
    assert list(predicted) == ["prediction", "confidence", "p_bird", "p_cat", "p_dog"]
    assert predicted.index.tolist() == table.index.tolist()
    expected = predicted.reset_index(drop=True)
    other = table[[*reversed(table.columns)]].drop(columns="species").reset_index(drop=True)
    for same in (other, {name: other[name].to_numpy() for name in other}, other.to_dict("records")):
        pd.testing.assert_frame_equal(model.predict(same), expected)
    for row in (dict(other.iloc[3].items()), other.iloc[3]):
        assert model.predict(row)["prediction"].tolist() == [expected["prediction"][3]]
    with pytest.raises(EncodingError, match="missing column: height"):
        model.predict(other.drop(columns="height"))


def test_rows_of_unseen_values_are_predicted_and_logged_once(species, table, caplog):
    model = PyfuncModel(species.predictor)
    new = table.assign(colour=["red", "pink", *["red"] * 118])
    predicted, expected = model.predict(new), model.predict(table.assign(colour="red"))
    pd.testing.assert_frame_equal(predicted.drop(index=8), expected.drop(index=8))
    model.predict(new)
    (record,) = caplog.records
    assert "values not seen in training: colour (1 row: 'pink')" in record.message


def test_regressions_and_labels_have_a_column_per_target(trained, pets, table):
    data = ["data=table", f"data.path={pets}"]
    run = trained(*data, "data.target=[weight,height]", "loss=mean_squared_error")
    inputs = table.assign(colour="red").drop(columns=["weight", "height"])
    predicted = PyfuncModel(run.predictor).predict(inputs)
    assert list(predicted) == ["weight", "height"]
    assert predicted["height"].between(100, 250).all(), "in their own units"
    run = trained(*data, "data.target=[purrs,barks]", "loss=binary_cross_entropy")
    predicted = PyfuncModel(run.predictor).predict(table)
    assert list(predicted) == ["purrs", "barks", "p_purrs", "p_barks"]
    assert predicted["purrs"].dtype == bool
    np.testing.assert_array_equal(predicted["purrs"], predicted["p_purrs"] > 0.5)


def test_a_bundle_is_the_same_bytes_every_time(digits, alone):
    for name in ("one", "two"):
        bundle.write_bundle(alone / name, *digits.files)
        bundle.zip_library.cache_clear()
    one, two = (alone / name / "nnexp.zip" for name in ("one", "two"))
    assert {path.name for path in one.parent.iterdir()} == {"network.json", "nnexp.zip", "weights.npz"}
    assert one.read_bytes() == two.read_bytes()
    assert all(name.startswith("nnexp/") for name in zipfile.ZipFile(one).namelist())


PREDICT_WITHOUT_NNEXP = """
    import importlib.util, json, sys
    sys.path[:] = [path for path in sys.path if path != {root!r}]  # where nnexp is in development
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
ABSENT = {"hydra", "omegaconf", "mlflow", "matplotlib", "scipy", "sklearn", "pydantic"}
ABSENT |= {"pyarrow", "rich", "PIL", "onnx"}


def predict_without_nnexp(folder, given, cwd):
    """Predict in a fresh Python without nnexp and all that it needs to train."""
    paths = {"root": bundle.PACKAGE.parent, "loader": mlflow_loader.__file__, "folder": folder}
    values = {name: str(path) for name, path in (paths | {"given": given}).items()}
    code = textwrap.dedent(PREDICT_WITHOUT_NNEXP).format(absent=ABSENT, **values)
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def elsewhere(alone, images):
    (alone / "elsewhere").mkdir()
    np.save(alone / "images.npy", images)
    return alone / "elsewhere"


def test_a_model_works_in_a_python_without_nnexp(trained, pets, species, digits, elsewhere, alone):
    cases = {
        "dense": (digits, alone / "images.npy"),
        "conv": (trained("data=digits", "model=cnn", "model.channels=[4,8]"), alone / "images.npy"),
        "table": (species, pets),
    }
    for name, (run, given) in cases.items():
        bundle.write_bundle(alone / name, *run.files)
        x = pd.read_csv(given) if given.suffix == ".csv" else np.load(given)
        expected = PyfuncModel(run.predictor).predict(x).to_dict("list")
        assert predict_without_nnexp(alone / name, given, elsewhere) == expected


def test_plugins_are_in_the_bundle(trained, images, elsewhere, alone):
    (alone / "ownnet").mkdir()
    (alone / "ownnet" / "__init__.py").write_text("from ownnet.deep import Net\n")
    (alone / "ownnet" / "deep.py").write_text("from nnexp.nn.models.model import MLP\nclass Net(MLP): pass\n")
    run = trained("data=digits", "model._target_=ownnet.deep.Net", "plugins=[ownnet]")
    bundle.write_bundle(alone / "model", *run.files)
    expected = PyfuncModel(run.predictor).predict(images).to_dict("list")
    assert predict_without_nnexp(alone / "model", alone / "images.npy", elsewhere) == expected


def test_the_installed_nnexp_comes_first(digits, images, alone, monkeypatch):
    bundle.write_bundle(alone / "model", *digits.files)
    monkeypatch.setattr(sys, "path", [*sys.path])
    model = mlflow_loader._load_pyfunc(str(alone / "model"))
    assert type(model) is PyfuncModel
    assert sys.path[-1] == str(alone / "model" / "nnexp.zip")
    pd.testing.assert_frame_equal(model.predict(images), PyfuncModel(digits.predictor).predict(images))


def test_only_what_the_bundle_holds_is_imported():
    code = "import sys, nnexp.serving.pyfunc; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert not {name.partition(".")[0] for name in modules} & (ABSENT | {"pandas", "filelock"})
    allowed = tuple(f"nnexp.{name}" for name in (*bundle.FOLDERS, *bundle.MODULES))
    assert all(name.startswith(allowed) for name in modules if name.startswith("nnexp."))


def test_columns_whose_names_are_numbers_may_be_in_any_order(trained, alone):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)) * [1, 10, 100])
    kinds = np.where(table[0] > 0, "a", "b")
    table.assign(kind=kinds).to_csv(alone / "numbers.csv", index=False)
    run = trained("data=table", f"data.path={alone}/numbers.csv", "data.target=kind", "trainer.batch_size=16")
    model = PyfuncModel(run.predictor)
    expected = model.predict(table.to_numpy())
    for given in (table, table[[2, 0, 1]], table[[2, 0, 1]].rename(columns=str), table.assign(**{"9": 0})):
        pd.testing.assert_frame_equal(model.predict(given), expected)
    for given in (table[[2, 0, 1]].to_dict("list"), table[[1, 2, 0]].to_dict("records")):
        pd.testing.assert_frame_equal(model.predict(given), expected)


def test_digit_groups_that_pandas_read_as_decimals_are_refused(trained, tmp_path):
    sold = [f"{1000 + 37 * n:,}".replace(",", ".") if n % 3 else str(300 + n) for n in range(60)]
    path = tmp_path / "sales.csv"
    table = pd.DataFrame({"sold": sold, "price": ["1,5", "2,25"] * 30, "kind": ["a", "a", "b"] * 20})
    table.to_csv(path, index=False, sep=";")
    model = PyfuncModel(trained("data=table", f"data.path={path}", "data.target=kind").predictor)
    with pytest.raises(EncodingError, match=r"row 2: the column 'sold' holds 1\.037.*fix: .*dtype=str"):
        model.predict(pd.read_csv(path, sep=";"))
    as_text = model.predict(pd.read_csv(path, sep=";", dtype=str))
    pd.testing.assert_frame_equal(model.predict(pd.read_csv(path, sep=";", thousands=".")), as_text)


def test_a_network_of_image_files_takes_their_content(trained, alone):
    rng = np.random.default_rng(0)
    for i in range(20):
        path = alone / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 7 + i % 3, 3), np.uint8)).save(path)
    run = trained("data=images", f"data.path={alone / 'photos'}", "data.size=8", "trainer.batch_size=8")
    contents = [(alone / "photos" / "ab"[i % 2] / f"{i}.png").read_bytes() for i in range(3)]
    texts = [b64encode(content).decode() for content in contents]
    model = PyfuncModel(run.predictor)
    expected = model.predict(decode_contents(contents, (3, 8, 8), "stretch"))
    forms = (
        *(contents, texts, np.array(texts), np.array(texts)[:, None], {"image": np.array(texts)}),
        *(pd.DataFrame({"image": contents}), pd.DataFrame({"image": texts})),
        [f"data:image/png;base64,{text}" for text in texts],
    )
    for given in forms:
        pd.testing.assert_frame_equal(model.predict(given), expected)
    assert len(model.predict(texts[0])) == 1
    for bad, problem in (("no base64!", "as base64 text"), (b64encode(b"x").decode(), "an unknown format")):
        with pytest.raises(PredictorError, match=rf"image 2: .*{problem}"):
            model.predict([texts[0], bad])
