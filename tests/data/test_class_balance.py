import numpy as np
import pytest

from nnexp.data.class_balance import describe_imbalance


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([10, 10], None),
        ([10, 14], None),
        ([10, 15], "classes from 10 (a) to 15 (b), 1.5 : 1; data.balanced=true draws them equally often"),
        (
            [3400, 12, 50],
            "classes from 12 (b) to 3,400 (a), 283 : 1; data.balanced=true draws them equally often",
        ),
        ([5, 5, 0], "classes from 0 (c) to 5 (a): a class without examples cannot be learned"),
    ],
)
def test_says_how_unequal_classes_are(counts, message):
    names = tuple("abc"[: len(counts)])
    assert describe_imbalance(np.repeat(np.arange(len(counts)), counts), names) == message
