"""Every layer, activation and model as ONNX: onnxruntime says in float32 what the network says, to 1e-5."""

import json
import subprocess
import sys
from threading import Lock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnexp.nn
from nnexp.config import build, compose
from nnexp.config.compose import CONF
from nnexp.experiment.components import build_components
from nnexp.nn import (
    ELU,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool2d,
    LayerNorm,
    LeakyReLU,
    Maxout,
    MaxPool2d,
    ReLU,
    Residual,
    Tanh,
    Unflatten,
)
from nnexp.nn.activations.activation import ACTIVATIONS, Activation, make_activation
from nnexp.nn.initializers import He
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Stack
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.nn.output_activations import LINKS
from nnexp.preprocessing.scaling import Standardization, TargetScale
from nnexp.serving.onnx.export import onnx_model
from nnexp.serving.onnx.graph import Graph, TranslationError, translate
from nnexp.serving.onnx.verify import TOLERANCE, compare, random_examples, run
from nnexp.serving.predictor import Predictor

onnx = pytest.importorskip(
    "onnx", reason="needs the packages onnx and onnxruntime: pip install 'nnexp[onnx]'"
)
pytest.importorskip("onnxruntime", reason="needs the package onnxruntime: pip install 'nnexp[onnx]'")

CAPACITY = 50
CASES = {
    "Stack": (lambda: Stack([Dense(4), Tanh(), Stack([Dense(3)])]), (5,)),
    "Dense": (lambda: Dense(4), (7,)),
    "Dense without bias": (lambda: Dense(4, bias=False), (7,)),
    "Conv2d": (lambda: Conv2d(4, 3), (2, 7, 6)),
    "Conv2d with padding": (lambda: Conv2d(5, 5, padding=2), (1, 8, 8)),
    "Conv2d with stride": (lambda: Conv2d(3, 3, stride=2, padding=1, bias=False), (3, 8, 7)),
    "Conv2d of one pixel": (lambda: Conv2d(3, 1), (4, 5, 5)),
    "MaxPool2d": (lambda: MaxPool2d(2), (3, 6, 9)),
    "MaxPool2d that overlaps": (lambda: MaxPool2d(3, 2), (2, 8, 7)),
    "AvgPool2d": (lambda: AvgPool2d(2), (3, 6, 7)),
    "AvgPool2d that overlaps": (lambda: AvgPool2d(3, 1), (2, 5, 6)),
    "GlobalAvgPool2d": (GlobalAvgPool2d, (3, 4, 5)),
    "BatchNorm1d": (lambda: BatchNorm1d(eps=0.01), (5,)),
    "BatchNorm2d": (BatchNorm2d, (3, 4, 5)),
    "LayerNorm": (lambda: LayerNorm(eps=0.1), (7,)),
    "Flatten": (Flatten, (2, 3, 4)),
    "Flatten of a vector": (Flatten, (5,)),
    "Unflatten": (lambda: Unflatten([3, 2, 4]), (24,)),
    "Unflatten of an image": (lambda: Unflatten([4, 6]), (2, 3, 4)),
    "Dropout": (Dropout, (5,)),
    "GaussianNoise": (GaussianNoise, (2, 3, 4)),
    "Maxout": (lambda: Maxout(3), (12,)),
    "Residual": (lambda: Residual([Dense(9), Tanh(), Dense(5)]), (5,)),
    "Residual with a shortcut": (
        lambda: Residual([Conv2d(6, 3, 2, 1), BatchNorm2d(), ReLU()], [Conv2d(6, 1, 2)]),
        (3, 6, 5),
    ),
    "Residual in a residual": (
        lambda: Residual([Residual([Dense(4)], [Dense(4), Tanh()])], [Residual(["relu"]), Dense(4)]),
        (5,),
    ),
    "LeakyReLU of one's own": (lambda: LeakyReLU(0.3), (6,)),
    "ELU of one's own": (lambda: ELU(0.4), (6,)),
}
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))


class Known(Predictor):
    """A network and what is known of its data, from no files."""

    def __init__(self, **known):
        vars(self).update(known, stored=np.dtype(known["stored"]), lock=Lock())


def near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def predictor(network, shape, **known):
    """Of a regression on float32 as they are, unless something else is known."""
    told = {
        "scale": 1.0,
        "stored": "float32",
        "restore": None,
        "task": "regression",
        "link": "identity",
        "classes": (),
        "targets": ("y",),
        "columns": (),
    }
    return Known(**(told | {"network": network, "shape": shape} | known))


def random_network(layers, inputs, dtype=np.float32):
    """Of weights and running statistics off their first values."""
    network = Network(layers, inputs, CAPACITY, dtype)
    rng = np.random.default_rng(0)
    network.initialize(He(), rng)
    network.theta[:] += 0.3 * rng.standard_normal(network.theta.shape)
    network.state[:] = rng.uniform(0.5, 2, network.state.shape)
    return network


def agree(network, shape, x, **known):
    told = predictor(network, shape, **known)
    model = onnx_model(told, {})
    onnx.checker.check_model(model, full_check=True)
    found = run(model, x)
    near(found["y"], told.outputs(x))
    return found


