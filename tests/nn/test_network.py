import numpy as np
import pytest

from nnexp.nn import BatchNorm1d, BatchNorm2d, Conv2d, Dense, Dropout, GaussianNoise, Residual, Unflatten
from nnexp.nn.activations.activation import make_activation
from nnexp.nn.initializers import He
from nnexp.nn.layer import ShapeError
from nnexp.nn.models.convolutional import LeNet5
from nnexp.nn.models.model import MLP
from nnexp.nn.models.sequential import Sequential
from nnexp.nn.network import Network


def test_logits_of_more_examples_than_fit_a_batch_are_those_of_each_alone():
    network = Network(MLP([8, 6]).layers((5,), 3), (5,), 10, np.float64)
    network.initialize(He(), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((23, 5))
    alone = np.concatenate([network.logits(row) for row in x])
    np.testing.assert_allclose(network.logits(x), alone, rtol=1e-12)
    assert list(network.predict(x)) == list(alone.argmax(axis=1))
    assert network.logits(x[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("layers", "inputs", "message"),
    [
        (
            [Unflatten([4, 3, 3]), Dense(2)],
            36,
            "layer 1, Dense: expected vectors, got shape 4 x 3 x 3: put a Flatten",
        ),
        ([Dense(4), Residual([Conv2d(3)])], 36, "layer 1, Residual: layer 0, Conv2d: expected images"),
        ([Residual([Dense(3)])], 4, "make F keep the shape, or give it a shortcut"),
        ([Dense(4), BatchNorm2d()], 4, "use BatchNorm1d"),
    ],
)
def test_a_shape_error_names_the_layer_and_a_fix(layers, inputs, message):
    with pytest.raises(ShapeError, match=message):
        Network(layers, (inputs,), 1)


def test_a_convolutional_model_refuses_vectors():
    with pytest.raises(ShapeError, match="fix: model=mlp"):
        LeNet5().layers((13,), 2)


def test_a_list_of_options_must_have_one_for_each_layer():
    with pytest.raises(ValueError, match="dropout: 2 values for 3 hidden layers"):
        MLP([4, 4, 4], dropout=[0.1, 0.2])


def test_stochastic_layers_draw_from_streams_of_their_own():
    def masks(layers):
        network = Network(layers, (50,), 4, rng=np.random.default_rng(3))
        network.forward(np.ones((4, 50), np.float32), training=True)
        return [layer.noise.view.copy() for layer in layers if isinstance(layer, Dropout)]

    (first, second), (again, _) = masks([Dropout(0.5), Dropout(0.5)]), masks([Dropout(0.5), Dropout(0.9)])
    assert (first != second).any()
    assert (first == again).all(), "what another layer draws changes nothing"


def test_a_stack_may_shape_its_images_itself_and_name_activations_within_blocks():
    block = Residual([Conv2d(2, padding=1), "relu"], [Conv2d(2, 1), "tanh"])
    stack = [Unflatten([4, 4]), Conv2d(2, padding=1), block]
    network = Network(Sequential(stack).layers((16,), 3), (16,), 2)
    assert network.forward(np.ones((2, 16), np.float32)).shape == (2, 3)
    assert list(network.parameters.values)[:3] == ["1.W", "2.0.W", "2.shortcut.0.W"]


def test_a_single_example_leaves_running_statistics_alone():
    network = Network([Dense(4), BatchNorm1d(), Dense(2)], (3,), 8)
    network.initialize(He(), np.random.default_rng(0))
    network.forward(np.random.default_rng(0).random((8, 3), np.float32), training=True)
    before = network.state.copy()
    network.forward(np.ones((1, 3), np.float32), training=True)
    assert (network.state == before).all()


def test_evaluation_adds_no_noise_and_updates_no_statistics():
    layers = [GaussianNoise(1.0), Dense(8), BatchNorm1d(), make_activation("relu"), Dropout(0.5), Dense(2)]
    network = Network(layers, (3,), 4)
    network.initialize(He(), np.random.default_rng(0))
    x = np.random.default_rng(1).random((4, 3), np.float32)
    noisy = [network.forward(x, training=True).copy() for _ in range(2)]
    assert (noisy[0] != noisy[1]).any()
    state = network.state.copy()
    evaluated = [network.forward(x).copy() for _ in range(2)]
    np.testing.assert_array_equal(evaluated[0], evaluated[1])
    np.testing.assert_array_equal(network.logits(x), evaluated[0])
    np.testing.assert_array_equal(network.state, state)


def test_observers_get_outputs_before_they_are_overwritten():
    inner, relu = Dense(4), make_activation("relu")
    network = Network([Residual([inner, relu, Dense(3)]), Dense(2)], (3,), 4, np.float64)
    network.initialize(He(), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((4, 3))
    outputs = {}
    observe = {i: lambda y, i=i: outputs.update({i: y.copy()}) for i in (inner, relu)}
    z = network.forward(x, observe=observe)
    np.testing.assert_array_equal(outputs[inner], x @ inner.W + inner.b)
    np.testing.assert_array_equal(outputs[relu], np.maximum(outputs[inner], 0))
    np.testing.assert_array_equal(network.output_of(network.layers[-1], x), z)
