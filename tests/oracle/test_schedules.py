"""The whole curve of every option of conf/schedule against PyTorch's scheduler or the paper's formula.

A new schedule needs a row in SCHEDULES; an option without one fails. The trainer asks for the multiplier at
step / n, so a curve has n values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures.options import make, options, values

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
lr_scheduler = torch.optim.lr_scheduler


def torch_curve(n, v, *schedulers, milestones=()):
    """Learning rates and momenta in n steps of schedulers, functions of an optimizer, after a warmup."""
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    warmup = round(v["warmup"] * n)
    in_order = [scheduler(o) for scheduler in schedulers]
    milestones = [warmup + milestone for milestone in milestones]
    if warmup:
        in_order.insert(0, lr_scheduler.LinearLR(o, start_factor=v["start"], total_iters=warmup))
        milestones.insert(0, warmup)
    scheduler = lr_scheduler.SequentialLR(o, in_order, milestones) if milestones else in_order[0]
    rates, momenta = [], []
    for _ in range(n):
        rates.append(o.param_groups[0]["lr"])
        momenta.append(o.param_groups[0]["momentum"])
        o.step()
        scheduler.step()
    return rates, momenta if v.get("cycle_momentum") else None


def by_torch(make_scheduler):
    """A reference from (optimizer, steps after the warmup, settings) -> PyTorch's scheduler."""

    def curve(n, v):
        steps = n - round(v["warmup"] * n)
        return torch_curve(n, v, lambda o: make_scheduler(o, steps, v))

    return curve


def one_cycle(o, n, v):
    """PyTorch's first phase ends at pct_start total_steps - 1, its second at total_steps - 1.

    Progress here is step / n and reaches 1 after the last step: so total_steps is n + 1, whose first n count,
    and the phases meet at the same step when pct_start is (pct_start n + 1) / (n + 1).
    """
    same = ("cycle_momentum", "base_momentum", "max_momentum", "div_factor", "final_div_factor")
    options = {key: v[key] for key in same} | {"pct_start": (v["pct_start"] * n + 1) / (n + 1)}
    return lr_scheduler.OneCycleLR(o, 1.0, n + 1, anneal_strategy=v["anneal"], **options)


def cyclic(o, n, v):
    half, gamma = n / v["cycles"] / 2, v["gamma"] ** (1 / n)
    return lr_scheduler.CyclicLR(o, v["base"], 1.0, half, mode=v["mode"], gamma=gamma, cycle_momentum=False)


def cosine_restarts(o, n, v):
    first = n / sum(v["growth"] ** cycle for cycle in range(v["cycles"]))
    assert first == round(first), "PyTorch counts whole steps"
    return lr_scheduler.CosineAnnealingWarmRestarts(o, round(first), round(v["growth"]), eta_min=v["final"])


def constant(o, n=0, v=None):
    return lr_scheduler.ConstantLR(o, factor=1.0)


def multi_step(o, n, v):
    return lr_scheduler.MultiStepLR(o, [round(m * n) for m in v["milestones"]], v["gamma"])


def cosine(o, n, v):
    return lr_scheduler.CosineAnnealingLR(o, T_max=n, eta_min=v["final"])


def linear(o, n, v):
    return lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=v["final"], total_iters=n)


def inverse_sqrt(n, v):
    """min(t^-0.5, t t_w^-1.5), which peaks at t_w steps, over its peak; the paper's rise starts at 0."""
    t, t_w = np.arange(n), round(v["warmup"] * n)
    rise = v["start"] + (1 - v["start"]) * t[:t_w] / t_w
    return [*rise, *(t[t_w:] / t_w) ** -0.5], None


def warmup_stable_decay(n, v):
    """With the shape 1-sqrt: 1 - sqrt((t - (n - falls)) / falls) in the last `falls` steps."""
    warmup = round(v["warmup"] * n)
    falls = round(v["decay"] * (n - warmup))
    if v["shape"] == "1-sqrt":
        rise = np.linspace(v["start"], 1, warmup, endpoint=False)
        return [*rise, *np.ones(n - warmup - falls), *(1 - np.sqrt(np.arange(falls) / falls))], None
    shape = {"linear": linear, "cosine": cosine}[v["shape"]]
    return torch_curve(n, v, constant, lambda o: shape(o, falls, v), milestones=[n - warmup - falls])


@dataclass(frozen=True)
class Case:
    oracle: str  # the name of the reference, for the README
    curve: Callable[..., tuple[Any, Any]] | None  # (steps, settings) -> the multipliers, the momenta
    settings: tuple[dict[str, Any], ...] = ()  # to test beside the defaults
    n: int = 100  # steps


