"""Probabilities of outputs against PyTorch, in float64 to 1e-10; and which loss speaks of which."""

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.config.compose import CONF
from nnexp.nn.output_activations import LINKS, probabilities

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

THEIRS = {
    "softmax": lambda z: torch.softmax(z, 1),
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z.clamp(0, 1),
}
OF_LOSS = {
    "softmax_cross_entropy": "softmax",
    "focal": "softmax",
    "hinge": "softmax",
    "binary_cross_entropy": "sigmoid",
    "mean_squared_error": "identity",
    "mean_absolute_error": "identity",
    "huber": "identity",
}


@pytest.mark.parametrize("link", LINKS)
def test_links_agree_with_pytorch(link, compare):
    rng = np.random.default_rng(0)
    for scale in (0.1, 1, 30):
        z = scale * rng.standard_normal((9, 5))
        compare(probabilities(z, link), THEIRS[link](torch.tensor(z)))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers_overflow_nothing_and_outputs_stay_as_they_are(link, dtype):
    z = np.array([[1e38, -1e38, 0, 1], [-1000, -1000, 1000, 1000], [0, 0, 0, 0]], dtype)
    before = z.copy()
    p = probabilities(z, link)
    assert p.dtype == dtype
    assert ((p >= 0) & (p <= 1)).all()
    assert (z == before).all()


def test_every_loss_has_its_link():
    assert sorted(OF_LOSS) == sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
    for name, link in OF_LOSS.items():
        assert build(compose(["data=digits", f"loss={name}"])).loss.link == link, name
