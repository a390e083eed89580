import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nnexp import compose, run
from nnexp.config import build
from nnexp.data.batches import Batches
from nnexp.experiment.components import build_components
from nnexp.metrics.running import Accuracy
from nnexp.nn.activations.from_output import ReLU, Tanh
from nnexp.nn.initializers import He
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.dropout import Dropout
from nnexp.nn.layers.flatten import Flatten, Unflatten
from nnexp.nn.layers.normalization import BatchNorm1d
from nnexp.nn.layers.pooling import MaxPool2d
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.training.activation_stats import outlets
from nnexp.training.diagnostics import Diagnostics, evenly, length, named_layers
from nnexp.training.histograms import Histograms, spread, thinning
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Record, Trainer

GRADIENTS, OUTPUTS = (
    ("grad_norm", "weight_norm", "update_ratio"),
    ("activation_mean", "activation_std", "dead_units"),
)
OFF = ["diagnostics.layers=false", "diagnostics.histograms=false"]


def parts(*overrides):
    return build_components(build(compose(["data=digits", *overrides])))


def looking(layers, inputs=(6,), examples=40, capacity=16, **options):
    """A network of these layers in float64, with eyes on it, and the examples that its activations are looked at on."""
    network = Network(layers, inputs, capacity, np.float64)
    network.initialize(He(), np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((examples, *inputs))
    validation = Batches(x, np.zeros(examples, np.int64), np.arange(examples), capacity, 1.0, np.float64)
    return network, Diagnostics(network, validation, **options), x


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model.dropout=0.3", "model.normalization=batch"],
        ["averaging=ema", "trainer.accumulate=2", "model.normalization=batch"],
        ["averaging=lookahead", "trainer.evaluate_every=5", "augment=shift"],
        [
            "model=cnn",
            "model.channels=[4,8]",
            "data.limit=300",
            "regularization.l2=0.01",
            "regularization.max_norm=1.0",
        ],
        ["model=residual", "model.width=16", "schedule=plateau", "optimizer=muon"],
        ["model=deep", "init=lsuv", "trainer.dtype=float64"],
    ],
)
def test_a_run_learns_the_same_bits_whether_it_is_looked_at_or_not(overrides):
    common = ["data=digits", "trainer.epochs=3", "tracking=none", *overrides]
    watched, alone = run(compose(common)), run(compose([*common, *OFF]))
    for file in ("final", "best"):
        looked, unseen = (
            (result.folder / "weights" / f"{file}.npz").read_bytes() for result in (watched, alone)
        )
        assert looked == unseen
    for seen, other in zip(watched.history, alone.history, strict=True):
        assert (seen.val_loss, seen.train_loss, seen.grad_norm) == (
            other.val_loss,
            other.train_loss,
            other.grad_norm,
        )
        assert seen.layers
        assert not other.layers


def test_every_layer_with_weights_is_told_under_its_name():
    ((record, _),) = parts(
        "trainer.epochs=1", "model.hidden=[20,10]", "model.normalization=batch"
    ).trainer.epochs()
    names = ["dense1", "dense2", "dense3"]
    wanted = {f"{kind}/{name}" for kind in (*GRADIENTS, *OUTPUTS) for name in names} - {"dead_units/dense3"}
    assert set(record.layers) == wanted
    assert wanted < set(record.metrics())
    assert all(np.isfinite(value) for value in record.layers.values())


def test_layers_are_counted_by_kind_in_the_order_of_the_forward_pass_those_in_blocks_too():
    first, inner, around, second, last = Conv2d(3), Conv2d(4, padding=1), Conv2d(4, 1), Dense(5), Dense(2)
    block = Residual([inner, ReLU()], [around])
    network = Network([Unflatten([1, 6, 6]), first, block, Flatten(), second, ReLU(), last], (36,), 4)
    assert named_layers(network) == {
        "conv1": first,
        "conv2": inner,
        "conv3": around,
        "dense1": second,
        "dense2": last,
    }


