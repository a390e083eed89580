"""Every initializer: bounds and moments against PyTorch's or SciPy's, on large matrices."""

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.config.compose import CONF
from nnexp.nn.initializers import LSUV, Constant, He, Identity, PerLayer
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
filler = torch.nn.init

FAN_IN, FAN_OUT = 300, 200
RULES = {
    "he": ("kaiming", {"nonlinearity": "relu"}),
    "xavier": ("xavier", {}),
    "lecun": ("kaiming", {"nonlinearity": "linear"}),
}
SCALED = [f"{rule}_{distribution}" for rule in RULES for distribution in ("normal", "uniform")]
ORACLES = {name: f"torch init.{RULES[name.split('_')[0]][0]}_{name.split('_')[1]}_" for name in SCALED} | {
    "orthogonal": "W W^T = gain^2 I; torch init.orthogonal_'s deviation",
    "sparse": "torch init.sparse_",
    "truncated_normal": "scipy.stats.truncnorm",
    "constant": "torch init.constant_",
    "zeros": "torch init.zeros_",
    "identity": "torch init.eye_",
    "lsuv": "variance 1 of each layer's outputs (algorithm 1)",
    "per_layer": "the rules it names",
}


def filled(name, *overrides, rows=FAN_IN, columns=FAN_OUT, gain=1.0):
    W = np.empty((rows, columns))
    rule = build(compose(["data=digits", f"init={name}", *overrides])).init
    rule(W, fan_in=rows, fan_out=columns, rng=np.random.default_rng(0), gain=gain)
    return W


def test_the_tables_here_leave_nothing_out():
    assert sorted(ORACLES) == sorted(path.stem for path in (CONF / "init").glob("*.yaml"))


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("name", SCALED)
def test_scaled_rules_have_pytorchs_bounds_and_deviations(name, mode):
    rule, distribution = name.split("_")
    function, options = RULES[rule]
    overrides = [] if rule == "xavier" else [f"init.mode={mode}"]
    ours, theirs = filled(name, *overrides), torch.empty(FAN_OUT, FAN_IN, dtype=torch.float64)
    torch.manual_seed(0)
    getattr(filler, f"{function}_{distribution}_")(
        theirs, **options, **({} if rule == "xavier" else {"mode": mode})
    )
    assert abs(ours.std() / theirs.std().item() - 1) < 0.01
    assert abs(ours.mean()) < 5 * ours.std() / np.sqrt(ours.size)
    if distribution == "uniform":
        assert abs(np.abs(ours).max() / theirs.abs().max().item() - 1) < 0.001


def test_the_gain_may_be_that_of_the_activation():
    ratio = filled("xavier_normal", "init.gain=activation", gain=5 / 3) / filled("xavier_normal")
    np.testing.assert_allclose(ratio, 5 / 3)


@pytest.mark.parametrize(("rows", "columns"), [(30, 20), (20, 30), (25, 25)])
def test_orthogonal(rows, columns, compare):
    W = filled("orthogonal", "init.gain=1.5", rows=rows, columns=columns)
    product = W.T @ W if rows >= columns else W @ W.T
    compare(product, 1.5**2 * np.eye(min(rows, columns)))
    theirs = filler.orthogonal_(torch.empty(columns, rows, dtype=torch.float64), gain=1.5)
    assert abs(W.std() / theirs.std().item() - 1) < 0.05


def test_sparse_leaves_as_much_out_as_pytorch():
    W, theirs = filled("sparse"), filler.sparse_(torch.empty(FAN_OUT, FAN_IN, dtype=torch.float64), 0.5, 0.1)
    assert (W == 0).sum(axis=1).tolist() == (theirs == 0).sum(dim=0).tolist()
    assert abs(W[W != 0].std() / theirs[theirs != 0].std().item() - 1) < 0.02


def test_truncated_normal_is_scipys():
    from scipy.stats import kstest, truncnorm

    W = filled("truncated_normal")
    assert np.abs(W).max() <= 0.1
    assert abs(W.std() / (0.05 * truncnorm(-2, 2).std()) - 1) < 0.01
    assert kstest(W.ravel() / 0.05, truncnorm(-2, 2).cdf).pvalue > 0.01


def test_constants_zeros_and_the_unit_matrix(compare):
    compare(filled("constant", "init.value=0.3"), np.full((FAN_IN, FAN_OUT), 0.3))
    compare(filled("zeros"), np.zeros((FAN_IN, FAN_OUT)))
    compare(filled("identity"), filler.eye_(torch.empty(FAN_IN, FAN_OUT)))


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_lsuv_gives_every_layer_outputs_of_variance_one(activation):
    settings = build(compose(["data=digits", "init=lsuv", "init.tolerance=0.01"]))
    network = Network(MLP([50, 40, 30], activation).layers((20,), 10), (20,), 256, np.float64)
    x = 3 * np.random.default_rng(0).random((256, 20))
    network.initialize(settings.init, np.random.default_rng(1), x)
    for layer in network.layers[::2]:
        assert abs(network.output_of(layer, x).var() - 1) < 0.02


def test_each_layer_has_the_rule_that_is_named_for_it():
    rule: PerLayer = build(compose(["data=digits", "init=per_layer", "init.last.gain=3.0"])).init
    network = Network(MLP([200, 200]).layers((200,), 200), (200,), 1, np.float64)
    network.initialize(rule, np.random.default_rng(0))
    found = [layer.W.std() * np.sqrt(200) for layer in network.layers[::2]]
    np.testing.assert_allclose(found, [np.sqrt(2), np.sqrt(2), 3], rtol=0.02)


def test_the_unit_matrix_of_a_convolution_passes_on_the_pixel_in_the_middle(compare):
    for channels, outputs, kernel in ((1, 1, 3), (3, 5, 5), (4, 2, 1)):
        W = np.empty((channels * kernel**2, outputs))
        Identity()(W, fan_in=len(W), fan_out=outputs * kernel**2, rng=np.random.default_rng(0))
        theirs = filler.dirac_(torch.empty(outputs, channels, kernel, kernel))
        compare(W.reshape(channels, kernel, kernel, outputs), theirs.permute(1, 2, 3, 0))


def test_lsuv_scales_only_the_layers_that_it_filled():
    rule = PerLayer(LSUV(), He(), Constant(0.5))
    network = Network(MLP([50, 40]).layers((20,), 10), (20,), 64, np.float64)
    network.initialize(rule, np.random.default_rng(0), np.random.default_rng(1).random((64, 20)))
    first, middle, last = network.layers[::2]
    assert abs(network.output_of(first, np.random.default_rng(1).random((64, 20))).var() - 1) < 0.03
    assert abs(middle.W.std() / np.sqrt(2 / 50) - 1) < 0.05
    assert set(last.W.ravel()) == {0.5}
