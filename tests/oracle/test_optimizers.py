"""Every option of conf/optimizer and conf/averaging, 20 steps at several settings, against PyTorch or optax in float64 to 1e-10.

What is tested is read from the folders themselves, so that a new option without an oracle fails here. The parameters are small
and of every kind: matrices, a kernel, vectors. Their gradients depend on the weights, so that an error would grow.
"""

from itertools import pairwise
from math import prod

import numpy as np
import pytest
import yaml

from nnexp.config.compose import CONF
from nnexp.optim.averaging import EMA, SWA, Lookahead, NoAveraging
from nnexp.optim.cyclic_schedules import OneCycle
from nnexp.optim.optimizers import SGD
from nnexp.serving.locate import locate

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

SHAPES = [(7, 5), (5, 3), (3, 2, 2, 4), (5,), (3,), (4,)]
ENDS = np.cumsum([0, *map(prod, SHAPES)])
P, STEPS = int(ENDS[-1]), 20
RATES = np.linspace(1, 0.3, STEPS)  # a schedule's multipliers

ORACLES = {
    "adadelta": "torch Adadelta",
    "adagrad": "torch Adagrad",
    "adam": "torch AdamW, weight_decay=0 by default",
    "adamax": "torch Adamax",
    "adamw": "torch AdamW",
    "lamb": "optax.lamb",
    "lion": "optax.lion",
    "momentum": "torch SGD",
    "muon": "optax.contrib.muon for matrices, torch AdamW for vectors",
    "nadam": "torch NAdam",
    "nesterov": "torch SGD",
    "radam": "torch RAdam",
    "rmsprop": "torch RMSprop",
    "sgd": "torch SGD",
}
AVERAGING_ORACLES = {
    "ema": "torch AveragedModel with get_ema_multi_avg_fn",
    "lookahead": "optax.lookahead",
    "none": "the weights themselves",
    "swa": "torch AveragedModel",
}
SETTINGS = {  # besides the defaults
    "adadelta": [
        {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1},
        {"eps": 1e-3, "rho": 0.95, "weight_decay": 0.01},
    ],
    "adagrad": [
        {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1},
        {"initial_accumulator": 0.5, "eps": 1e-4, "weight_decay": 0.3},
    ],
    "adam": [
        {"amsgrad": True, "beta2": 0.5, "weight_decay": 0.1},
        {"lr": 0.1, "beta1": 0.5, "beta2": 0.999, "eps": 1e-3},
    ],
    "adamax": [
        {"beta1": 0.5, "beta2": 0.6, "weight_decay": 0.1},
        {"lr": 0.1, "eps": 1e-2, "weight_decay": 0.01},
    ],
    "adamw": [
        {"amsgrad": True, "beta2": 0.5, "weight_decay": 0.3},
        {"lr": 0.1, "beta1": 0.0, "weight_decay": 0.0},
    ],
    "lamb": [
        {"lr": 0.1, "beta1": 0.5, "weight_decay": 0.1},
        {"beta2": 0.999, "eps": 1e-2, "weight_decay": 0.01},
    ],
    "lion": [
        {"lr": 0.01, "beta1": 0.5, "weight_decay": 0.1},
        {"lr": 0.1, "beta2": 0.9, "weight_decay": 0.01},
    ],
    "momentum": [{"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1}, {"momentum": 0.99, "weight_decay": 0.5}],
    "muon": [
        {"lr": 0.1, "nesterov": False, "momentum": 0.8, "weight_decay": 0.1},
        {"iterations": 3, "vector_lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.01},
    ],
    "nadam": [
        {"beta1": 0.5, "momentum_decay": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.01},
    ],
    "nesterov": [{"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1}, {"momentum": 0.99, "weight_decay": 0.5}],
    "radam": [
        {"beta2": 0.5, "weight_decay": 0.1},
        {"lr": 0.1, "beta1": 0.5, "beta2": 0.999, "eps": 1e-3, "weight_decay": 0.01},
    ],
    "rmsprop": [
        {"centered": True, "momentum": 0.9, "weight_decay": 0.1},
        {"lr": 0.1, "alpha": 0.5, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.01},
        {"centered": True, "alpha": 0.9},
    ],
    "sgd": [{"lr": 0.3, "weight_decay": 0.1}, {"lr": 0.01, "weight_decay": 0.5}],
}
TORCH_CLASSES = {
    "adadelta": torch.optim.Adadelta,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.AdamW,
    "adamax": torch.optim.Adamax,
    "adamw": torch.optim.AdamW,
    "momentum": torch.optim.SGD,
    "nadam": torch.optim.NAdam,
    "nesterov": torch.optim.SGD,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
DECOUPLED = {
    "adam": {},
    "adamw": {},
    "nadam": {"decoupled_weight_decay": True},
    "radam": {"decoupled_weight_decay": True},
}


@pytest.fixture(autouse=True)
def float64():
    """PyTorch keeps NAdam's product of momenta in its default dtype, whatever the weights have."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def values(group, name, **settings):
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text()) | settings


def made(group, name, **settings):
    given = values(group, name, **settings)
    return locate(given.pop("_target_"))(**given)


def split(vector):
    return [
        vector[begin:end].reshape(shape) for (begin, end), shape in zip(pairwise(ENDS), SHAPES, strict=True)
    ]


def first_weights():
    theta = np.random.default_rng(0).standard_normal(P)
    theta[ENDS[-2] :] = 0  # as biases begin
    return theta


def noises(n=STEPS):
    rng = np.random.default_rng(1)
    return [rng.standard_normal(P) for _ in range(n)]


def gradient(theta, noise):
    """Of a bowl that is shaken."""
    return 0.3 * theta + noise


def path_of(optimizer, rates=RATES):
    """The weights after each step of one of ours."""
    theta, grad = np.stack([first_weights(), np.zeros(P)])
    optimizer.bind(theta, grad, SHAPES)
    for noise, rate in zip(noises(len(rates)), rates, strict=True):
        grad[:] = gradient(theta, noise)
        optimizer.step(rate)
        yield theta.copy()


class TorchTwin:
    """One of PyTorch's optimizers; decoupled weight decay is done by hand where it offers only L2."""

    def __init__(self, name, theta, shapes=SHAPES, **given):
        ends = np.cumsum([0, *map(prod, shapes)])
        self.parameters = [
            torch.nn.Parameter(torch.from_numpy(theta[begin:end].reshape(shape).copy()))
            for (begin, end), shape in zip(pairwise(ends), shapes, strict=True)
        ]
        self.matrices = [p for p in self.parameters if p.ndim >= 2]
        self.lr, self.weight_decay = given["lr"], given["weight_decay"]
        kinds = {
            key: value
            for key, value in given.items()
            if key not in ("_target_", "weight_decay", "beta1", "beta2")
        }
        if "initial_accumulator" in kinds:
            kinds["initial_accumulator_value"] = kinds.pop("initial_accumulator")
        if "beta1" in given:
            kinds["betas"] = given["beta1"], given["beta2"]
        self.native = name in DECOUPLED
        vectors = [p for p in self.parameters if p.ndim < 2]
        groups = [
            {"params": self.matrices, "weight_decay": self.weight_decay * self.native},
            {"params": vectors, "weight_decay": 0.0},
        ]
        kinds |= DECOUPLED.get(name, {}) | ({"nesterov": True} if name == "nesterov" else {})
        self.optimizer = TORCH_CLASSES[name](
            [group for group in groups if group["params"]], foreach=False, **kinds
        )

    def vector(self):
        return np.concatenate([p.detach().numpy().ravel() for p in self.parameters])

    def step(self, noise, rate):
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * rate
        self.learn(noise)

    def learn(self, noise):
        """A step with the rates that the groups hold."""
        begin = 0
        for p in self.parameters:
            p.grad = torch.from_numpy(
                gradient(p.detach().numpy(), noise[begin : begin + p.numel()].reshape(p.shape))
            )
            begin += p.numel()
        if not self.native:
            with torch.no_grad():
                for p in self.matrices:
                    p.mul_(1 - self.optimizer.param_groups[0]["lr"] * self.weight_decay)
        self.optimizer.step()


def torch_path(name, given):
    twin = TorchTwin(name, first_weights(), **given)
    for noise, rate in zip(noises(), RATES, strict=True):
        twin.step(noise, rate)
        yield twin.vector()


def optax_path(make, theta, noise_of_steps):
    """The weights after each step of `make(optax, rates)`, where rates is RATES as a function of the step."""
    jax = pytest.importorskip("jax", reason="this oracle needs JAX: pip install jax optax")
    optax = pytest.importorskip("optax", reason="this oracle needs optax: pip install optax")
    with jax.enable_x64(True):
        rates = jax.numpy.asarray(RATES)
        optimizer = make(optax, lambda step: rates[step])
        weights = [jax.numpy.asarray(w) for w in theta]
        state, update = optimizer.init(weights), jax.jit(optimizer.update)
        for noise in noise_of_steps:
            gradients = [
                jax.numpy.asarray(gradient(np.asarray(w), dw)) for w, dw in zip(weights, noise, strict=True)
            ]
            updates, state = update(gradients, state, weights)
            weights = optax.apply_updates(weights, updates)
            yield np.concatenate([np.asarray(w).ravel() for w in weights])


def decay_of(given):
    return {"weight_decay": given["weight_decay"], "mask": [len(shape) >= 2 for shape in SHAPES]}


def lion_path(given):
    def make(optax, rates):
        return optax.lion(lambda t: given["lr"] * rates(t), given["beta1"], given["beta2"], **decay_of(given))

    return optax_path(make, split(first_weights()), [split(noise) for noise in noises()])


def lamb_path(given):
    def make(optax, rates):
        return optax.lamb(
            lambda t: given["lr"] * rates(t), given["beta1"], given["beta2"], given["eps"], **decay_of(given)
        )

    return optax_path(make, split(first_weights()), [split(noise) for noise in noises()])


def muon_path(given):
    """optax gives the vectors Adam with Nesterov's momentum, we plain Adam: so each kind has its own oracle."""

    def make(optax, rates):
        return optax.contrib.muon(
            lambda t: given["lr"] * rates(t),
            ns_steps=given["iterations"],
            beta=given["momentum"],
            nesterov=given["nesterov"],
            weight_decay=given["weight_decay"],
            muon_weight_dimension_numbers=[
                optax.contrib.MuonDimensionNumbers(tuple(range(len(shape) - 1)), (len(shape) - 1,))
                for shape in SHAPES[:3]
            ],
        )

    adam = {key: given[key] for key in ("beta1", "beta2", "eps")}
    vectors = TorchTwin(
        "adam", first_weights()[ENDS[3] :], SHAPES[3:], lr=given["vector_lr"], weight_decay=0.0, **adam
    )
    matrices = optax_path(make, split(first_weights())[:3], [split(noise)[:3] for noise in noises()])
    for matrix_weights, noise, rate in zip(matrices, noises(), RATES, strict=True):
        vectors.step(noise[ENDS[3] :], rate)
        yield np.concatenate([matrix_weights, vectors.vector()])


OPTAX_PATHS = {"lion": lion_path, "lamb": lamb_path, "muon": muon_path}
CASES = [(name, settings) for name in ORACLES for settings in [{}, *SETTINGS[name]]]


def test_every_option_has_an_oracle_and_three_settings():
    assert sorted(ORACLES) == options("optimizer") == sorted({**TORCH_CLASSES, **OPTAX_PATHS})
    assert sorted(AVERAGING_ORACLES) == options("averaging")
    assert all(
        len(others) >= 2 and any(other.get("weight_decay") for other in others)
        for others in SETTINGS.values()
    )


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_twenty_steps_of_every_optimizer(name, settings, compare):
    given = values("optimizer", name, **settings)
    theirs = OPTAX_PATHS[name](given) if name in OPTAX_PATHS else torch_path(name, given)
    steps = 0
    for found, expected in zip(path_of(made("optimizer", name, **settings)), theirs, strict=True):
        compare(found, expected)
        steps += 1
    assert steps == STEPS


@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("name", sorted(set(TORCH_CLASSES) - {"sgd", "adagrad", "adadelta"}))
def test_momentum_may_change_between_steps(name, anneal, compare):
    """PyTorch's OneCycleLR drives its twin; see test_schedules.py for how the two curves are laid over each other."""
    schedule, n = OneCycle(anneal=anneal), STEPS
    ours, theirs = made("optimizer", name), TorchTwin(name, first_weights(), **values("optimizer", name))
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        theirs.optimizer,
        theirs.lr,
        n + 1,
        pct_start=(schedule.pct_start * n + 1) / (n + 1),
        anneal_strategy=anneal,
    )
    theta, grad = np.stack([first_weights(), np.zeros(P)])
    ours.bind(theta, grad, SHAPES)
    for step, noise in enumerate(noises(n)):
        grad[:] = gradient(theta, noise)
        ours.momentum = schedule.momentum(step / n)
        ours.step(schedule(step / n))
        theirs.learn(noise)
        cycle.step()
        compare(theta, theirs.vector())


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adadelta", "lion"])
def test_an_optimizer_without_a_momentum_to_cycle_says_so(name):
    assert made("optimizer", name).momentum is None


class Model(torch.nn.Module):
    """Weights, and a running statistic beside them."""

    def __init__(self):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.zeros(P, dtype=torch.float64))
        self.register_buffer("running", torch.zeros(6, dtype=torch.float64))


def ema_of(decay):
    return {"multi_avg_fn": torch.optim.swa_utils.get_ema_multi_avg_fn(decay)}


@pytest.mark.parametrize(
    ("averaging", "averaged", "counts"),
    [
        (EMA(0.999, warmup=False), ema_of(0.999), lambda step: True),
        (EMA(0.5, warmup=False), ema_of(0.5), lambda step: True),
        (EMA(0.0, warmup=False), ema_of(0.0), lambda step: True),
        (made("averaging", "swa"), {}, lambda step: step >= 15),
        (SWA(start=0.0), {}, lambda step: True),
        (SWA(start=0.3, every=4), {}, lambda step: step in (6, 10, 14, 18)),
        (made("averaging", "none"), None, None),
    ],
    ids=["ema", "ema 0.5", "ema 0", "swa", "swa from the start", "swa every 4", "none"],
)
def test_averages_of_weights_and_of_running_statistics(averaging, averaged, counts, compare):
    theta, state, model = first_weights(), np.zeros(6), Model()
    averaging.bind(theta, state)
    theirs = (
        None if averaged is None else torch.optim.swa_utils.AveragedModel(model, use_buffers=True, **averaged)
    )
    for step, noise in enumerate(noises(), start=1):
        theta -= 0.1 * gradient(theta, noise)
        state += noise[:6]
        with torch.no_grad():
            model.theta.copy_(torch.from_numpy(theta))
            model.running.copy_(torch.from_numpy(state))
        averaging.after_step(step / STEPS)
        if theirs is not None and counts(step):
            theirs.update_parameters(model)
        expected = theirs.module if theirs is not None and theirs.n_averaged else model
        plain = theta.copy(), state.copy()
        with averaging.applied():
            compare(theta, expected.theta.detach())
            compare(state, expected.running)
        np.testing.assert_array_equal(theta, plain[0])
        np.testing.assert_array_equal(state, plain[1])
    assert isinstance(averaging, NoAveraging) or theirs.n_averaged > 2


@pytest.mark.parametrize(("k", "alpha"), [(5, 0.5), (3, 0.8), (1, 0.25), (4, 1.0)])
def test_lookahead(k, alpha, compare):
    jax = pytest.importorskip("jax", reason="this oracle needs JAX: pip install jax optax")
    optax = pytest.importorskip("optax", reason="this oracle needs optax: pip install optax")
    assert (k, alpha) != (5, 0.5) or {"k": k, "alpha": alpha}.items() <= values(
        "averaging", "lookahead"
    ).items()
    theta, grad = np.stack([first_weights(), np.zeros(P)])
    optimizer, lookahead = SGD(lr=0.1), Lookahead(k, alpha)
    optimizer.bind(theta, grad)
    lookahead.bind(theta, np.zeros(0))
    with jax.enable_x64(True):
        twin = optax.lookahead(optax.sgd(0.1), sync_period=k, slow_step_size=alpha)
        weights = optax.LookaheadParams.init_synced(jax.numpy.asarray(theta.copy()))
        state = twin.init(weights)
        for step, noise in enumerate(noises(), start=1):
            grad[:] = gradient(theta, noise)
            optimizer.step()
            lookahead.after_step(step / STEPS)
            updates, state = twin.update(
                jax.numpy.asarray(gradient(np.asarray(weights.fast), noise)), state, weights
            )
            weights = optax.apply_updates(weights, updates)
            with lookahead.applied():
                compare(theta, weights.slow)
            compare(theta, weights.fast)
            compare(lookahead.slow, weights.slow)
