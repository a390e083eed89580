"""Probabilities of outputs against PyTorch, in float64 to 1e-10."""

import numpy as np
import pytest

from nnexp.nn.output_activations import LINKS, probabilities

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

REFERENCES = {
    "softmax": lambda z: torch.softmax(z, 1),
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z.clamp(0, 1),
}


@pytest.mark.parametrize("link", LINKS)
def test_probabilities_agree_with_pytorch(link, compare):
    rng = np.random.default_rng(0)
    for scale in (0.1, 1, 30):
        z = scale * rng.standard_normal((9, 5))
        compare(probabilities(z, link), REFERENCES[link](torch.tensor(z)))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_outputs_do_not_overflow_and_are_not_written_over(link, dtype):
    z = np.array([[1e38, -1e38, 0, 1], [-1000, -1000, 1000, 1000], [0, 0, 0, 0]], dtype)
    before = z.copy()
    p = probabilities(z, link)
    assert p.dtype == dtype
    assert ((p >= 0) & (p <= 1)).all()
    assert (z == before).all()