def test_activations_of_a_network_with_a_block_are_what_numpy_says():
    inner = [BatchNorm1d(), Dense(8), Tanh(), Dense(8)]
    network, diagnostics, x = looking([Dense(8), Residual(inner), ReLU(), Dropout(0.5), Dense(3)])
    p, s = network.parameters.values, network.parameters.states
    network.state[...] = np.random.default_rng(3).uniform(0.5, 2, len(network.state))
    network.theta[...] += np.random.default_rng(4).normal(0, 0.2, len(network.theta))
    first = x @ p["0.W"] + p["0.b"]
    normal = (first - s["1.0.mean"]) / np.sqrt(s["1.0.var"] + 1e-5) * p["1.0.gamma"] + p["1.0.beta"]
    second = np.tanh(normal @ p["1.1.W"] + p["1.1.b"])
    third = second @ p["1.3.W"] + p["1.3.b"]
    fourth = np.maximum(first + third, 0) @ p["4.W"] + p["4.b"]
    found = diagnostics.measure(1)
    for name, y in {"dense1": first, "dense2": second, "dense3": third, "dense4": fourth}.items():
        assert found[f"activation_mean/{name}"] == pytest.approx(y.mean(), rel=1e-12)
        assert found[f"activation_std/{name}"] == pytest.approx(y.std(), rel=1e-12)
        assert found[f"weight_norm/{name}"] == pytest.approx(
            np.linalg.norm(dict(named_layers(network))[name].W), rel=1e-12
        )
    assert "grad_norm/dense1" not in found, "no step was looked at"


def test_activations_of_a_convolution_are_those_of_the_layers_behind_it_that_may_write_over_it():
    network, diagnostics, x = looking(
        [Unflatten([1, 5, 5]), Conv2d(4, 3), ReLU(), MaxPool2d(), Flatten(), Dense(3)], (25,)
    )
    W, b = network.parameters.values["1.W"], network.parameters.values["1.b"]
    b[...] = 0.1, -1e6, 0.2, 0.3
    images = x.reshape(-1, 5, 5)
    pixels = [
        (images[:, i : i + 3, j : j + 3, None] * W[0]).sum(axis=(1, 2)) + b
        for i in range(3)
        for j in range(3)
    ]
    y = np.maximum(pixels, 0)
    found = diagnostics.measure(1)
    assert found["activation_mean/conv1"] == pytest.approx(y.mean(), rel=1e-12)
    assert found["activation_std/conv1"] == pytest.approx(y.std(), rel=1e-12)
    assert found["dead_units/conv1"] == 0.25


def test_a_unit_that_says_the_same_of_every_example_is_dead():
    network, diagnostics, _ = looking([Dense(8), BatchNorm1d(), ReLU(), Dense(4), Dense(3)])
    assert diagnostics.measure(1)["dead_units/dense1"] == 0
    network.parameters.values["1.beta"][2] = -1e6
    network.parameters.values["3.W"][:, 1:] = 0
    found = diagnostics.measure(2)
    assert found["dead_units/dense1"] == 1 / 8
    assert found["dead_units/dense2"] == 3 / 4, "zero is not the only thing to say always"
    assert "dead_units/dense3" not in found


def test_a_unit_is_alive_if_only_one_example_in_the_last_batch_moves_it():
    network, diagnostics, x = looking([Dense(1), ReLU(), Dense(2)])
    network.parameters.values["0.W"][...] = np.eye(6)[:, :1]
    network.parameters.values["0.b"][...] = -1e6
    assert diagnostics.measure(1)["dead_units/dense1"] == 1
    x[-1, 0] = 2e6
    assert diagnostics.measure(2)["dead_units/dense1"] == 0


def test_a_single_example_tells_nothing_of_dead_units():
    _, diagnostics, _ = looking([Dense(4), ReLU(), Dense(3)], examples=1)
    assert set(diagnostics.measure(1)) == {
        f"{kind}/{name}" for kind in ("weight_norm", *OUTPUTS[:2]) for name in ("dense1", "dense2")
    }


