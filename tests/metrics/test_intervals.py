"""The Wilson interval of a share, against SciPy."""

import pytest
from scipy.stats import binomtest

from nnexp.metrics.intervals import wilson_interval


@pytest.mark.parametrize(("count", "examples"), [(0, 10), (10, 10), (1, 1), (319, 359), (9832, 10000)])
def test_the_interval_is_that_of_scipy(count, examples, compare):
    expected = binomtest(count, examples).proportion_ci(method="wilson")
    compare(wilson_interval(count, examples), [expected.low, expected.high], 1e-7)  # of rounding 1.959964
