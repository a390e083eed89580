import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from fixtures.components import components, train
from fixtures.measured import measured

from nnexp import compose, run
from nnexp.data.batches import Batches
from nnexp.metrics.running import Accuracy
from nnexp.nn.activations.from_output import ReLU
from nnexp.nn.initializers import He
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.flatten import Flatten, Unflatten
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.training.diagnostics.diagnostics import Diagnostics, evenly_spaced
from nnexp.training.diagnostics.layer_diagnostics import named_layers, norm
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Trainer

OF_STEPS = ("grad_norm", "weight_norm", "update_ratio")
OF_ACTIVATIONS = ("activation_mean", "activation_std", "dead_units")
OFF = ["diagnostics.layers=false", "diagnostics.histograms=false"]
CNN = ["model=cnn", "model.channels=[4,8]", "data.limit=300"]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model.dropout=0.3", "model.normalization=batch"],
        ["averaging=ema", "trainer.accumulate=2", "model.normalization=batch"],
        ["averaging=lookahead", "trainer.evaluate_every=5", "augment=shift"],
        [*CNN, "regularization.l2=0.01", "regularization.max_norm=1.0"],
        ["model=residual", "model.width=16", "schedule=plateau", "optimizer=muon"],
        ["model=deep", "init=lsuv", "trainer.dtype=float64"],
    ],
    ids=str,
)
def test_diagnostics_change_no_bit_of_a_run(overrides):
    common = ["data=digits", "trainer.epochs=3", "tracking=none", *overrides]
    with_them, without = run(compose(common)), run(compose([*common, *OFF]))
    for file in ("weights/final.npz", "weights/best.npz"):
        assert (with_them.folder / file).read_bytes() == (without.folder / file).read_bytes()
    for record, other in zip(with_them.history, without.history, strict=True):
        for metric in ("val_loss", "train_loss", "grad_norm"):
            assert getattr(record, metric) == getattr(other, metric)
        assert record.layers
        assert not other.layers


def test_every_layer_with_weights_has_metrics():
    (record,) = train(components("trainer.epochs=1", "model.hidden=[20,10]", "model.normalization=batch"))
    expected = {f"{kind}/dense{i}" for kind in (*OF_STEPS, *OF_ACTIVATIONS) for i in (1, 2, 3)}
    assert set(record.layers) == expected - {"dead_units/dense3"}
    assert set(record.layers) < set(record.metrics())
    assert all(np.isfinite(value) for value in record.layers.values())


def test_layers_are_counted_by_class_in_the_order_of_the_forward_pass():
    first, inner, shortcut, second, last = Conv2d(3), Conv2d(4, padding=1), Conv2d(4, 1), Dense(5), Dense(2)
    block = Residual([inner, ReLU()], [shortcut])
    network = Network([Unflatten([1, 6, 6]), first, block, Flatten(), second, ReLU(), last], (36,), 4)
    expected = {"conv1": first, "conv2": inner, "conv3": shortcut, "dense1": second, "dense2": last}
    assert named_layers(network) == expected


