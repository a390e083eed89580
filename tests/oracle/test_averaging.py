"""Every option of conf/averaging, 20 steps at several settings, against PyTorch or optax in float64 to 1e-10.

A new averaging needs a row in AVERAGINGS; an option without one fails.
"""

import numpy as np
import pytest
from fixtures.options import make, options
from fixtures.reference_optimizers import (
    STEPS,
    P,
    bound,
    first_weights,
    gradient,
    import_optax,
    noises,
    torch,
)

from nnexp.optim.optimizers import SGD

AveragedModel = torch.optim.swa_utils.AveragedModel


def ema(decay):
    """The settings, those of AveragedModel, and which steps count."""
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    return {"decay": decay, "warmup": False}, {"multi_avg_fn": average}, range(1, STEPS + 1)


AVERAGINGS = {  # the oracle, and for each test the settings, those of AveragedModel, and which steps count
    "ema": ("torch AveragedModel with get_ema_multi_avg_fn", [ema(0.999), ema(0.5), ema(0.0)]),
    "lookahead": ("optax.lookahead", []),  # below
    "none": ("the weights themselves", [({}, {}, ())]),
    "swa": (
        "torch AveragedModel",
        [
            ({}, {}, range(15, STEPS + 1)),
            ({"start": 0.0}, {}, range(1, STEPS + 1)),
            ({"start": 0.3, "every": 4}, {}, (6, 10, 14, 18)),
        ],
    ),
}
ORACLES = {name: oracle for name, (oracle, _) in AVERAGINGS.items()}
CASES = [(name, *case) for name, (_, cases) in AVERAGINGS.items() for case in cases]


class Model(torch.nn.Module):
    """Weights, and a running statistic beside them."""

    def __init__(self):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.zeros(P, dtype=torch.float64))
        self.register_buffer("running", torch.zeros(6, dtype=torch.float64))


def test_every_averaging_has_a_row():
    assert sorted(AVERAGINGS) == options("averaging")


@pytest.mark.parametrize(
    ("name", "settings", "reference", "counts"),
    CASES,
    ids=[f"{name}-{settings}" for name, settings, *_ in CASES],
)
def test_averages_of_weights_and_of_running_statistics(name, settings, reference, counts, compare):
    averaging, model = make("averaging", name, **settings), Model()
    theta, state = first_weights(), np.zeros(6)
    averaging.bind(theta, state)
    averaged = AveragedModel(model, use_buffers=True, **reference)
    for step, noise in enumerate(noises(), start=1):
        theta -= 0.1 * gradient(theta, noise)
        state += noise[:6]
        with torch.no_grad():
            model.theta.copy_(torch.from_numpy(theta))
            model.running.copy_(torch.from_numpy(state))
        averaging.after_step(step / STEPS)
        if step in counts:
            averaged.update_parameters(model)
        expected = averaged.module if averaged.n_averaged else model
        plain = theta.copy(), state.copy()
        with averaging.applied():
            compare(theta, expected.theta.detach())
            compare(state, expected.running)
        np.testing.assert_array_equal(theta, plain[0])
        np.testing.assert_array_equal(state, plain[1])
    assert averaged.n_averaged == len(counts)


@pytest.mark.parametrize(
    "settings", [{}, {"k": 3, "alpha": 0.8}, {"k": 1, "alpha": 0.25}, {"k": 4, "alpha": 1.0}], ids=str
)
def test_lookahead(settings, compare):
    jax, optax = import_optax()
    lookahead, optimizer = make("averaging", "lookahead", **settings), SGD(lr=0.1)
    theta, grad = bound(optimizer)
    lookahead.bind(theta, np.zeros(0))
    with jax.enable_x64(True):
        twin = optax.lookahead(optax.sgd(0.1), sync_period=lookahead.k, slow_step_size=lookahead.alpha)
        weights = optax.LookaheadParams.init_synced(jax.numpy.asarray(theta.copy()))
        state = twin.init(weights)
        for step, noise in enumerate(noises(), start=1):
            grad[:] = gradient(theta, noise)
            optimizer.step()
            lookahead.after_step(step / STEPS)
            fast_gradient = jax.numpy.asarray(gradient(np.asarray(weights.fast), noise))
            updates, state = twin.update(fast_gradient, state, weights)
            weights = optax.apply_updates(weights, updates)
            with lookahead.applied():
                compare(theta, weights.slow)
            compare(theta, weights.fast)
            compare(lookahead.slow, weights.slow)