def test_examples_are_spread_evenly_over_the_validation_rows():
    made = parts("diagnostics.examples=10")
    every = made.validation.rows
    np.testing.assert_array_equal(made.diagnostics.rows, [every[i * len(every) // 10] for i in range(10)])
    np.testing.assert_array_equal(parts("diagnostics.examples=1000000").diagnostics.rows, every)


def test_only_an_activation_in_the_same_row_belongs_to_a_layer():
    a, b, c, d, e, relu, tanh, late = Dense(4), Dense(4), Dense(4), Dense(4), Dense(4), ReLU(), Tanh(), ReLU()
    network = Network(
        [
            a,
            Residual([relu, b, BatchNorm1d(), tanh, c]),
            late,
            d,
            Dropout(0.1),
            BatchNorm1d(),
            (last := ReLU()),
            e,
        ],
        (4,),
        2,
    )
    assert outlets(network.stack) == {a: a, b: tanh, c: c, d: last, e: e}


def test_of_more_than_twelve_layers_twelve_are_told_the_first_and_the_last_among_them():
    made = parts("model=deep", "model.depth=30", "trainer.epochs=1")
    ((record, _),) = made.trainer.epochs()
    told = [name.partition("/")[2] for name in record.layers if name.startswith("grad_norm/")]
    assert len(told) == 12
    assert (told[0], told[-1]) == ("dense1", "dense31")
    gaps = np.diff([int(name.removeprefix("dense")) for name in told])
    assert set(gaps) <= {2, 3}
    assert len(record.layers) == 12 * 6 - 1
    assert len(made.diagnostics.histograms()) == 1 + 12 * 4
    assert evenly(list("abc"), 12) == list("abc")
    assert len(set(evenly([str(i) for i in range(13)], 12))) == 12


def test_steps_that_are_looked_at_are_spread_evenly_and_nobody_looks_at_the_others(monkeypatch):
    made = parts("trainer.epochs=2", "trainer.batch_size=50", "diagnostics.steps=4")
    seen = []
    look = made.diagnostics.before_step
    monkeypatch.setattr(
        made.diagnostics, "before_step", lambda: seen.append(made.trainer.steps_taken) or look()
    )
    list(made.trainer.epochs())
    steps = made.trainer.steps_per_epoch
    middles = [int((i + 0.5) * steps / 4) for i in range(4)]
    assert seen == [*middles, *(steps + middle for middle in middles)]


def test_of_fewer_steps_than_asked_for_each_is_looked_at():
    _, diagnostics, _ = looking([Dense(3)], steps=8)
    diagnostics.start(10, 3)
    assert [step for step in range(20) if diagnostics.is_due(step)] == [10, 11, 12]
    diagnostics.start(13, 0)
    assert not diagnostics.due


def test_every_record_tells_of_gradients_where_evaluation_goes_by_steps():
    made = parts("trainer.epochs=3", "trainer.evaluate_every=7", "trainer.batch_size=100")
    records = [record for record, _ in made.trainer.epochs()]
    assert made.trainer.steps_planned % 7, "the last record has fewer steps"
    assert all({"grad_norm/dense1", "update_ratio/dense2"} < set(record.layers) for record in records)
    np.testing.assert_array_equal(made.diagnostics.histograms()["steps"], [record.at for record in records])


def test_where_every_step_is_looked_at_the_layers_gradients_make_the_whole_one():
    made = parts(
        "trainer.epochs=1",
        "trainer.dtype=float64",
        "diagnostics.steps=1000",
        "trainer.evaluate_every=1",
        "trainer.accumulate=2",
    )
    for record, _ in made.trainer.epochs():
        assert np.hypot(
            record.layers["grad_norm/dense1"], record.layers["grad_norm/dense2"]
        ) == pytest.approx(record.grad_norm, rel=1e-12)


@pytest.mark.parametrize("first_look", [0.15, 1.5])
def test_time_that_ends_a_run_in_the_midst_of_an_epoch_leaves_a_step_that_was_looked_at(
    monkeypatch, first_look
):
    clock = iter(range(10_000))
    monkeypatch.setattr("nnexp.training.trainer.perf_counter", lambda: next(clock) / 10)
    made = parts("trainer.epochs=50", f"trainer.time_budget={first_look}", "trainer.batch_size=50")
    ((record, _),) = made.trainer.epochs()
    assert made.trainer.steps_taken < len(made.train)
    assert {"grad_norm/dense1", "update_ratio/dense1"} < set(record.layers)


def test_weights_are_told_as_they_are_evaluated():
    made = parts("averaging=ema", "averaging.decay=0.9", "trainer.epochs=1")
    for record, _ in made.trainer.epochs():
        layer = named_layers(made.network)["dense1"]
        assert record.layers["weight_norm/dense1"] == pytest.approx(np.linalg.norm(layer.W), rel=1e-5)
        kept = made.diagnostics.histograms()["dense1/weights/edges"][0]
        np.testing.assert_allclose(kept[[0, -1]], [layer.W.min(), layer.W.max()], rtol=1e-6)
    assert record.layers["weight_norm/dense1"] != pytest.approx(np.linalg.norm(layer.W), rel=1e-6), (
        "outside it is the live weights"
    )


def test_steps_that_are_looked_at_allocate_nothing_array_sized_either():
    batch, inputs, hidden = 512, 200, 97
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 17, (2 * batch, inputs), np.uint8), rng.integers(0, 10, 2 * batch)
    train = Batches(x, y, np.arange(2 * batch), batch, 1 / 16, np.float32, rng)
    network = Network(MLP([hidden]).layers((inputs,), 10), (inputs,), batch)
    network.initialize(He(), rng)
    loss = SoftmaxCrossEntropy()
    loss.allocate(batch, 10, np.float32)
    diagnostics = Diagnostics(network, train, steps=1000)
    trainer = Trainer(
        network,
        loss,
        Accuracy(batch),
        OptimizerStep(network, Adam(lr=0.001), steps_planned=102, diagnostics=diagnostics),
        train,
        train,
        n_epochs=51,
    )
    trainer.train_until_evaluation(iter(train))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            trainer.start_record()
            trainer.train_until_evaluation(iter(train))
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert diagnostics.watched[0].count == 2
    assert peak - before < 64_000 < diagnostics.watched[0].gradient.nbytes, (
        f"{peak - before:,} bytes at the most"
    )
    assert after - before < 16_000, f"{after - before:,} bytes stay"


def test_numbers_beyond_those_of_floats_raise_nothing():
    made = parts("trainer.epochs=1")
    made.diagnostics.start(0, 1)
    for value in (1e30, np.inf, np.nan, 1e-30, 0.0):
        made.network.theta.fill(value)
        made.network.grad.fill(value)
        made.diagnostics.before_step()
        made.network.theta[::2] = -1e38
        made.diagnostics.after_step()
        made.network.theta.fill(value)
        made.diagnostics.measure(1)
    assert all(np.isfinite(array).all() for array in made.diagnostics.histograms().values())


def test_layers_and_histograms_can_be_switched_off_on_their_own(alone: Path):
    bins, numbers, neither = (parts("trainer.epochs=1", *more) for more in ([OFF[0]], [OFF[1]], OFF))
    for made in (bins, numbers, neither):
        ((made.record, _),) = made.trainer.epochs()
    assert not bins.record.layers
    assert numbers.record.layers
    assert neither.diagnostics is None
    assert numbers.diagnostics.histograms() == {}
    arrays = bins.diagnostics.histograms()
    assert set(arrays) == {"steps"} | {
        f"{name}/{kind}/{part}"
        for name in ("dense1", "dense2")
        for kind in ("weights", "gradients")
        for part in ("counts", "edges")
    }
    np.savez(alone / "layers.npz", allow_pickle=False, **arrays)
    with np.load(alone / "layers.npz", allow_pickle=False) as saved:
        assert saved["dense1/weights/counts"].sum() == 64 * 128
        assert saved["dense1/weights/counts"].shape == (1, 64)
        assert saved["dense1/gradients/edges"].shape == (1, 65)


def test_a_histogram_of_gradients_is_of_their_powers_of_ten_without_zeros():
    network, diagnostics, _ = looking([Dense(5)])
    network.grad[...] = 0
    network.parameters.grads["0.W"][0] = 1e-8, -1e-4, 1.0, 1e-6, 1e-2
    diagnostics.start(0, 1)
    diagnostics.before_step()
    diagnostics.after_step()
    diagnostics.measure(1)
    found = diagnostics.histograms()
    counts, edges = found["dense1/gradients/counts"][0], found["dense1/gradients/edges"][0]
    np.testing.assert_allclose(edges[[0, -1]], [-8, 0], atol=1e-12)
    np.testing.assert_array_equal(np.flatnonzero(counts), [0, 16, 32, 48, 63])
    assert counts.sum() == 5


def test_counts_are_those_of_numpy_and_everything_finite_is_counted():
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    counts, edges = spread(values)
    theirs, wanted = np.histogram(values.astype(np.float64), 64)
    np.testing.assert_array_equal(counts, theirs)
    np.testing.assert_allclose(edges, wanted, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e-30, 1e30, 1e-310])
def test_equal_numbers_are_in_a_bin_of_their_own_in_the_midst(value):
    counts, edges = spread(np.full(7, value))
    (place,) = np.flatnonzero(counts)
    assert counts[place] == 7
    assert edges[place] - 1e-12 <= value <= edges[place + 1]
    assert (np.diff(edges) > 0).all()


def test_what_is_no_number_is_in_no_bin():
    with np.errstate(all="ignore"):
        counts, edges = spread(np.array([np.nan, np.inf, -np.inf, 1, 2, -9e299, 9e299]))
        assert counts.sum() == 4
        assert np.isfinite(edges).all()
        counts, edges = spread(np.array([np.nan, np.inf]))
    assert counts.sum() == 0
    assert len(edges) == 65


def test_a_long_run_keeps_an_even_grid_of_its_records():
    kept = Histograms(most=10)
    for at in range(1, 101):
        if kept.is_wanted():
            kept.add(at, {"a": np.arange(float(at))})
        steps = kept.arrays()["steps"]
        assert len(steps) <= 10
        assert len(set(np.diff(steps))) <= 1
    assert steps[0] == 1
    assert steps[-1] > 100 - kept.stride
    np.testing.assert_array_equal(kept.arrays()["a/counts"].sum(axis=1), steps)


def test_thinning_meets_every_output_of_a_matrix():
    for inputs, outputs in ((784, 128), (1000, 1000), (3000, 10), (20, 20)):
        stride = thinning(inputs * outputs, outputs, 20_000)
        places = np.arange(0, inputs * outputs, stride)
        assert len(places) <= 20_000
        assert len(set(places % outputs)) == outputs
    assert thinning(20_000, 100, 20_000) == 1


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1.0, 1e30])
def test_lengths_survive_squares_that_do_not(scale):
    vector = np.float32(scale) * np.array([3, 4, 0], np.float32)
    with np.errstate(all="ignore"):
        assert length(vector.copy(), np.empty_like(vector)) == pytest.approx(
            float(np.float32(scale)) * 5, rel=1e-6
        )
        assert length(np.zeros(3), np.empty(3)) == length(np.zeros(0), np.empty(0)) == 0
        assert np.isnan(length(np.array([1, np.nan]), np.empty(2)))
        assert length(np.array([1, -np.inf]), np.empty(2)) == np.inf


def test_a_record_tells_predictions_in_the_order_of_the_validation_examples_and_no_metric_of_them():
    made = parts("trainer.epochs=1")
    ((record, predicted),) = made.trainer.epochs()
    assert (predicted == made.validation.labels).mean() == record.val_score
    assert not any(isinstance(value, np.ndarray) for value in record.metrics().values())
    assert Record(1, 1, 0, 0, 0, 0, 0, 0, 0, 0).metrics()["val/loss"] == 0
    assert hash(record)
