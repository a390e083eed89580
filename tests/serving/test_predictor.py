"""A network rebuilt from its files says what the run said, to the last bit."""

import json

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.serving.model_spec import KEYS
from nnexp.serving.predictor import Predictor, PredictorError

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
}


def told_the_same(found, predictor, x, y=None):
    """The run's own predictions of these examples, bit by bit."""
    z = predictor.outputs(x)
    assert z.dtype == predictor.network.dtype
    if predictor.task == "regression":
        np.testing.assert_array_equal(z, found.predicted)
        return
    p = predictor.probabilities(x)
    if predictor.task == "multilabel":
        np.testing.assert_array_equal(z > 0, found.predicted)
        np.testing.assert_array_equal(p, found.confidence)
        return
    np.testing.assert_array_equal(z.argmax(axis=1), found.predicted)
    np.testing.assert_array_equal(
        np.take_along_axis(p, found.predicted[:, None], axis=1)[:, 0], found.confidence
    )


@pytest.mark.parametrize("overrides", IMAGES.values(), ids=IMAGES)
def test_images_are_told_as_by_the_run(trained, overrides):
    run = trained("data=digits", *overrides)
    data = build(compose(["data=digits"])).data.load()
    for part, x in (("test", data.x_test), ("val", data.x[run.result.predictions["val"].index])):
        told_the_same(run.result.predictions[part], run.predictor, x)
        told_the_same(run.result.predictions[part], run.predictor, x.reshape(-1, 8, 8))
    predictor, network = run.predictor, run.result.network
    np.testing.assert_array_equal(predictor.network.theta, network.theta)
    np.testing.assert_array_equal(predictor.network.state, network.state)
    seen = predictor.scaled(data.x_test)
    assert (seen.dtype, seen.shape) == (network.dtype, (len(data.x_test), 64))
    assert (predictor.classes, predictor.task, predictor.shape) == (
        tuple("0123456789"),
        "classification",
        (8, 8),
    )


TABLES = {
    "classification": ["data.target=species"],
    "regression": ["data.target=weight", "loss=mean_squared_error"],
    "two targets": ["data.target=[weight,height]", "loss=huber"],
    "multilabel": ["data.target=[purrs,barks]", "loss=binary_cross_entropy"],
    "float64": ["data.target=species", "trainer.dtype=float64", "data.categorical=[rooms]"],
}


@pytest.mark.parametrize("overrides", TABLES.values(), ids=TABLES)
def test_tables_are_told_as_by_the_run(trained, pets, overrides):
    overrides = ["data=table", f"data.path={pets}", *overrides]
    run = trained(*overrides)
    data = build(compose(overrides)).data.load()
    for part, x in (("test", data.x_test), ("val", data.x[run.result.predictions["val"].index])):
        told_the_same(run.result.predictions[part], run.predictor, x)


def test_a_description_says_all_that_is_needed_and_survives_json(trained):
    run = trained("data=digits")
    description = json.loads(run.files[0].read_text())
    assert set(KEYS) < set(description)
    assert description["format"] == 1
    assert (description["inputs"], description["shape"], description["outputs"]) == ([64], [8, 8], 10)
    assert (description["stored"], description["dtype"], description["scale"]) == ("uint8", "float32", 1 / 16)
    assert description["columns"] is description["restore"] is None
    assert description["ink"]["extent"] == 8


def test_one_example_may_come_alone_and_many_in_any_type(trained):
    predictor = trained("data=digits").predictor
    images = np.random.default_rng(0).integers(0, 17, (700, 8, 8))
    many = predictor.outputs(images)
    np.testing.assert_array_equal(predictor.outputs(images.astype(np.uint8)), many)
    np.testing.assert_array_equal(predictor.outputs(images.astype(np.float64)), many)
    np.testing.assert_array_equal(predictor.outputs(images.tolist()), many)
    np.testing.assert_allclose(predictor.outputs(images[3]), many[3:4], rtol=1e-4, atol=1e-5)
    assert predictor.outputs(np.empty((0, 8, 8))).shape == (0, 10)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((3, 9)), "takes images of 8 x 8, and was given (3, 9)"),
        (np.zeros(3), "(3,)"),
        ([["a"] * 64], "must be numbers"),
        ([[1, 2], [3]], "of one shape"),
        (np.full((2, 8, 8), 0.5), "multiply by 16"),
        (np.full((2, 64), np.nan), "example 1 holds a number that is infinite, too large or missing"),
        (
            np.full((2, 64), 1e300),
            "takes pixels from 0 to 16, and these go from 1e+300 to 1e+300: give them as the data set stores them",
        ),
        (np.full((2, 64), np.inf), "too large"),
        (np.full((2, 64), -1), "these go from -1 to -1: give them"),
        (np.eye(8)[None] * 255, "these go from 0 to 255: multiply by 16/255"),
        (np.eye(8, dtype=np.uint16)[None] * 65535, "multiply by 16/65535"),
    ],
    ids=str,
)
def test_what_are_no_examples_is_said(trained, x, says):
    with pytest.raises(PredictorError) as error:
        trained("data=digits", "model=softmax").predictor.outputs(x)
    assert says in str(error.value)


