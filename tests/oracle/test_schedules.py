"""The whole curve of every option of conf/schedule, at its defaults and at others, against PyTorch's scheduler or the paper's formula.

What is tested is read from the folder itself. The trainer asks for the multiplier at step / n, so a curve here has n values.
"""

import numpy as np
import pytest
import yaml

from nnexp.config.compose import CONF
from nnexp.serving.locate import locate

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
lr_scheduler = torch.optim.lr_scheduler

N = 100

ORACLES = {
    "constant": "torch ConstantLR",
    "cosine": "torch CosineAnnealingLR",
    "cosine_restarts": "torch CosineAnnealingWarmRestarts",
    "cyclic": "torch CyclicLR",
    "exponential": "torch ExponentialLR",
    "inverse_sqrt": "Vaswani et al. 2017, eq. 3, by step",
    "linear": "torch LinearLR",
    "multi_step": "torch MultiStepLR",
    "one_cycle": "torch OneCycleLR",
    "plateau": "torch ReduceLROnPlateau",
    "polynomial": "torch PolynomialLR",
    "step": "torch StepLR",
    "warmup_cosine": "torch SequentialLR of LinearLR and CosineAnnealingLR",
    "wsd": "torch SequentialLR of LinearLR, ConstantLR and LinearLR or CosineAnnealingLR; Hägele et al. 2024, by step",
}


def options():
    return sorted(path.stem for path in (CONF / "schedule").glob("*.yaml"))


def values(name, **settings):
    return yaml.safe_load((CONF / "schedule" / f"{name}.yaml").read_text()) | settings


def made(name, **settings):
    given = values(name, **settings)
    return locate(given.pop("_target_"))(**given)


def one_cycle(o, n, v):
    """PyTorch's first phase ends at pct_start total_steps - 1, its second at total_steps - 1, where it reaches the end.

    Our progress is step / n and reaches 1 after the last step: so total_steps is n + 1, of which the first n count, and the
    phases part at the same step when pct_start is (pct_start n + 1) / (n + 1).
    """
    return lr_scheduler.OneCycleLR(
        o,
        max_lr=1.0,
        total_steps=n + 1,
        pct_start=(v["pct_start"] * n + 1) / (n + 1),
        anneal_strategy=v["anneal"],
        cycle_momentum=v["cycle_momentum"],
        base_momentum=v["base_momentum"],
        max_momentum=v["max_momentum"],
        div_factor=v["div_factor"],
        final_div_factor=v["final_div_factor"],
    )


def cyclic(o, n, v):
    return lr_scheduler.CyclicLR(
        o,
        v["base"],
        1.0,
        step_size_up=n / v["cycles"] / 2,
        mode=v["mode"],
        gamma=v["gamma"] ** (1 / n),
        cycle_momentum=False,
    )


def cosine_restarts(o, n, v):
    first = n / sum(v["growth"] ** cycle for cycle in range(v["cycles"]))
    assert first == round(first), "PyTorch counts whole steps"
    return lr_scheduler.CosineAnnealingWarmRestarts(
        o, T_0=round(first), T_mult=round(v["growth"]), eta_min=v["final"]
    )


def wsd(o, n, v):
    """Two schedulers and where they part: a SequentialLR cannot be a part of another."""
    falls = round(v["decay"] * n)
    if v["shape"] == "linear":
        fall = lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=v["final"], total_iters=falls)
    else:
        fall = lr_scheduler.CosineAnnealingLR(o, T_max=falls, eta_min=v["final"])
    return [lr_scheduler.ConstantLR(o, factor=1.0), fall], [n - falls]


def cosine(o, n, v):
    return lr_scheduler.CosineAnnealingLR(o, T_max=n, eta_min=v["final"])


SCHEDULERS = {  # optimizer, steps after the warmup, values -> PyTorch's scheduler
    "constant": lambda o, n, v: lr_scheduler.ConstantLR(o, factor=1.0),
    "cosine": cosine,
    "cosine_restarts": cosine_restarts,
    "cyclic": cyclic,
    "exponential": lambda o, n, v: lr_scheduler.ExponentialLR(o, gamma=v["final"] ** (1 / n)),
    "linear": lambda o, n, v: lr_scheduler.LinearLR(
        o, start_factor=1.0, end_factor=v["final"], total_iters=n
    ),
    "multi_step": lambda o, n, v: lr_scheduler.MultiStepLR(
        o, [round(m * n) for m in v["milestones"]], gamma=v["gamma"]
    ),
    "one_cycle": one_cycle,
    "polynomial": lambda o, n, v: lr_scheduler.PolynomialLR(o, total_iters=n, power=v["power"]),
    "step": lambda o, n, v: lr_scheduler.StepLR(o, step_size=round(v["every"] * n), gamma=v["gamma"]),
    "warmup_cosine": cosine,
    "wsd": wsd,
}


def inverse_sqrt(n, v):
    """min(t^-0.5, t t_w^-1.5), which peaks at t_w steps, over its peak."""
    t, t_w = np.arange(1, n), v["warmup"] * n
    return [0.0, *(np.minimum(t**-0.5, t * t_w**-1.5) * t_w**0.5)]


def one_minus_sqrt(n, v):
    """1 - sqrt((t - (n - falls)) / falls) in the last `falls` steps."""
    warmup, falls = round(v["warmup"] * n), round(v["decay"] * (n - round(v["warmup"] * n)))
    rise = np.linspace(v["start"], 1, warmup, endpoint=False)
    return [*rise, *np.ones(n - warmup - falls), *(1 - np.sqrt(np.arange(falls) / falls))]


