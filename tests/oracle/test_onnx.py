"""Layers, activations and models as ONNX: onnxruntime computes what the network does, to 1e-5."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp import nn
from nnexp.config import build, compose
from nnexp.config.compose import CONF
from nnexp.experiment.components import build_components
from nnexp.nn.activations.activation import ACTIVATIONS, Activation, make_activation
from nnexp.nn.initializers import He
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Stack
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.nn.output_activations import OUTPUT_ACTIVATIONS
from nnexp.preprocessing.scaling import Standardization, TargetScale
from nnexp.serving.errors import TranslationError, VerificationError
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.onnx.export import onnx_model
from nnexp.serving.onnx.graph import translate
from nnexp.serving.onnx.verify import random_examples, run, verify
from nnexp.serving.predictor import Predictor
from nnexp.tasks import Classification

onnx = pytest.importorskip("onnx", reason="needs the package onnx: pip install 'nnexp[onnx]'")
pytest.importorskip("onnxruntime", reason="needs the package onnxruntime: pip install 'nnexp[onnx]'")

CAPACITY = 50
SOFTMAX = {"task": "classification", "output_activation": "softmax"}
SIGMOID = {"task": "multilabel", "output_activation": "sigmoid"}
CASES = {
    "Stack": (lambda: Stack([nn.Dense(4), nn.Tanh(), Stack([nn.Dense(3)])]), (5,)),
    "Dense": (lambda: nn.Dense(4), (7,)),
    "Dense without bias": (lambda: nn.Dense(4, bias=False), (7,)),
    "Conv2d": (lambda: nn.Conv2d(4, 3), (2, 7, 6)),
    "Conv2d with padding": (lambda: nn.Conv2d(5, 5, padding=2), (1, 8, 8)),
    "Conv2d with stride": (lambda: nn.Conv2d(3, 3, stride=2, padding=1, bias=False), (3, 8, 7)),
    "Conv2d of one pixel": (lambda: nn.Conv2d(3, 1), (4, 5, 5)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (3, 6, 9)),
    "MaxPool2d that overlaps": (lambda: nn.MaxPool2d(3, 2), (2, 8, 7)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (3, 6, 7)),
    "AvgPool2d that overlaps": (lambda: nn.AvgPool2d(3, 1), (2, 5, 6)),
    "GlobalAvgPool2d": (nn.GlobalAvgPool2d, (3, 4, 5)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(eps=0.01), (5,)),
    "BatchNorm2d": (nn.BatchNorm2d, (3, 4, 5)),
    "LayerNorm": (lambda: nn.LayerNorm(eps=0.1), (7,)),
    "Flatten": (nn.Flatten, (2, 3, 4)),
    "Flatten of a vector": (nn.Flatten, (5,)),
    "Unflatten": (lambda: nn.Unflatten([3, 2, 4]), (24,)),
    "Unflatten of an image": (lambda: nn.Unflatten([4, 6]), (2, 3, 4)),
    "Dropout": (nn.Dropout, (5,)),
    "GaussianNoise": (nn.GaussianNoise, (2, 3, 4)),
    "Maxout": (lambda: nn.Maxout(3), (12,)),
    "Residual": (lambda: nn.Residual([nn.Dense(9), nn.Tanh(), nn.Dense(5)]), (5,)),
    "Residual strided": (
        lambda: nn.Residual([nn.Conv2d(6, 3, 2, 1), nn.BatchNorm2d()], [nn.Conv2d(6, 1, 2)]),
        (3, 6, 5),
    ),
    "Residual in a residual": (
        lambda: nn.Residual(
            [nn.Residual([nn.Dense(4)], [nn.Dense(4), "tanh"])], [nn.Residual(["relu"]), nn.Dense(4)]
        ),
        (5,),
    ),
    "LeakyReLU with another slope": (lambda: nn.LeakyReLU(0.3), (6,)),
    "ELU with another alpha": (lambda: nn.ELU(0.4), (6,)),
}
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def predictor(network, shape, **spec):
    """A network of a regression on float32 as they are, unless the spec says otherwise."""
    unused = dict.fromkeys(ModelSpec.__dataclass_fields__, ())
    task = {"task": "regression", "output_activation": "identity", "targets": ("y",), "target_scale": None}
    data = {"shape": shape, "outputs": network.outputs[0], "stored": "float32", "scale": 1.0}
    return Predictor(ModelSpec(**(unused | task | data | spec)), network)


def random_network(layers, inputs, dtype=np.float32):
    network = Network(layers, inputs, CAPACITY, dtype)
    rng = np.random.default_rng(0)
    network.initialize(He(), rng)
    network.theta[:] += 0.3 * rng.standard_normal(network.theta.shape)
    network.state[:] = rng.uniform(0.5, 2, network.state.shape)
    return network


def assert_agrees(network, shape, x, **spec):
    known = predictor(network, shape, **spec)
    model = onnx_model(known, {})
    onnx.checker.check_model(model, full_check=True)
    y = run(model, x)["y"]
    assert_close(y, known.outputs(x))
    return y


def has_translation(layer_class):
    return translate.dispatch(layer_class) is not translate.dispatch(Layer)


TRANSLATED = [name for name, make in ACTIVATIONS.items() if has_translation(type(make()))]


def test_every_translated_layer_is_tested_here():
    classes = [getattr(nn, name) for name in nn.__all__]
    layers = {c.__name__ for c in classes if has_translation(c) and not issubclass(c, Activation)}
    assert layers <= {name.split()[0] for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_layers_agree(name):
    make, shape = CASES[name]
    x = np.random.default_rng(1).standard_normal((CAPACITY + 3, *shape), np.float32)
    assert_agrees(random_network([make()], shape), shape, x)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_windows_of_every_kind_agree(data):
    kernel, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    padding = data.draw(st.integers(0, 2))
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(4, 9), st.integers(4, 9)))
    pools = [nn.MaxPool2d(kernel, stride), nn.AvgPool2d(kernel, stride)]
    layer = data.draw(st.sampled_from([nn.Conv2d(2, kernel, stride, padding), *pools]))
    x = np.random.default_rng(1).standard_normal((4, *shape), np.float32)
    assert_agrees(random_network([layer, nn.Flatten()], shape), shape, x)


@pytest.mark.parametrize("shape", [(50,), (3, 4, 5)])
@pytest.mark.parametrize("name", TRANSLATED)
def test_activations_agree_also_on_large_inputs(name, shape):
    network = random_network([make_activation(name)], shape)
    for scale in (1, 3, 30, 1e4):
        x = np.random.default_rng(1).standard_normal((CAPACITY, *shape), np.float32) * np.float32(scale)
        x.flat[:3] = 0, 1, -1  # the kinks
        assert np.isfinite(assert_agrees(network, shape, x)).all()


def trained_on_digits(model, *overrides, steps=5):
    options = ["data=digits", f"model={model}", "trainer.batch_size=100", "optimizer=adam", "seed=1"]
    components = build_components(build(compose([*options, *overrides])))
    network, trainer, digits = components.network, components.trainer, components.dataset
    for _, (x, y) in zip(range(steps), components.train, strict=False):
        trainer.loss.forward(network.forward(x, training=True), y)
        network.backward(trainer.loss.backward())
        trainer.optimizer_step(len(x))
    task = SOFTMAX | {"classes": digits.classes, "targets": ()}
    known = predictor(network, digits.shape, stored="uint8", scale=digits.scale, **task)
    return known, digits.x_test.reshape(-1, *digits.shape)


@pytest.mark.parametrize("name", MODELS)
def test_models_agree_on_digits_and_on_noise(name):
    known, x = trained_on_digits(name)
    model = onnx_model(known, {})
    onnx.checker.check_model(model, full_check=True)
    outputs, z = run(model, x), known.outputs(x)
    assert_close(outputs["logits"], z)
    assert_close(outputs["probabilities"], known.probabilities(z))
    assert outputs["class"].dtype == np.int64
    assert (outputs["class"] == z.argmax(axis=1)).all()
    assert verify(model, known) < 1e-5


def standardization():
    return Standardization(np.array([3.0, 1e6, 0.0, 7.0]), np.array([2.0, 1e-3, 1.0, 0.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tables_are_standardized_and_missing_numbers_are_the_mean(dtype):
    network = random_network(MLP([6], "tanh").layers((4,), 2), (4,), dtype)
    target_scale = TargetScale(np.array([1e5, -2.0]), np.array([3e3, 0.01]))
    spec = {"scale": standardization(), "target_scale": target_scale, "targets": ("price", "slope")}
    known = predictor(network, (4,), **spec)
    x = random_examples(known, 200, np.random.default_rng(0))
    assert 0.01 < np.isnan(x).mean() < 0.1
    assert set(x[:, 2][~np.isnan(x[:, 2])]) == {0, 1}
    x[:2] = np.full(4, np.nan), [3, 1e6, 0, 7]
    y = assert_agrees(network, (4,), x, **spec)
    assert_close(y[0], y[1])
    assert verify(onnx_model(known, {}), known) < 1e-5


def test_means_are_subtracted_in_the_networks_precision():
    network = random_network([nn.Dense(3)], (1,), np.float64)
    x = (1.6e9 + 256 * np.arange(50)).astype(np.float32)[:, None]
    assert_agrees(network, (1,), x, scale=Standardization(np.array([1.6e9 + 1.0]), np.array([1e-3])))


def test_labels_have_a_probability_each():
    network = random_network([nn.Dense(5), nn.Tanh(), nn.Dense(3)], (4,))
    known = predictor(network, (4,), scale=standardization(), targets=("a", "b", "c"), **SIGMOID)
    x = random_examples(known, 100, np.random.default_rng(0))
    model = onnx_model(known, {})
    outputs = run(model, x)
    assert list(outputs) == ["logits", "probabilities", "labels"]
    assert_close(outputs["probabilities"], known.probabilities(known.outputs(x)))
    assert (outputs["labels"] == (outputs["probabilities"] > 0.5)).all()
    assert verify(model, known) < 1e-5


@pytest.mark.parametrize("n", [0, 1, 7])
def test_any_number_of_examples_is_accepted(n):
    known, x = trained_on_digits("cnn", steps=1)
    shapes = {name: values.shape for name, values in run(onnx_model(known, {}), x[:n]).items()}
    assert shapes == {"logits": (n, 10), "probabilities": (n, 10), "class": (n,)}


def test_the_model_holds_metadata_and_weights_by_name():
    known, _ = trained_on_digits("mlp", steps=0)
    model = onnx_model(known, {"run_id": "abc", "nnexp_version": "1.2", "description": "digits"})
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(properties["classes"]) == list(known.spec.classes)
    assert (properties["task"], properties["run_id"]) == ("classification", "abc")
    assert (model.producer_name, model.producer_version, model.doc_string) == ("nnexp", "1.2", "digits")
    weights = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}
    assert_close(weights["0.W"], known.network.parameters.values["0.W"])


def test_nested_weights_have_the_names_of_a_runs_files():
    block = nn.Residual([nn.Dense(4), "relu", nn.Dense(3)], [nn.Dense(3, bias=False)])
    network = random_network([block], (5,))
    model = onnx_model(predictor(network, (5,)), {})
    assert {constant.name for constant in model.graph.initializer} == set(network.parameters.values)


class Doubled(Activation):
    def allocate(self, capacity, dtype):
        pass

    def forward(self, x, training=False):
        return x + x

    def backward(self, dy):
        return dy + dy


class Halved(nn.ReLU):
    def forward(self, x, training=False):
        return super().forward(x, training) / 2


def test_a_layer_without_a_translation_is_named_with_the_remedy():
    network = random_network([nn.Dense(3), nn.Residual([Doubled()])], (4,))
    with pytest.raises(TranslationError) as error:
        onnx_model(predictor(network, (4,)), {})
    assert "layer 1.0: " in str(error.value)
    assert "Doubled has no ONNX translation; register one: @translate.register(Doubled)" in str(error.value)


def test_a_plugins_layer_registers_its_translation():
    class Mine(Doubled):
        pass

    translate.register(Mine, lambda layer, graph, x: graph.add("Add", x, x))
    assert_agrees(random_network([nn.Dense(3), Mine()], (4,)), (4,), np.ones((2, 4), np.float32))


@pytest.mark.parametrize("task", [{}, SOFTMAX, SIGMOID])
def test_a_wrong_translation_fails_verification(task):
    known = predictor(random_network([nn.Dense(8), Halved(), nn.Dense(3)], (4,)), (4,), **task)
    with pytest.raises(VerificationError, match=r"(y|logits) differs from the network's by"):
        verify(onnx_model(known, {}), known)


def test_a_wrong_class_alone_fails_verification():
    known, _ = trained_on_digits("mlp")
    model = onnx_model(known, {})
    (largest,) = (node for node in model.graph.node if node.op_type == "ArgMax")
    largest.op_type = "ArgMin"
    with pytest.raises(VerificationError, match="class differs"):
        verify(model, known)


def test_classes_may_differ_where_two_outputs_are_equal(monkeypatch):
    known, _ = trained_on_digits("softmax", steps=0)
    monkeypatch.setattr(Classification, "predicted", lambda task, z: np.full(len(z), 7))
    known.network.theta.fill(0)
    assert verify(onnx_model(known, {}), known) == 0


def test_rounding_that_a_deep_network_magnifies_passes_verification():
    known, _ = trained_on_digits("deep", "model.normalization=batch", "model.depth=50", steps=9)
    model = onnx_model(known, {})
    assert verify(model, known) > 1e-6
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Softplus"
    with pytest.raises(VerificationError):
        verify(model, known)


@pytest.mark.parametrize("activation", OUTPUT_ACTIVATIONS)
def test_every_output_activation_agrees(activation):
    task = {"task": "classification", "output_activation": activation, "classes": ("a", "b", "c")}
    known = predictor(random_network([nn.Dense(3)], (4,)), (4,), **task)
    model = onnx_model(known, {})
    x = np.random.default_rng(0).standard_normal((50, 4), np.float32)
    assert_close(run(model, x)["probabilities"], known.probabilities(known.outputs(x)))
    assert verify(model, known) < 1e-5


def test_random_images_have_the_range_of_the_data_set():
    known, x = trained_on_digits("mlp", steps=0)
    drawn = random_examples(known, 100, np.random.default_rng(0))
    assert (drawn.shape, drawn.dtype) == ((100, 8, 8), x.dtype)
    assert (drawn.min(), drawn.max()) == (x.min(), x.max()) == (0, 16)


def test_onnx_is_imported_when_a_graph_is_made():
    code = "import sys, nnexp.serving.onnx.export, nnexp.serving.onnx.verify; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"onnx", "onnxruntime"} & set(done.stdout.split())