def test_a_regression_has_no_probabilities(trained, pets):
    run = trained("data=table", f"data.path={pets}", "data.target=weight", "loss=mean_squared_error")
    with pytest.raises(PredictorError, match="no probabilities"):
        run.predictor.probabilities(np.zeros((1, run.predictor.shape[0])))


def changed(files, folder, **values):
    description = json.loads(files[0].read_text()) | values
    path = folder / "changed.json"
    path.write_text(json.dumps(description))
    return path


MLP = "nnexp.nn.models.model.MLP"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"model": {"_target_": "os.system", "command": "true"}},
            "refused: it is neither of nnexp.nn nor of the listed plugins (none)",
        ),
        (
            {"model": {"_target_": "os.system", "command": "true"}, "plugins": ["os"]},
            "os.system: refused: a network is made of classes",
        ),
        (
            {"model": {"_target_": "subprocess.Popen", "args": "true"}, "plugins": ["subprocess"]},
            "refused: a network is made of classes",
        ),
        ({"model": {"_target_": "nnexp.nn.models.model.MLQ"}}, "cannot be imported"),
        ({"model": {"_target_": "nnexp.nnevil.MLP"}}, "refused: it is neither"),
        ({"model": {"_target_": "mypkg.Net"}, "plugins": ["mypkg"]}, "install it or go to its folder"),
        ({"model": {"_target_": "nnexp.nn.Dense", "outputs": 3}}, "the model section makes a Dense"),
        ({"model": {"_target_": MLP, "hiden": [3]}}, "cannot be built again: "),
        ({"model": {"_target_": MLP, "hidden": [3], "activation": "rely"}}, "cannot be built again: "),
        (
            {"model": {"_target_": "nnexp.nn.models.convolutional.LeNet5"}, "shape": [64]},
            "the model takes images",
        ),
        (
            {"model": {"_target_": MLP, "hidden": [100]}},
            "weights of another network: 0.W is float32 (64, 128), and must be float32 (64, 100)",
        ),
        ({"model": {"_target_": MLP, "hidden": [128, 10]}}, "4.W is missing"),
        ({"model": {"_target_": "nnexp.nn.models.model.Softmax"}}, "0.W is float32 (64, 128)"),
        ({"format": 2}, "written by a later nnexp, in format 2; update nnexp"),
        ({"format": None}, "not the description of a network"),
        ({"link": "logit"}, "no such link; there are: softmax, sigmoid, identity"),
    ],
    ids=str,
)
def test_a_description_that_makes_no_such_network_is_refused(trained, alone, values, says):
    run = trained("data=digits")
    path = changed(run.files, alone, **values)
    with pytest.raises(PredictorError) as error:
        Predictor.load(path, run.files[1])
    assert says in str(error.value)
    assert str(error.value).startswith((str(path), str(run.files[1])))


def test_files_that_cannot_be_read_are_named(trained, alone):
    run = trained("data=digits", "model.normalization=batch")
    (alone / "broken.json").write_text("{")
    (alone / "list.json").write_text("[]")
    (alone / "broken.npz").write_bytes(b"PK\3\4 and no more")
    np.savez(alone / "objects.npz", a=np.array([{}], object))
    with np.load(run.files[1]) as saved:
        arrays = {name: saved[name] for name in saved.files}
    np.savez(alone / "stateless.npz", **{name: array for name, array in arrays.items() if name != "1.mean"})
    np.savez(alone / "more.npz", **arrays, other=np.zeros(3))
    (alone / "lacking.json").write_text('{"format": 1, "model": {}}')
    for description, weights, says in [
        ("broken.json", None, "cannot be read as the description"),
        ("list.json", None, "not the description"),
        ("lacking.json", None, "lacks inputs, shape"),
        ("none.json", None, "cannot be read as the description"),
        (None, "broken.npz", "cannot be read as weights"),
        (None, "objects.npz", "cannot be read as weights"),
        (None, "none.npz", "cannot be read as weights"),
        (None, "stateless.npz", "1.mean is missing"),
        (None, "more.npz", "knows no other"),
    ]:
        paths = (
            (alone / description if description else run.files[0]),
            (alone / weights if weights else run.files[1]),
        )
        with pytest.raises(PredictorError) as error:
            Predictor.load(*paths)
        assert str(error.value).startswith(str(alone / (description or weights)))
        assert says in str(error.value)


def test_layers_of_ones_own_are_found_in_the_working_directory(trained, alone):
    (alone / "mynet.py").write_text("from nnexp.nn.models.model import MLP\nclass Net(MLP): pass\n")
    run = trained("data=digits", "model._target_=mynet.Net", "model.hidden=[9]", "plugins=[mynet]")
    assert type(run.result.network).__name__ == "Network"
    np.testing.assert_array_equal(run.predictor.network.theta, run.result.network.theta)