def test_examples_are_spread_evenly_over_the_validation_rows():
    made = components("diagnostics.examples=10")
    rows = made.validation.rows
    np.testing.assert_array_equal(made.diagnostics.rows, [rows[i * len(rows) // 10] for i in range(10)])
    np.testing.assert_array_equal(components("diagnostics.examples=1000000").diagnostics.rows, rows)


def test_of_more_than_twelve_layers_twelve_are_measured_from_the_first_to_the_last():
    made = components("model=deep", "model.depth=30", "trainer.epochs=1")
    (record,) = train(made)
    numbers = [int(name.partition("/dense")[2]) for name in record.layers if name.startswith("grad_norm/")]
    assert len(numbers) == 12
    assert (numbers[0], numbers[-1]) == (1, 31)
    assert set(np.diff(numbers)) <= {2, 3}
    assert len(record.layers) == 12 * 6 - 1
    assert len(made.diagnostics.histograms()) == 1 + 12 * 4
    assert evenly_spaced(list("abc"), 12) == list("abc")
    assert len(set(evenly_spaced([str(i) for i in range(13)], 12))) == 12


def test_only_evenly_spaced_steps_are_measured(monkeypatch):
    made = components("trainer.epochs=2", "trainer.batch_size=50", "diagnostics.steps=4")
    at = []
    monkeypatch.setattr(made.diagnostics, "before_step", lambda: at.append(made.trainer.steps_taken))
    train(made)
    steps = made.trainer.steps_per_epoch
    middles = [int((i + 0.5) * steps / 4) for i in range(4)]
    assert at == [*middles, *(steps + middle for middle in middles)]


def test_of_few_steps_each_is_measured():
    _, diagnostics, _ = measured([Dense(3)], steps=8)
    diagnostics.start(10, 3)
    assert diagnostics.due == {10, 11, 12}
    diagnostics.start(13, 0)
    assert not diagnostics.due


def test_every_record_has_gradient_metrics_where_evaluation_goes_by_steps():
    made = components("trainer.epochs=3", "trainer.evaluate_every=7", "trainer.batch_size=100")
    records = train(made)
    assert made.trainer.steps_planned % 7, "the last record has fewer steps"
    assert all({"grad_norm/dense1", "update_ratio/dense2"} < set(record.layers) for record in records)
    steps = [0, *(record.at for record in records)]
    np.testing.assert_array_equal(made.diagnostics.histograms()["steps"], steps)


def test_gradient_norms_of_all_layers_make_the_norm_of_the_gradient():
    by_steps = ["trainer.evaluate_every=1", "trainer.accumulate=2", "diagnostics.steps=1000"]
    for record in train(components("trainer.epochs=1", "trainer.dtype=float64", *by_steps)):
        norms = [record.layers[f"grad_norm/dense{i}"] for i in (1, 2)]
        assert np.hypot(*norms) == pytest.approx(record.grad_norm, rel=1e-12)


@pytest.mark.parametrize("budget", [0.15, 1.5])
def test_a_step_is_measured_where_the_time_budget_ends_a_run_within_an_epoch(monkeypatch, budget):
    ticks = iter(range(10_000))
    monkeypatch.setattr("nnexp.training.trainer.perf_counter", lambda: next(ticks) / 10)
    made = components("trainer.epochs=50", f"trainer.time_budget={budget}", "trainer.batch_size=50")
    (record,) = train(made)
    assert made.trainer.steps_taken < len(made.train)
    assert {"grad_norm/dense1", "update_ratio/dense1"} < set(record.layers)


def test_weights_are_measured_as_they_are_evaluated():
    made = components("averaging=ema", "averaging.decay=0.9", "trainer.epochs=1")
    W = named_layers(made.network)["dense1"].W
    for record, _ in made.trainer.epochs():
        assert record.layers["weight_norm/dense1"] == pytest.approx(np.linalg.norm(W), rel=1e-5)
        edges = made.diagnostics.histograms()["dense1/weights/edges"][-1]
        np.testing.assert_allclose(edges[[0, -1]], [W.min(), W.max()], rtol=1e-6)
    trained = np.linalg.norm(W)
    assert record.layers["weight_norm/dense1"] != pytest.approx(trained, rel=1e-6)


def test_at_allocate_no_array():
    batch, inputs, hidden = 512, 200, 97
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 17, (2 * batch, inputs), np.uint8), rng.integers(0, 10, 2 * batch)
    batches = Batches(x, y, np.arange(2 * batch), batch, 1 / 16, np.float32, rng)
    network = Network(MLP([hidden]).layers((inputs,), 10), (inputs,), batch)
    network.initialize(He(), rng)
    loss = SoftmaxCrossEntropy()
    loss.allocate(batch, 10, np.float32)
    diagnostics = Diagnostics(network, batches, steps=1000)
    step = OptimizerStep(network, Adam(lr=0.001), steps_planned=102, diagnostics=diagnostics)
    trainer = Trainer(network, loss, Accuracy(batch), step, batches, batches, n_epochs=51)
    trainer.train_until_pause()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            trainer.start_record()
            trainer.train_until_pause()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    layer = diagnostics.layers[0]
    assert layer.count == 2
    assert peak - before < 64_000 < layer.gradient.nbytes, f"{peak - before:,} bytes at the most"
    assert after - before < 16_000, f"{after - before:,} bytes stay"


@pytest.mark.parametrize("value", [1e30, np.inf, np.nan, 1e-30, 0.0])
def test_values_that_overflow_raise_nothing_and_leave_finite_histograms(value):
    made = components("trainer.epochs=1")
    made.diagnostics.start(0, 1)
    made.network.theta.fill(value)
    made.network.grad.fill(value)
    made.diagnostics.before_step()
    made.network.theta[::2] = -1e38
    made.diagnostics.after_step()
    made.network.theta.fill(value)
    made.diagnostics.measure(1)
    assert all(np.isfinite(array).all() for array in made.diagnostics.histograms().values())


def test_metrics_and_histograms_of_layers_can_be_switched_off_one_by_one(alone: Path):
    histograms, metrics, neither = (components("trainer.epochs=1", *off) for off in ([OFF[0]], [OFF[1]], OFF))
    records = [train(made)[0] for made in (histograms, metrics, neither)]
    assert [bool(record.layers) for record in records] == [False, True, False]
    assert metrics.diagnostics.histograms() == {}
    assert neither.diagnostics is None
    np.savez(alone / "layers.npz", allow_pickle=False, **histograms.diagnostics.histograms())
    with np.load(alone / "layers.npz", allow_pickle=False) as saved:
        kinds = [f"{kind}/{array}" for kind in ("weights", "gradients") for array in ("counts", "edges")]
        assert set(saved) == {"steps", *(f"dense{i}/{kind}" for i in (1, 2) for kind in kinds)}
        assert saved["dense1/weights/counts"].sum() == 2 * 64 * 128
        assert saved["dense1/weights/counts"].shape == (2, 64), "of the initialization, and of the epoch"
        assert saved["dense1/gradients/edges"].shape == (2, 65)


def test_gradients_are_counted_by_their_powers_of_ten_without_zeros():
    network, diagnostics, _ = measured([Dense(5)])
    network.grad[...] = 0
    network.parameters.grads["0.W"][0] = 1e-8, -1e-4, 1.0, 1e-6, 1e-2
    diagnostics.start(0, 1)
    diagnostics.before_step()
    diagnostics.after_step()
    diagnostics.measure(1)
    histograms = diagnostics.histograms()
    counts, edges = histograms["dense1/gradients/counts"][0], histograms["dense1/gradients/edges"][0]
    np.testing.assert_allclose(edges[[0, -1]], [-8, 0], atol=1e-12)
    np.testing.assert_array_equal(np.flatnonzero(counts), [0, 16, 32, 48, 63])
    assert counts.sum() == 5


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1.0, 1e30])
def test_norms_do_not_overflow_or_underflow(scale):
    vector = np.float32(scale) * np.array([3, 4, 0], np.float32)
    with np.errstate(all="ignore"):
        assert norm(vector, np.empty_like(vector)) == pytest.approx(float(np.float32(scale)) * 5, rel=1e-6)


def test_norms_of_zeros_nan_and_infinity():
    with np.errstate(all="ignore"):
        assert norm(np.zeros(3), np.empty(3)) == norm(np.zeros(0), np.empty(0)) == 0
        assert np.isnan(norm(np.array([1, np.nan]), np.empty(2)))
        assert norm(np.array([1, -np.inf]), np.empty(2)) == np.inf