def translated(kind):
    return translate.dispatch(kind) is not translate.dispatch(Layer)


def test_every_translation_of_a_layer_is_tested_here():
    layers = {name: getattr(nnexp.nn, name) for name in nnexp.nn.__all__}
    others = {name for name, kind in layers.items() if translated(kind) and not issubclass(kind, Activation)}
    assert others <= {name.split()[0] for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_layers_agree(name):
    make, shape = CASES[name]
    x = np.random.default_rng(1).standard_normal((CAPACITY + 3, *shape), np.float32)
    agree(random_network([make()], shape), shape[:1] if len(shape) == 1 else shape, x.reshape(len(x), *shape))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_windows_of_every_kind_agree(data):
    kernel, stride, padding = (
        data.draw(st.integers(1, 4)),
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(0, 2)),
    )
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(4, 9), st.integers(4, 9)))
    make = data.draw(
        st.sampled_from(
            [
                lambda: Conv2d(2, kernel, stride, padding),
                lambda: MaxPool2d(kernel, stride),
                lambda: AvgPool2d(kernel, stride),
            ]
        )
    )
    x = np.random.default_rng(1).standard_normal((4, *shape), np.float32)
    agree(random_network([make(), Flatten()], shape), shape, x)


@pytest.mark.parametrize("shape", [(50,), (3, 4, 5)])
@pytest.mark.parametrize("name", [name for name, make in ACTIVATIONS.items() if translated(type(make()))])
def test_activations_agree_also_on_vast_inputs(name, shape):
    network = random_network([make_activation(name)], shape)
    x = np.random.default_rng(1).standard_normal((4, CAPACITY, *shape), np.float32) * np.reshape(
        [1, 3, 30, 1e4], (4, *[1] * (len(shape) + 1))
    )
    x[0].flat[:3] = 0, 1, -1  # the kinks
    for part in x.astype(np.float32):
        found = agree(network, shape, part)
        assert np.isfinite(found["y"]).all()


def trained(name, *overrides, steps=5):
    """A model of the configuration after some steps on handwritten digits, and the digits."""
    asked = ["data=digits", f"model={name}", "trainer.batch_size=100", "optimizer=adam", "seed=1", *overrides]
    parts = build_components(build(compose(asked)))
    for _, (x, y) in zip(range(steps), parts.train, strict=False):
        parts.trainer.loss.forward(parts.network.forward(x, training=True), y)
        parts.network.backward(parts.trainer.loss.backward())
        parts.trainer.optimizer_step(len(x))
    digits = parts.dataset
    known = {
        "scale": digits.scale,
        "stored": "uint8",
        "task": "classification",
        "link": "softmax",
        "classes": digits.classes,
        "targets": (),
    }
    return predictor(parts.network, digits.shape, **known), digits.x_test.reshape(-1, *digits.shape)


@pytest.mark.parametrize("name", MODELS)
def test_models_agree_on_digits_and_on_noise(name):
    told, x = trained(name)
    model = onnx_model(told, {})
    onnx.checker.check_model(model, full_check=True)
    found = run(model, x)
    assert x.dtype == np.uint8
    near(found["logits"], told.outputs(x))
    near(found["probabilities"], told.probabilities(x))
    assert found["class"].dtype == np.int64
    assert (found["class"] == told.outputs(x).argmax(axis=1)).all()
    assert compare(model, told).apart < TOLERANCE


