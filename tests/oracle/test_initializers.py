"""Every initializer: bounds and moments against PyTorch's or SciPy's, on large matrices.

A new initializer needs a row in CASES; an option without a row fails.
"""

import numpy as np
import pytest
from fixtures.options import make, options

from nnexp import compose
from nnexp.config import build
from nnexp.nn.initializers import LSUV, Constant, He, Identity, PerLayer
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

FAN_IN, FAN_OUT = 300, 200


def fill(name, rows=FAN_IN, columns=FAN_OUT, activation_gain=1.0, **settings):
    W = np.empty((rows, columns))
    rule = make("init", name, **settings)
    rule(W, fan_in=rows, fan_out=columns, rng=np.random.default_rng(0), gain=activation_gain)
    return W


def reference(function, *arguments, rows=FAN_IN, columns=FAN_OUT, **settings):
    """Fill a matrix of PyTorch; returned as here, (inputs, outputs)."""
    torch.manual_seed(0)
    W = torch.empty(columns, rows, dtype=torch.float64)
    return getattr(torch.nn.init, function)(W, *arguments, **settings).T.numpy()


def scaled(function, modes=("fan_in", "fan_out"), **settings):
    """Make the test of a variance-scaling rule: the same bounds and deviation."""

    def check(name):
        for mode in modes:
            given = {"mode": mode} if mode else {}
            ours, theirs = fill(name, **given), reference(function, **given, **settings)
            assert abs(ours.std() / theirs.std() - 1) < 0.01
            assert abs(ours.mean()) < 5 * ours.std() / np.sqrt(ours.size)
            if "uniform" in function:
                assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1) < 0.001

    return check


def orthogonal(name):
    for rows, columns in ((30, 20), (20, 30), (25, 25)):
        W = fill(name, rows, columns, activation_gain=1.5)
        product = W.T @ W if rows >= columns else W @ W.T
        np.testing.assert_allclose(product, 1.5**2 * np.eye(min(rows, columns)), atol=1e-10)
        theirs = reference("orthogonal_", 1.5, rows=rows, columns=columns)
        assert abs(W.std() / theirs.std() - 1) < 0.05


def sparse(name):
    W, theirs = fill(name), reference("sparse_", 0.5, 0.1)
    assert ((W == 0).sum(axis=1) == (theirs == 0).sum(axis=1)).all()
    assert abs(W[W != 0].std() / theirs[theirs != 0].std() - 1) < 0.02


def truncated(name):
    from scipy.stats import kstest, truncnorm

    W = fill(name)
    assert np.abs(W).max() <= 0.1
    assert abs(W.std() / (0.05 * truncnorm(-2, 2).std()) - 1) < 0.01
    assert kstest(W.ravel() / 0.05, truncnorm(-2, 2).cdf).pvalue > 0.01


def exact(function, *arguments):
    """Make the test of a rule without chance: the same weights."""
    return lambda name: np.testing.assert_array_equal(fill(name), reference(function, *arguments))


def unit_variance(name):
    x = 3 * np.random.default_rng(0).random((256, 20))
    for activation in ("relu", "tanh", "identity"):
        network = Network(MLP([50, 40, 30], activation).layers((20,), 10), (20,), 256, np.float64)
        network.initialize(make("init", name, tolerance=0.01), np.random.default_rng(1), x)
        for layer in network.layers[::2]:
            assert abs(network.output_of(layer, x).var() - 1) < 0.02


def per_layer(name):
    rule = build(compose(["data=digits", f"init={name}", "init.last.gain=3.0"])).init
    network = Network(MLP([200, 200]).layers((200,), 200), (200,), 1, np.float64)
    network.initialize(rule, np.random.default_rng(0))
    deviations = [layer.W.std() * np.sqrt(200) for layer in network.layers[::2]]
    np.testing.assert_allclose(deviations, [np.sqrt(2), np.sqrt(2), 3], rtol=0.02)


CASES = {  # the name of the reference, for the README, and the test against it
    "he_normal": ("torch init.kaiming_normal_", scaled("kaiming_normal_", nonlinearity="relu")),
    "he_uniform": ("torch init.kaiming_uniform_", scaled("kaiming_uniform_", nonlinearity="relu")),
    "lecun_normal": ("torch init.kaiming_normal_", scaled("kaiming_normal_", nonlinearity="linear")),
    "lecun_uniform": ("torch init.kaiming_uniform_", scaled("kaiming_uniform_", nonlinearity="linear")),
    "xavier_normal": ("torch init.xavier_normal_", scaled("xavier_normal_", modes=[""])),
    "xavier_uniform": ("torch init.xavier_uniform_", scaled("xavier_uniform_", modes=[""])),
    "orthogonal": ("W W^T = gain^2 I; torch init.orthogonal_'s deviation", orthogonal),
    "sparse": ("torch init.sparse_", sparse),
    "truncated_normal": ("scipy.stats.truncnorm", truncated),
    "constant": ("torch init.constant_", exact("constant_", 0.01)),
    "zeros": ("torch init.zeros_", exact("zeros_")),
    "identity": ("torch init.eye_", exact("eye_")),
    "lsuv": ("variance 1 of each layer's outputs (algorithm 1)", unit_variance),
    "per_layer": ("the rules it names", per_layer),
}
ORACLES = {name: oracle for name, (oracle, _) in CASES.items()}


def test_every_initializer_has_a_row():
    assert sorted(CASES) == options("init")


@pytest.mark.parametrize("name", CASES)
def test_initializers_agree_with_their_reference(name):
    _, check = CASES[name]
    check(name)


def test_the_gain_may_be_that_of_the_activation():
    ratio = fill("xavier_normal", activation_gain=5 / 3, gain="activation") / fill("xavier_normal")
    np.testing.assert_allclose(ratio, 5 / 3)


def test_the_unit_matrix_of_a_convolution_passes_on_the_pixel_in_the_middle(compare):
    for channels, outputs, kernel in ((1, 1, 3), (3, 5, 5), (4, 2, 1)):
        W = np.empty((channels * kernel**2, outputs))
        Identity()(W, fan_in=len(W), fan_out=outputs * kernel**2, rng=np.random.default_rng(0))
        theirs = torch.nn.init.dirac_(torch.empty(outputs, channels, kernel, kernel))
        compare(W.reshape(channels, kernel, kernel, outputs), theirs.permute(1, 2, 3, 0))


def test_lsuv_scales_only_the_layers_that_it_filled():
    rule = PerLayer(LSUV(), He(), Constant(0.5))
    network = Network(MLP([50, 40]).layers((20,), 10), (20,), 64, np.float64)
    x = np.random.default_rng(1).random((64, 20))
    network.initialize(rule, np.random.default_rng(0), x)
    first, middle, last = network.layers[::2]
    assert abs(network.output_of(first, x).var() - 1) < 0.03
    assert abs(middle.W.std() / np.sqrt(2 / 50) - 1) < 0.05
    assert set(last.W.ravel()) == {0.5}
