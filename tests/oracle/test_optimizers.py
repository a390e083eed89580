"""Every option of conf/optimizer, 20 steps at several settings, against PyTorch or optax in float64 to 1e-10.

A new optimizer needs a row in OPTIMIZERS; an option without one fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures import reference_optimizers as ref
from fixtures.options import make, options, values
from fixtures.reference_optimizers import SHAPES, Optax, Torch

from nnexp.optim.cyclic_schedules import OneCycle

optim = ref.torch.optim
ADAMW = Torch(optim.AdamW, decoupled=True)
NADAM, RADAM = (Torch(kind, {"decoupled_weight_decay": True}, True) for kind in (optim.NAdam, optim.RAdam))


def decay(given):
    return {"weight_decay": given["weight_decay"], "mask": [len(shape) >= 2 for shape in SHAPES]}


def optax_muon(optax, lr, given):
    matrix = optax.contrib.MuonDimensionNumbers
    ranks = [len(shape) - 1 for shape in SHAPES[: ref.MATRICES]]
    return optax.contrib.muon(
        lr,
        ns_steps=given["iterations"],
        beta=given["momentum"],
        nesterov=given["nesterov"],
        weight_decay=given["weight_decay"],
        muon_weight_dimension_numbers=[matrix((*range(k),), (k,)) for k in ranks],
    )


def muon(given):
    """Optax gives vectors Adam with Nesterov's momentum, nnexp plain Adam: each kind has its own oracle."""
    start = ref.ENDS[ref.MATRICES]
    adam = {"lr": given["vector_lr"], "weight_decay": 0.0}
    adam |= {key: given[key] for key in ("beta1", "beta2", "eps")}
    vectors = ADAMW.twin(adam, ref.first_weights()[start:], SHAPES[ref.MATRICES :])
    matrices = Optax(optax_muon, ref.MATRICES)(given)
    for matrix_weights, noise, rate in zip(matrices, ref.noises(), ref.RATES, strict=True):
        vectors.step(noise[start:], rate)
        yield np.concatenate([matrix_weights, vectors.vector()])


@dataclass(frozen=True)
class Case:
    oracle: str  # the name of the reference, for the README
    reference: Callable[[dict[str, Any]], Iterator[np.ndarray]]  # settings -> the weights after each step
    settings: list[dict[str, Any]]  # to test beside the defaults