def standardization():
    """Columns of all kinds: with numbers, with vast ones, with 0 or 1, and one that never changes."""
    return Standardization(np.array([3.0, 1e6, 0.0, 7.0]), np.array([2.0, 1e-3, 1.0, 0.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_is_standardised_and_its_missing_numbers_are_the_mean(dtype):
    network = random_network(MLP([6], "tanh").layers((4,), 2), (4,), dtype)
    restore = TargetScale(np.array([1e5, -2.0]), np.array([3e3, 0.01]))
    told = predictor(network, (4,), scale=standardization(), restore=restore, targets=("price", "slope"))
    x = random_examples(told, 200, np.random.default_rng(0))
    assert 0.01 < np.isnan(x).mean() < 0.1
    assert set(x[:, 2][~np.isnan(x[:, 2])]) == {0, 1}
    x[0], x[1] = np.nan, [3, 1e6, 0, 7]
    found = agree(network, (4,), x, scale=standardization(), restore=restore)["y"]
    near(found[0], found[1])
    assert compare(onnx_model(told, {}), told).apart < TOLERANCE


def test_a_network_in_double_precision_subtracts_means_in_it():
    network = random_network([Dense(3)], (1,), np.float64)
    x = (1.6e9 + 256 * np.arange(50)).astype(np.float32)[:, None]
    agree(network, (1,), x, scale=Standardization(np.array([1.6e9 + 1.0]), np.array([1e-3])))


def test_labels_have_a_probability_each():
    network = random_network([Dense(5), Tanh(), Dense(3)], (4,))
    known = {"task": "multilabel", "link": "sigmoid", "targets": ("a", "b", "c"), "scale": standardization()}
    told = predictor(network, (4,), **known)
    x = random_examples(told, 100, np.random.default_rng(0))
    model = onnx_model(told, {})
    found = run(model, x)
    near(found["probabilities"], told.probabilities(x))
    assert list(found) == ["logits", "probabilities", "labels"]
    assert (found["labels"] == (found["probabilities"] > 0.5)).all()
    assert compare(model, told).apart < TOLERANCE


@pytest.mark.parametrize("n", [0, 1, 7])
def test_batches_of_any_size_pass(n):
    told, x = trained("cnn", steps=1)
    found = run(onnx_model(told, {}), x[:n])
    assert {name: values.shape for name, values in found.items()} == {
        "logits": (n, 10),
        "probabilities": (n, 10),
        "class": (n,),
    }


def test_the_model_says_what_it_is():
    told, _ = trained("mlp", steps=0)
    model = onnx_model(told, {"run_id": "abc", "nnexp_version": "1.2", "description": "digits"})
    kept = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(kept["classes"]) == list(told.classes)
    assert (kept["task"], kept["run_id"], kept["nnexp_version"]) == ("classification", "abc", "1.2")
    assert (model.producer_name, model.producer_version, model.doc_string) == ("nnexp", "1.2", "digits")
    weights = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}
    near(weights["0.W"], told.network.parameters.values["0.W"])


def test_inner_weights_are_called_as_in_a_runs_files():
    network = random_network([Residual([Dense(4), "relu", Dense(3)], [Dense(3, bias=False)])], (5,))
    model = onnx_model(predictor(network, (5,)), {})
    assert {constant.name for constant in model.graph.initializer} == set(network.parameters.values)


class Doubled(Activation):
    def allocate(self, capacity, dtype):
        pass

    def forward(self, x, training=False):
        return x + x

    def backward(self, dy):
        return dy + dy


class Halved(ReLU):
    def forward(self, x, training=False):
        return super().forward(x, training) / 2


def test_a_layer_of_ones_own_without_translation_is_named_with_the_remedy():
    network = random_network([Dense(3), Residual([Doubled()])], (4,))
    with pytest.raises(TranslationError) as raised:
        onnx_model(predictor(network, (4,)), {})
    assert "layer 1.0: " in str(raised.value)
    assert (
        "Doubled has no translation into ONNX; register one where it is defined: @translate.register(Doubled)"
        in str(raised.value)
    )


def test_a_layer_of_ones_own_registers_its_translation():
    class Mine(Doubled):
        pass

    @translate.register(Mine)
    def _(layer, graph: Graph, x: str) -> str:
        return graph.add("Add", x, x)

    agree(random_network([Dense(3), Mine()], (4,)), (4,), np.ones((2, 4), np.float32))


@pytest.mark.parametrize(
    "known", [{}, {"task": "classification", "link": "softmax"}, {"task": "multilabel", "link": "sigmoid"}]
)
def test_a_translation_that_does_something_else_is_found_out(known):
    told = predictor(random_network([Dense(8), Halved(), Dense(3)], (4,)), (4,), **known)
    found = compare(onnx_model(told, {}), told)
    assert found.apart > 0.01
    assert not found.same


def test_a_wrong_class_alone_is_found_out():
    told, _ = trained("mlp")
    model = onnx_model(told, {})
    (largest,) = (node for node in model.graph.node if node.op_type == "ArgMax")
    largest.op_type = "ArgMin"
    assert compare(model, told).apart == 1


def test_a_network_that_magnifies_the_last_bit_is_measured_by_its_own_rounding():
    told, _ = trained("deep", "model.normalization=batch", "model.depth=50", steps=9)
    model = onnx_model(told, {})
    found = compare(model, told)
    assert found.apart > TOLERANCE
    assert found.rounding > found.apart / 10
    assert found.same
    changed = next(node for node in model.graph.node if node.op_type == "Relu")
    changed.op_type = "Softplus"
    assert not compare(model, told).same


def test_links_of_every_kind_agree():
    for link in LINKS:
        told = predictor(
            random_network([Dense(3)], (4,)), (4,), task="classification", link=link, classes=("a", "b", "c")
        )
        model = onnx_model(told, {})
        x = np.random.default_rng(0).standard_normal((50, 4), np.float32)
        near(run(model, x)["probabilities"], told.probabilities(x))
        assert compare(model, told).apart < TOLERANCE


def test_random_images_hold_what_may_be_stored():
    told, x = trained("mlp", steps=0)
    drawn = random_examples(told, 100, np.random.default_rng(0))
    assert (drawn.shape, drawn.dtype) == ((100, 8, 8), x.dtype)
    assert (drawn.min(), drawn.max()) == (x.min(), x.max()) == (0, 16)


def test_nothing_heavy_is_imported_before_a_graph_is_made():
    code = "import sys, nnexp.serving.onnx.export, nnexp.serving.onnx.verify; sys.exit({'onnx', 'onnxruntime'} & set(sys.modules) != set())"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
