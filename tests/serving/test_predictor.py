"""A network rebuilt from its files predicts what the run predicted, to the last bit."""

import json

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.messages import display_width
from nnexp.serving.errors import PredictorError
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.prediction_table import predict_files
from nnexp.serving.prediction_text import format_predictions
from nnexp.serving.predictor import Predictor

IMAGES = {
    "mlp": [],
    "batch": ["model.normalization=batch", "model.dropout=0.2"],
    "residual": ["model=residual", "model.normalization=batch"],
    "maxout": ["model=maxout"],
    "softmax in float64": ["model=softmax", "trainer.dtype=float64"],
    "lenet5": ["model=lenet5"],
    "cnn": ["model=cnn", "model.channels=[4,8]"],
    "sequential": ["model=sequential"],
    "gelu": ["model.activation=gelu"],
    "averaged": ["averaging=ema"],
    "sigmoid": ["loss=binary_cross_entropy"],
    "one-hot": ["loss=mean_squared_error"],
    "standardized": ["data.standardize=true"],
    "standardized in float64": ["data.standardize=true", "trainer.dtype=float64"],
}
TABLES = {
    "classification": ["data.target=species"],
    "regression": ["data.target=weight", "loss=mean_squared_error"],
    "two targets": ["data.target=[weight,height]", "loss=huber"],
    "multilabel": ["data.target=[purrs,barks]", "loss=binary_cross_entropy"],
    "float64": ["data.target=species", "trainer.dtype=float64", "data.categorical=[rooms]"],
}


def assert_predicts_as_the_run(run, *overrides):
    data = build(compose(overrides)).data.load()
    rows = np.isin(data.source.index, run.result.splits["val"].predictions.index)
    for split, x in (("test", data.x_test), ("val", data.x[rows])):
        recorded, z = run.result.splits[split].predictions, run.predictor.outputs(x)
        assert z.dtype == (run.predictor.network.dtype if data.task != "regression" else np.float64)
        np.testing.assert_array_equal(run.predictor.outputs(x.reshape(-1, *data.shape)), z)
        np.testing.assert_array_equal(run.predictor.task.predicted(z), recorded.predicted)
        p = run.predictor.probabilities(z)
        if recorded.predicted.ndim == 1:
            p = np.take_along_axis(p, recorded.predicted[:, None], axis=1)[:, 0]
        if recorded.confidence is not None:
            np.testing.assert_array_equal(p, recorded.confidence)


@pytest.mark.parametrize("overrides", IMAGES.values(), ids=IMAGES)
def test_images_are_predicted_as_by_the_run(trained, overrides):
    run = trained("data=digits", *overrides)
    assert_predicts_as_the_run(run, "data=digits")
    np.testing.assert_array_equal(run.predictor.network.theta, run.result.network.theta)
    np.testing.assert_array_equal(run.predictor.network.state, run.result.network.state)


@pytest.mark.parametrize("overrides", TABLES.values(), ids=TABLES)
def test_tables_are_predicted_as_by_the_run(trained, pets, overrides):
    overrides = ["data=table", f"data.path={pets}", *overrides]
    run = trained(*overrides)
    assert_predicts_as_the_run(run, *overrides)
    assert ModelSpec.from_json(run.predictor.spec.to_json()).to_json() == run.files[0].read_text()


def test_the_specification_holds_shapes_types_scale_and_drawings(trained):
    spec = ModelSpec.read(trained("data=digits").files[0])
    assert (spec.inputs, spec.shape, spec.outputs) == ((64,), (8, 8), 10)
    assert (spec.stored, spec.dtype, spec.scale) == ("uint8", "float32", 1 / 16)
    assert (spec.task, spec.names) == ("classification", tuple("0123456789"))
    assert (spec.columns, spec.target_scale, spec.drawings.size) == ((), None, 8)


def test_one_example_and_any_numeric_type_are_accepted(trained):
    predictor = trained("data=digits").predictor
    images = np.random.default_rng(0).integers(0, 17, (700, 8, 8))
    z = predictor.outputs(images)
    for same in (images.astype(np.uint8), images.astype(np.float64), images.tolist()):
        np.testing.assert_array_equal(predictor.outputs(same), z)
    np.testing.assert_allclose(predictor.outputs(images[3]), z[3:4], rtol=1e-4, atol=1e-5)
    assert predictor.outputs(np.empty((0, 8, 8))).shape == (0, 10)
    assert (predictor.inputs(images).dtype, predictor.inputs(images).shape) == (np.float32, (700, 64))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 9)), "expected images of 8 x 8, got (3, 9)"),
        (np.zeros(3), "(3,)"),
        ([["a"] * 64], "must be numbers"),
        ([[1, 2], [3]], "one shape"),
        (np.full((2, 8, 8), 0.5), "got 0.5 to 0.5; fix: scale them so that white is 16"),
        (np.full((2, 64), np.nan), "example 1 holds a number that is infinite, too large or missing"),
        (np.full((2, 64), 1e300), "expected pixels from 0 to 16, got 1e+300 to 1e+300"),
        (np.full((2, 64), np.inf), "got inf to inf"),
        (np.full((2, 64), -1), "got -1 to -1"),
        (np.eye(8)[None] * 255, "got 0 to 255"),
    ],
    ids=str,
)
def test_arrays_that_are_no_examples_are_refused_with_the_remedy(trained, x, message):
    with pytest.raises(PredictorError) as error:
        trained("data=digits", "model=softmax").predictor.outputs(x)
    assert message in str(error.value)