SMALL = {"lr": 0.1, "weight_decay": 0.01}
DECAYED = {"weight_decay": 0.1, "beta1": 0.5, "beta2": 0.6}
AMSGRAD = {"amsgrad": True, "beta2": 0.5, "weight_decay": 0.1}
LARGE = {"lr": 0.1, "beta1": 0.5, "beta2": 0.999, "eps": 1e-3}
VELOCITY = [{"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1}, {"momentum": 0.99, "weight_decay": 0.5}]
OPTIMIZERS = {
    "adadelta": Case(
        "torch Adadelta",
        Torch(optim.Adadelta),
        [{"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}, {"eps": 1e-3, "rho": 0.95, "weight_decay": 0.01}],
    ),
    "adagrad": Case(
        "torch Adagrad",
        Torch(optim.Adagrad),
        [SMALL | {"lr_decay": 0.2}, {"weight_decay": 0.3, "initial_accumulator": 0.5, "eps": 1e-4}],
    ),
    "adam": Case("torch AdamW, weight_decay=0 by default", ADAMW, [AMSGRAD, LARGE]),
    "adamax": Case("torch Adamax", Torch(optim.Adamax), [DECAYED, SMALL | {"eps": 1e-2}]),
    "adamw": Case("torch AdamW", ADAMW, [AMSGRAD, {"lr": 0.1, "beta1": 0.0, "weight_decay": 0.0}]),
    "lamb": Case(
        "optax.lamb",
        Optax(lambda optax, lr, v: optax.lamb(lr, v["beta1"], v["beta2"], v["eps"], **decay(v))),
        [DECAYED | {"lr": 0.1}, SMALL | {"beta2": 0.999, "eps": 1e-2}],
    ),
    "lion": Case(
        "optax.lion",
        Optax(lambda optax, lr, v: optax.lion(lr, v["beta1"], v["beta2"], **decay(v))),
        [{"lr": 0.01, "beta1": 0.5, "weight_decay": 0.1}, {"lr": 0.1, "beta2": 0.9, "weight_decay": 0.01}],
    ),
    "momentum": Case("torch SGD", Torch(optim.SGD), VELOCITY),
    "muon": Case(
        "optax.contrib.muon for matrices, torch AdamW for vectors",
        muon,
        [
            {"lr": 0.1, "nesterov": False, "momentum": 0.8, "weight_decay": 0.1},
            SMALL | {"iterations": 3, "vector_lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
        ],
    ),
    "nadam": Case("torch NAdam", NADAM, [DECAYED | {"momentum_decay": 0.1}, SMALL | LARGE]),
    "nesterov": Case("torch SGD", Torch(optim.SGD, {"nesterov": True}), VELOCITY),
    "radam": Case("torch RAdam", RADAM, [DECAYED, SMALL | LARGE]),
    "rmsprop": Case(
        "torch RMSprop",
        Torch(optim.RMSprop),
        [
            {"centered": True, "momentum": 0.9, "weight_decay": 0.1},
            SMALL | {"alpha": 0.5, "eps": 1e-3, "momentum": 0.5},
            {"centered": True, "alpha": 0.9},
        ],
    ),
    "sgd": Case("torch SGD", Torch(optim.SGD), [{"lr": 0.3, "weight_decay": 0.1}, SMALL]),
}
ORACLES = {name: case.oracle for name, case in OPTIMIZERS.items()}
CASES = [(name, settings) for name, case in OPTIMIZERS.items() for settings in [{}, *case.settings]]
BY_TORCH = [name for name, case in OPTIMIZERS.items() if isinstance(case.reference, Torch)]
CYCLED = [name for name in BY_TORCH if make("optimizer", name).momentum is not None]


@pytest.fixture(autouse=True)
def float64():
    """PyTorch keeps NAdam's product of momenta in its default dtype, whatever the weights have."""
    ref.torch.set_default_dtype(ref.torch.float64)
    yield
    ref.torch.set_default_dtype(ref.torch.float32)


def test_every_optimizer_has_a_row_with_weight_decay_and_two_more_settings():
    assert sorted(OPTIMIZERS) == options("optimizer")
    for case in OPTIMIZERS.values():
        assert len(case.settings) >= 2
        assert any(settings.get("weight_decay") for settings in case.settings)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_twenty_steps_of_every_optimizer(name, settings, compare):
    optimizer = make("optimizer", name, **settings)
    theta, grad = ref.bound(optimizer)
    expected = OPTIMIZERS[name].reference(values("optimizer", name, **settings))
    for noise, rate, weights in zip(ref.noises(), ref.RATES, expected, strict=True):
        grad[:] = ref.gradient(theta, noise)
        optimizer.step(rate)
        compare(theta, weights)


@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("name", CYCLED)
def test_momentum_may_change_between_steps(name, anneal, compare):
    """PyTorch's OneCycleLR drives its twin; see test_schedules.py for how the two curves are aligned."""
    schedule, n = OneCycle(anneal=anneal), ref.STEPS
    optimizer = make("optimizer", name)
    twin = OPTIMIZERS[name].reference.twin(values("optimizer", name), ref.first_weights())
    start = (schedule.pct_start * n + 1) / (n + 1)
    one_cycle = optim.lr_scheduler.OneCycleLR
    cycle = one_cycle(twin.optimizer, twin.lr, n + 1, pct_start=start, anneal_strategy=anneal)
    theta, grad = ref.bound(optimizer)
    for step, noise in enumerate(ref.noises()):
        grad[:] = ref.gradient(theta, noise)
        optimizer.momentum = schedule.momentum(step / n)
        optimizer.step(schedule(step / n))
        twin.step(noise)
        cycle.step()
        compare(theta, twin.vector())
