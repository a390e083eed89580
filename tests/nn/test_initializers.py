"""Moments and bounds against the published rules, told here as tables of (fan, gain)."""

from math import sqrt

import numpy as np
import pytest

from nnexp.nn.initializers import He, LeCun, Xavier

FAN_IN, FAN_OUT = 400, 900
STD = {He: sqrt(2 / FAN_IN), Xavier: sqrt(2 / (FAN_IN + FAN_OUT)), LeCun: sqrt(1 / FAN_IN)}


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("rule", STD)
def test_moments_and_bounds(rule, distribution):
    W = np.empty((FAN_IN, FAN_OUT))
    rule(distribution)(W, fan_in=FAN_IN, fan_out=FAN_OUT, rng=np.random.default_rng(0))
    std = STD[rule]
    assert abs(W.mean()) < 5 * std / sqrt(W.size)
    assert abs(W.std() / std - 1) < 0.005
    if distribution == "uniform":
        assert sqrt(3) * std * 0.999 < np.abs(W).max() <= sqrt(3) * std
    else:
        assert np.abs(W).max() > 4 * std, "a normal that is not truncated"


def test_the_gain_scales():
    small, large = np.empty((50, 50)), np.empty((50, 50))
    for W, gain in ((small, 1.0), (large, 3.0)):
        Xavier(gain=gain)(W, fan_in=50, fan_out=50, rng=np.random.default_rng(0))
    np.testing.assert_allclose(large, 3 * small)