MLP = "nnexp.nn.models.model.MLP"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"_target_": "os.system", "command": "true"}}, "code of os never runs"),
        ({"model": {"_target_": "os.system", "command": "true"}, "plugins": ["os"]}, "refused"),
        (
            {"model": {"_target_": "subprocess.Popen"}, "plugins": ["subprocess"]},
            "code of subprocess never runs",
        ),
        ({"model": {"_target_": "nnexp.nn.models.model.MLQ"}}, "cannot be imported"),
        ({"model": {"_target_": "nnexp.serving.model_spec.ModelSpec"}}, "only classes of nnexp.nn."),
        ({"model": {"_target_": "mypkg.Net"}, "plugins": ["mypkg"]}, "install it, or change to its folder"),
        ({"model": {"_target_": "nnexp.nn.Dense", "outputs": 3}}, "expected a subclass of Model"),
        ({"model": {"_target_": MLP, "hiden": [3]}}, "cannot be rebuilt"),
        ({"model": {"_target_": MLP, "hidden": [3], "activation": "rely"}}, "cannot be rebuilt"),
        ({"model": {"_target_": "nnexp.nn.models.convolutional.LeNet5"}, "shape": [64]}, "takes images"),
        (
            {"model": {"_target_": MLP, "hidden": [100]}},
            "weights of another network: 0.W: expected float32 (64, 100), got float32 (64, 128)",
        ),
        ({"model": {"_target_": MLP, "hidden": [128, 10]}}, "4.W, 4.b missing"),
        ({"format": 99}, "another version of nnexp"),
        ({"format": None}, "another version of nnexp"),
        ({"output_activation": "logit"}, "expected one of softmax, sigmoid, identity, got logit"),
        ({"task": "ranking"}, "regression, got ranking"),
        ({"columns": 3}, "damaged"),
    ],
    ids=str,
)
def test_a_specification_that_does_not_fit_is_refused(trained, alone, values, message):
    spec, weights = trained("data=digits").files
    path = alone / "changed.json"
    path.write_text(json.dumps(json.loads(spec.read_text()) | values))
    with pytest.raises(PredictorError) as error:
        Predictor.load(path, weights)
    assert message in str(error.value)
    assert str(error.value).startswith((str(path), str(weights)))


def test_a_specification_of_the_former_format_is_read(trained, pets, alone):
    run = trained("data=table", f"data.path={pets}", "data.target=species")
    spec, weights = run.files
    values = json.loads(spec.read_text()) | {"format": 2}
    del values["id_column"]
    former = ("name", "categories", "decimal")
    values["columns"] = [{key: column[key] for key in former} for column in values["columns"]]
    (alone / "former.json").write_text(json.dumps(values))
    x = np.random.default_rng(0).normal(size=(20, *run.predictor.spec.shape))
    outputs = Predictor.load(alone / "former.json", weights).outputs(x)
    np.testing.assert_array_equal(outputs, run.predictor.outputs(x))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.json", "{", "not the specification"),
        ("list.json", "[]", "not the specification"),
        ("missing.json", '{"format": 2, "model": {}}', "damaged"),
        ("none.json", None, "No such file"),
        ("none.npz", None, "cannot be read as weights"),
        ("broken.npz", "PK\3\4 and no more", "cannot be read as weights"),
        ("objects.npz", {"a": np.array([{}], object)}, "cannot be read as weights"),
        ("stateless.npz", {"1.mean": None}, "1.mean missing"),
        ("more.npz", {"other": np.zeros(3)}, "unknown other"),
    ],
)
def test_files_that_cannot_be_read_are_named(trained, alone, name, content, message):
    spec, weights = trained("data=digits", "model.normalization=batch").files
    path = alone / name
    if isinstance(content, dict):
        with np.load(weights) as saved:
            arrays = dict(saved) | content
        np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    elif content is not None:
        path.write_text(content)
    with pytest.raises(PredictorError) as error:
        Predictor.load(*((path, weights) if path.suffix == ".json" else (spec, path)))
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_plugins_are_imported_from_the_working_directory(trained, alone):
    (alone / "mynet.py").write_text("from nnexp.nn.models.model import MLP\nclass Net(MLP): pass\n")
    run = trained("data=digits", "model._target_=mynet.Net", "model.hidden=[9]", "plugins=[mynet]")
    np.testing.assert_array_equal(run.predictor.network.theta, run.result.network.theta)


def test_columns_of_any_script_are_aligned_and_each_row_is_a_line(trained, alone):
    kinds = ("猫", "two\nlines", "öl")
    rows = [f'{i},"{kinds[i % 3]}"' for i in range(60)]
    (alone / "names.csv").write_text("\n".join(["x,kind", *rows]), encoding="utf-8")
    run = trained("data=table", f"data.path={alone}/names.csv", "data.target=kind", "trainer.batch_size=16")
    lines = format_predictions(predict_files(run.predictor, [alone / "names.csv"])).splitlines()
    table = lines[1:22]
    assert len({display_width(line) for line in table}) == 1
    assert "two lines" in "".join(table)
