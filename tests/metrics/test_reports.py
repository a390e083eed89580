import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from nnexp.metrics.reports import ConfusionReport

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60).map(np.array)


@given(pairs)
def test_agrees_with_scikit_learn(pairs):
    y, predicted = pairs.T
    ours = ConfusionReport.of(y, predicted, "abcd")
    labels = range(4)
    np.testing.assert_array_equal(ours.matrix, confusion_matrix(y, predicted, labels=labels))
    expected = precision_recall_fscore_support(y, predicted, labels=labels, zero_division=np.nan)
    precision, recall, f1, support = expected
    np.testing.assert_allclose(ours.precision, precision)
    np.testing.assert_allclose(ours.recall, recall)
    np.testing.assert_allclose(ours.f1, f1)
    assert [row["support"] for row in ours.to_json()["per_class"]] == list(support)
    assert ours.accuracy == accuracy_score(y, predicted)