WARMUP = {"warmup": 0.2, "start": 0.1}
LONG = {"start": 0.0, "warmup": 0.3}
SCHEDULES = {
    "constant": Case("torch ConstantLR", by_torch(constant), (WARMUP,)),
    "cosine": Case("torch CosineAnnealingLR", by_torch(cosine), ({"final": 0.2},)),
    "cosine_restarts": Case(
        "torch CosineAnnealingWarmRestarts",
        by_torch(cosine_restarts),
        (
            {"cycles": 4, "growth": 1.0, "final": 0.1},
            {"cycles": 3, "growth": 3.0},
            {"warmup": 0.3, "cycles": 3},
        ),
        n=4 * 5 * 7 * 13,
    ),
    "cyclic": Case(
        "torch CyclicLR",
        by_torch(cyclic),
        ({"cycles": 5, "base": 0.3, "mode": "triangular2"}, {"cycles": 2, "base": 0.0, "mode": "exp_range"}),
    ),
    "exponential": Case(
        "torch ExponentialLR",
        by_torch(lambda o, n, v: lr_scheduler.ExponentialLR(o, gamma=v["final"] ** (1 / n))),
        ({"final": 0.5}, WARMUP),
    ),
    "inverse_sqrt": Case("Vaswani et al. 2017, eq. 3, by step", inverse_sqrt, ({"start": 0.0}, LONG)),
    "linear": Case("torch LinearLR", by_torch(linear), ({"final": 0.25}, WARMUP)),
    "multi_step": Case(
        "torch MultiStepLR", by_torch(multi_step), ({"milestones": [0.29, 0.07, 0.58], "gamma": 0.5}, WARMUP)
    ),
    "one_cycle": Case(
        "torch OneCycleLR",
        by_torch(one_cycle),
        (
            {"pct_start": 0.45, "anneal": "linear", "div_factor": 10.0, "final_div_factor": 3.0},
            {"pct_start": 0.123, "base_momentum": 0.5, "max_momentum": 0.9},
        ),
    ),
    "plateau": Case(
        "torch ReduceLROnPlateau",
        None,
        (
            {"patience": 0, "factor": 0.5},
            {"patience": 1, "cooldown": 3, "factor": 0.7, "threshold": 0.05},
            {"patience": 1, "factor": 0.3, "floor": 0.05},
            {"cooldown": 1, "threshold": 0.0, "factor": 0.9},
        ),
    ),
    "polynomial": Case(
        "torch PolynomialLR",
        by_torch(lambda o, n, v: lr_scheduler.PolynomialLR(o, total_iters=n, power=v["power"])),
        ({"power": 1.0}, {"power": 0.5}, WARMUP),
    ),
    "step": Case(
        "torch StepLR",
        by_torch(lambda o, n, v: lr_scheduler.StepLR(o, round(v["every"] * n), v["gamma"])),
        ({"every": 0.07, "gamma": 0.9}, {"warmup": 0.2, "every": 0.25}),
    ),
    "warmup_cosine": Case(
        "torch SequentialLR of LinearLR and CosineAnnealingLR",
        by_torch(cosine),
        ({"final": 0.1, "warmup": 0.15, "start": 0.2},),
    ),
    "wsd": Case(
        "torch SequentialLR of LinearLR, ConstantLR and LinearLR or CosineAnnealingLR; "
        "Hägele et al. 2024, by step",
        warmup_stable_decay,
        (
            {"shape": "linear", "final": 0.1, "decay": 0.4},
            {"shape": "cosine", "final": 0.1, "warmup": 0.2, "decay": 0.25},
            {"warmup": 0.0, "decay": 0.3},
            {"warmup": 0.0, "decay": 1.0},
        ),
    ),
}
ORACLES = {name: case.oracle for name, case in SCHEDULES.items()}
CURVED = {name: case for name, case in SCHEDULES.items() if case.curve}
CURVES = [(name, settings) for name, case in CURVED.items() for settings in ({}, *case.settings)]


def test_every_schedule_has_a_row():
    assert sorted(SCHEDULES) == options("schedule")


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
@pytest.mark.parametrize(("name", "settings"), CURVES, ids=str)
def test_the_whole_curve_of_every_schedule(name, settings, compare):
    case, schedule = SCHEDULES[name], make("schedule", name, **settings)
    rates, momenta = case.curve(case.n, values("schedule", name, **settings))
    progress = [step / case.n for step in range(case.n)]
    compare([schedule(p) for p in progress], rates)
    if momenta is None:
        assert {schedule.momentum(p) for p in progress} == {None}
    else:
        compare([schedule.momentum(p) for p in progress], momenta)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("settings", [{}, *SCHEDULES["plateau"].settings], ids=str)
def test_plateau_on_a_sequence_of_losses(settings, seed, compare):
    schedule, v = make("schedule", "plateau", **settings), values("schedule", "plateau", **settings)
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    same = {key: v[key] for key in ("factor", "patience", "threshold", "cooldown")}
    scheduler = lr_scheduler.ReduceLROnPlateau(o, min_lr=v["floor"], eps=0, **same)
    rng = np.random.default_rng(seed)
    losses = np.linspace(2, 1, 60) + 0.1 * rng.standard_normal(60)
    losses[[20, 40]] = np.nan, np.inf
    multipliers, expected = [], []
    for loss in losses:
        schedule.observe(float(loss))
        scheduler.step(float(loss))
        multipliers.append(schedule(rng.random()))
        expected.append(o.param_groups[0]["lr"])
    compare(multipliers, expected)
    assert len(set(multipliers)) > 2, "no fall was tested"