FORMULAS = {"inverse_sqrt": inverse_sqrt, "wsd": one_minus_sqrt}

CASES = [
    *((name, N, {}) for name in SCHEDULERS if name not in ("cosine_restarts", "wsd")),
    ("wsd", N, {}),
    ("cosine_restarts", 7 * 20, {}),
    ("inverse_sqrt", N, {"start": 0.0}),
    ("inverse_sqrt", N, {"start": 0.0, "warmup": 0.3}),
    ("cosine", N, {"final": 0.2}),
    ("cosine_restarts", N, {"cycles": 4, "growth": 1.0, "final": 0.1}),
    ("cosine_restarts", 13 * 9, {"cycles": 3, "growth": 3.0}),
    ("cyclic", N, {"cycles": 5, "base": 0.3, "mode": "triangular2"}),
    ("cyclic", N, {"cycles": 2, "base": 0.0, "mode": "exp_range"}),
    ("exponential", N, {"final": 0.5}),
    ("linear", N, {"final": 0.25}),
    ("multi_step", N, {"milestones": [0.29, 0.07, 0.58], "gamma": 0.5}),
    ("one_cycle", N, {"pct_start": 0.45, "anneal": "linear", "div_factor": 10.0, "final_div_factor": 3.0}),
    ("one_cycle", N, {"pct_start": 0.123, "base_momentum": 0.5, "max_momentum": 0.9}),
    ("polynomial", N, {"power": 1.0}),
    ("polynomial", N, {"power": 0.5}),
    ("step", N, {"every": 0.07, "gamma": 0.9}),
    ("warmup_cosine", N, {"final": 0.1, "warmup": 0.15, "start": 0.2}),
    ("wsd", N, {"shape": "linear", "final": 0.1, "decay": 0.4}),
    ("wsd", N, {"shape": "cosine", "final": 0.1, "warmup": 0.2, "decay": 0.25}),
    *(
        (name, N, {"warmup": 0.2, "start": 0.1})
        for name in ("constant", "exponential", "linear", "multi_step", "polynomial")
    ),
    ("step", N, {"warmup": 0.2, "every": 0.25}),
    ("wsd", N, {"warmup": 0.0, "decay": 0.3}),
    ("wsd", N, {"warmup": 0.0, "decay": 1.0}),
    ("cosine_restarts", 100, {"warmup": 0.3, "cycles": 3}),
]


def expected_curve(name, n, v):
    """Learning rates, and momenta where the scheduler sets them."""
    if name == "inverse_sqrt" or (name == "wsd" and v["shape"] == "1-sqrt"):
        return FORMULAS[name](n, v), None
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    warmup = round(v["warmup"] * n)
    scheduler = SCHEDULERS[name](o, n - warmup, v)
    parts, milestones = scheduler if name == "wsd" else ([scheduler], [])
    if warmup:
        rise = lr_scheduler.LinearLR(o, start_factor=v["start"], total_iters=warmup)
        parts, milestones = [rise, *parts], [warmup, *(warmup + milestone for milestone in milestones)]
    if milestones:
        scheduler = lr_scheduler.SequentialLR(o, parts, milestones)
    rates, momenta = [], []
    for _ in range(n):
        rates.append(o.param_groups[0]["lr"])
        momenta.append(o.param_groups[0]["momentum"])
        o.step()
        scheduler.step()
    return rates, momenta if v.get("cycle_momentum") else None


def test_every_option_has_an_oracle_and_a_case():
    assert sorted(ORACLES) == options() == sorted({*SCHEDULERS, *FORMULAS, "plateau"})
    assert {name for name, _, _ in CASES} | {"plateau"} == set(ORACLES)


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
@pytest.mark.parametrize(("name", "n", "settings"), CASES, ids=str)
def test_the_whole_curve_of_every_schedule(name, n, settings, compare):
    schedule = made(name, **settings)
    rates, momenta = expected_curve(name, n, values(name, **settings))
    compare([schedule(step / n) for step in range(n)], rates)
    if momenta is None:
        assert {schedule.momentum(step / n) for step in range(n)} == {None}
    else:
        compare([schedule.momentum(step / n) for step in range(n)], momenta)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patience": 0, "factor": 0.5},
        {"patience": 1, "cooldown": 3, "factor": 0.7, "threshold": 0.05},
        {"patience": 1, "factor": 0.3, "floor": 0.05},
        {"cooldown": 1, "threshold": 0.0, "factor": 0.9},
    ],
    ids=str,
)
def test_plateau_on_a_sequence_of_losses(settings, seed, compare):
    schedule, v = made("plateau", **settings), values("plateau", **settings)
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        o,
        factor=v["factor"],
        patience=v["patience"],
        threshold=v["threshold"],
        cooldown=v["cooldown"],
        min_lr=v["floor"],
        eps=0,
    )
    rng = np.random.default_rng(seed)
    losses = np.linspace(2, 1, 60) + 0.1 * rng.standard_normal(60)
    losses[[20, 40]] = np.nan, np.inf
    found, expected = [], []
    for loss in losses:
        schedule.observe(float(loss))
        scheduler.step(float(loss))
        found.append(schedule(rng.random()))
        expected.append(o.param_groups[0]["lr"])
    compare(found, expected)
    assert len(set(found)) > 2, "nothing fell, so nothing was tested"
