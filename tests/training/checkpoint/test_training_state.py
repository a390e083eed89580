"""Training that goes on from a captured state computes the same bits as if it was never stopped."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from fixtures.options import options
from omegaconf import DictConfig

from nnexp.config import build, compose
from nnexp.experiment.components import Components, build_components
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.optim.optimizers import SGD
from nnexp.training.best_weights import BestWeights
from nnexp.training.checkpoint.state import ObjectState, Root, State, StateError
from nnexp.training.checkpoint.training_state import TrainingState
from nnexp.training.record import Record

QUICK = ("trainer.epochs=3", "trainer.batch_size=100", "data.limit=350")
DATA = build(compose(["data=digits"])).data.load()
GROUPS = ("optimizer", "averaging", "schedule", "augment", "model")
CHOICES = [
    *(f"{group}={option}" for group in GROUPS for option in options(group)),
    "trainer.accumulate=3",
    "trainer.evaluate_every=2",
    "model.dropout=0.3 model.normalization=batch averaging=ema",
    "data.balanced=true diagnostics.steps=2",
    "schedule=plateau schedule.patience=0 trainer.patience=2 optimizer.lr=0.3 optimizer=sgd",
    "optimizer=momentum schedule=one_cycle",
    "trainer.dtype=float64",
]


class Drifting(SGD):
    """A plug-in optimizer whose state is an array, a number, a list, and what its steps make."""

    lr = 0.1

    def bind(self, parameters):
        super().bind(parameters)
        self.memory = np.zeros_like(self.theta)
        self.norms: list[float] = []
        self.count = 0
        self.first = None
        self.recent: list[np.ndarray] = []
        self.window: deque[np.ndarray] = deque(maxlen=2)
        self.by_number: dict[int, dict[str, object]] = {}

    def step(self, scale=1.0):
        if self.first is None:
            self.first = self.g.copy()
            self.scale = np.float32(0.5)
        self.memory += self.g * self.scale
        self.count += 1
        self.norms.append(float(np.dot(self.g, self.g)))
        self.lr *= 0.99
        self.recent = [*self.recent[-11:], self.g.copy()]
        self.window.append(self.g.copy())
        one = self.by_number.setdefault(7, {"sum": np.zeros_like(self.g), "count": 0})
        one["count"] += 1
        one["sum"] += (self.recent[0] + self.window[0]) / one["count"]
        self.g += 0.01 * one["sum"]
        self.theta -= self.lr * scale * (self.memory + self.first) * (1 + self.count) / (1 + self.norms[-1])


class Weighing(SoftmaxCrossEntropy):
    """A plug-in loss with a running mean, a counter, and arrays of the last batch."""

    def allocate(self, capacity, outputs, dtype):
        super().allocate(capacity, outputs, dtype)
        self.mean = np.ones(outputs, dtype)
        self.last = np.empty((capacity, outputs), dtype)
        self.count = 0

    def forward(self, z, y):
        self.last = z
        self.count += 1
        self.mean = 0.9 * self.mean + 0.1 * np.abs(z).mean(axis=0)
        return super().forward(z, y)

    def backward(self):
        return super().backward() * (1 + 0.01 * self.mean) * (1 + 1 / self.count)


@cache
def config(choice: str) -> DictConfig:
    return compose(["data=digits", *QUICK, *choice.split()])


def make(choice: str) -> Components:
    return build_components(build(config(choice)), DATA)


def run(made: Components, records: list[Record], until: int | None = None) -> Iterator[None]:
    """Train, and pause after every step; records are those without times."""
    made.trainer.pause()
    for event in made.trainer.epochs():
        if event is None:
            yield
            made.trainer.pause()
        else:
            made.best.offer(event[0])
            records.append(replace(event[0], seconds=0, examples_per_second=0))


def finish(made: Components) -> list[Record]:
    records: list[Record] = []
    for _ in run(made, records):
        pass
    return records


def assert_same(one: Components, other: Components) -> None:
    for name, array in TrainingState(one.trainer, one.best).capture().arrays.items():
        np.testing.assert_array_equal(
            array, TrainingState(other.trainer, other.best).capture().arrays[name], name
        )
    if one.diagnostics is not None and other.diagnostics is not None:
        for name, array in one.diagnostics.histograms().items():
            np.testing.assert_array_equal(array, other.diagnostics.histograms()[name], name)


@pytest.mark.parametrize("choice", CHOICES)
def test_training_goes_on_from_any_step_with_the_same_bits(choice: str):
    undisturbed = make(choice)
    expected = finish(undisturbed)
    steps = undisturbed.trainer.steps_taken
    for stop in (1, steps // 2):
        first = make(choice)
        state = TrainingState(first.trainer, first.best)
        records: list[Record] = []
        for _ in run(first, records):
            if first.trainer.steps_taken >= stop:
                captured = state.capture()
                break
        second = make(choice)
        TrainingState(second.trainer, second.best).restore(captured)
        records += finish(second)
        assert records == expected
        assert_same(second, undisturbed)


def test_the_state_of_a_plug_in_is_captured_without_its_help():
    made, other, undisturbed = (make("diagnostics.layers=false") for _ in range(3))
    for one in (made, other, undisturbed):
        optimizer = Drifting()
        optimizer.bind(one.network.parameters)
        one.trainer.optimizer_step.optimizer = optimizer
    expected = finish(undisturbed)
    state = TrainingState(made.trainer, made.best)
    records: list[Record] = []
    for _ in run(made, records):
        if made.trainer.steps_taken == 7:
            break
    TrainingState(other.trainer, other.best).restore(state.capture())
    assert records + finish(other) == expected
    np.testing.assert_array_equal(other.network.theta, undisturbed.network.theta)


def test_the_state_of_a_loss_of_ones_own_is_captured():
    made, other, undisturbed = (make("diagnostics.layers=false") for _ in range(3))
    for one in (made, other, undisturbed):
        one.trainer.loss = Weighing()
        one.trainer.loss.allocate(one.network.capacity, 10, np.float32)
    expected = finish(undisturbed)
    state = TrainingState(made.trainer, made.best)
    records: list[Record] = []
    for _ in run(made, records):
        if made.trainer.steps_taken == 7:  # within an epoch
            break
    TrainingState(other.trainer, other.best).restore(state.capture())
    assert records + finish(other) == expected


def test_going_back_within_a_process_repeats_the_same_bits():
    made = make("optimizer=nadam averaging=swa averaging.start=0.3 augment=elastic model.dropout=0.2")
    state = TrainingState(made.trainer, made.best)
    start = state.capture()
    first = finish(made)
    theta = made.network.theta.copy()
    state.restore(start)
    assert made.trainer.steps_taken == 0
    assert finish(made) == first
    np.testing.assert_array_equal(made.network.theta, theta)


def test_a_state_may_be_captured_while_an_average_is_evaluated():
    made = make("averaging=ema")
    state = TrainingState(made.trainer, made.best)
    for event in made.trainer.epochs():
        if event is not None:
            evaluated = made.network.theta.copy()
            captured = state.capture()
            np.testing.assert_array_equal(made.network.theta, evaluated)
            break
    assert (captured.arrays["network/theta"] != evaluated).any()


def test_a_state_of_another_network_is_refused():
    captured = TrainingState((one := make("model.hidden=[8]")).trainer, one.best).capture()
    other = make("model.hidden=[9]")
    with pytest.raises(StateError, match=r"network/theta: expected float32 of shape \(685,\), got float32"):
        TrainingState(other.trainer, other.best).restore(captured)


def test_a_state_of_another_optimizer_is_refused():
    captured = TrainingState((one := make("optimizer=sgd")).trainer, one.best).capture()
    other = make("optimizer=adam")
    with pytest.raises(StateError, match="optimizer/m: the array is missing"):
        TrainingState(other.trainer, other.best).restore(captured)


def test_a_setting_that_was_changed_since_stays_changed():
    one = make("schedule=cyclic schedule.cycles=2")
    captured = TrainingState(one.trainer, one.best).capture()
    other = make("schedule=cyclic schedule.cycles=3 optimizer.lr=0.001")
    TrainingState(other.trainer, other.best).restore(captured)
    assert other.trainer.optimizer_step.schedule.cycles == 3
    assert other.trainer.optimizer_step.optimizer.lr == 0.001


def test_best_weights_are_those_of_the_captured_record():
    made = make("optimizer=adam")
    state = TrainingState(made.trainer, made.best)
    finish(made)
    captured = state.capture()
    other = make("optimizer=adam")
    TrainingState(other.trainer, other.best).restore(captured)
    assert isinstance(other.best, BestWeights)
    assert other.best.record == made.best.record
    np.testing.assert_array_equal(other.best.theta, made.best.theta)


@pytest.mark.parametrize(
    "name",
    [
        "optimizer/step/__globals__/ADDED",
        "optimizer/__class__/ADDED",
        "optimizer/__dict__/added",
        "optimizer/__dict__",
        "optimizer/module/ADDED",
        "optimizer/step",
        "optimizer/step/x",
        "optimizer/__init__/x",
        "optimizer",
    ],
)
def test_a_state_from_a_stranger_reaches_no_code(name: str):
    optimizer = Drifting()
    optimizer.module = np
    with pytest.raises(StateError, match=name):
        ObjectState({"optimizer": Root(optimizer)}).restore(State({}, {name: 1}))
    assert not hasattr(np, "ADDED")
    assert not hasattr(Drifting, "ADDED")
    assert "ADDED" not in globals()


@pytest.mark.parametrize("value", [None, 3, "text", {}, {"bit_generator": "PCG64", "state": []}])
def test_a_random_stream_that_is_none_is_refused(value: object):
    owner = Holder(np.random.default_rng(0))
    with pytest.raises(StateError, match="owner/value"):
        ObjectState({"owner": Root(owner)}).restore(State({}, {"owner/value": value}))


@pytest.mark.parametrize("value", [{"__record__": {}}, {"__record__": 1}, {"__record__": {"at": "x"}}])
def test_a_record_that_is_none_is_refused(value: object):
    with pytest.raises(StateError, match="owner/value"):
        ObjectState({"owner": Root(Holder(None))}).restore(State({}, {"owner/value": value}))


class Holder:
    """An object with one attribute."""

    def __init__(self, value: object) -> None:
        self.value = value
