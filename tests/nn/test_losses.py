import numpy as np

from nnexp.nn.losses.classification import SoftmaxCrossEntropy


def loss(capacity, outputs, dtype=np.float32):
    made = SoftmaxCrossEntropy()
    made.allocate(capacity, outputs, dtype)
    return made


def test_a_certain_mistake_costs_a_finite_loss():
    z = np.array([[1000.0, 0.0], [0.0, -1000.0]], np.float32)
    assert loss(2, 2).forward(z, np.array([1, 1])) == 1000


def test_a_batch_smaller_than_the_buffers_is_a_batch_of_its_own():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((3, 4)), np.array([0, 3, 1])
    small, large = loss(3, 4, np.float64), loss(10, 4, np.float64)
    large.forward(rng.standard_normal((10, 4)), rng.integers(0, 4, 10))
    assert small.forward(z, y) == large.forward(z, y)
    np.testing.assert_array_equal(small.backward(), large.backward())


def test_gradients_of_an_example_add_up_to_nothing():
    criterion = loss(5, 3, np.float64)
    criterion.forward(np.random.default_rng(0).standard_normal((5, 3)), np.array([0, 1, 2, 0, 1]))
    np.testing.assert_allclose(criterion.backward().sum(axis=1), 0, atol=1e-16)
