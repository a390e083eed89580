import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnexp.nn.parameters import Parameters

shapes = st.dictionaries(
    st.text("abc", min_size=1),
    st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    min_size=1,
    max_size=8,
)


@given(shapes)
def test_every_view_lies_in_its_vector_and_none_overlaps(shapes):
    parameters = Parameters(shapes, np.float64)
    for views, vector in ((parameters.values, parameters.theta), (parameters.grads, parameters.grad)):
        for i, name in enumerate(shapes):
            assert views[name].shape == shapes[name]
            assert np.shares_memory(views[name], vector)
            views[name].fill(i + 1)
        counts = np.bincount(vector.astype(int), minlength=len(shapes) + 1)
        assert counts[0] == 0
        assert list(counts[1:]) == [views[name].size for name in shapes]
    assert not np.shares_memory(parameters.theta, parameters.grad)


@given(shapes)
def test_matrices_come_first_and_are_views(shapes):
    parameters = Parameters(shapes, np.float32)
    moments = np.zeros(len(parameters))
    for view in parameters.matrices(moments):
        assert view.ndim == 2
        view.fill(1)
    end = parameters.matrix_slice.stop
    assert (moments[:end] == 1).all()
    assert not moments[end:].any()
    for view, value in zip(parameters.views(parameters.theta), parameters.values.values(), strict=True):
        view.fill(value.ndim >= 2)
    np.testing.assert_array_equal(parameters.theta, moments)
    assert end == sum(view.size for view in parameters.matrices(moments[parameters.matrix_slice]))
