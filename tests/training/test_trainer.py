import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.config.compose import CONF
from nnexp.data.batches import Batches
from nnexp.experiment.components import build_components
from nnexp.metrics.running import Accuracy
from nnexp.nn.activations.activation import ACTIVATIONS
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.schedules import Constant
from nnexp.serving.model_loader import PredictorError, fill
from nnexp.training.best_weights import BestWeights, save_weights
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Record, Trainer, evaluate

OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))


def parts(*overrides):
    return build_components(build(compose(["data=digits", *overrides])))


@pytest.mark.parametrize(
    ("optimizer", "activation"),
    [*((name, "relu") for name in OPTIMIZERS), *(("adam", name) for name in sorted(ACTIVATIONS))],
)
def test_a_hundred_steps_allocate_nothing_array_sized(optimizer, activation):
    """The smallest array here that grows with the batch or the network takes 160 KB; NumPy's own scratch is 8192 numbers."""
    batch, inputs, hidden, classes = 4096, 64, 40, 10
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 17, (2 * batch, inputs), np.uint8), rng.integers(0, classes, 2 * batch)
    settings = build(compose([f"optimizer={optimizer}", "data=digits"]))
    train = Batches(x, y, np.arange(2 * batch), batch, 1 / 16, np.float32, rng)
    network = Network(MLP([hidden, hidden], activation).layers((inputs,), classes), (inputs,), batch)
    network.initialize(settings.init, rng)
    settings.loss.allocate(batch, classes, np.float32)
    update = OptimizerStep(
        network,
        settings.optimizer,
        settings.schedule,
        settings.averaging,
        settings.regularization,
        steps_planned=102,
    )
    trainer = Trainer(network, settings.loss, Accuracy(batch), update, train, train, n_epochs=51)
    trainer.train_until_evaluation(iter(train))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(50):
            trainer.train_until_evaluation(iter(train))
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert trainer.steps_taken == 102
    assert peak - before < 64_000 < settings.loss.p.nbytes, f"{peak - before:,} bytes at the most"
    assert after - before < 16_000, f"{after - before:,} bytes stay"


def test_nine_losses_are_what_they_were():
    """A golden sequence: whatever changes the order of numbers anywhere, from the split to the update, shows here."""
    golden = [
        2.4610805638,
        2.1721900445,
        1.9597502203,
        1.6149461265,
        1.4571167490,
        1.2450056820,
        1.2105402581,
        0.9978249650,
        0.8856550811,
    ]
    pinned = [
        "schedule=cosine",
        "optimizer=adam",
        "optimizer.lr=0.01",
        "optimizer.beta2=0.999",
        "data.validation=0.2",
    ]
    made = parts("trainer.dtype=float64", *pinned)
    losses = []
    forward = made.trainer.loss.forward
    made.trainer.loss.forward = lambda z, y: losses.append(forward(z, y)) or losses[-1]
    made.trainer.train_until_evaluation(iter(made.train))
    assert losses == pytest.approx(golden, abs=1e-9)


def test_the_schedule_is_asked_for_progress_from_zero_to_just_below_one(monkeypatch):
    made = parts("trainer.epochs=3", "schedule=constant")
    asked = []
    monkeypatch.setattr(Constant, "curve", lambda self, progress: asked.append(progress) or 1.0)
    for _ in made.trainer.epochs():
        pass
    steps = 3 * len(made.train)
    assert sorted(set(asked)) == [step / steps for step in range(steps)]


def test_records_tell_what_happened():
    made = parts("trainer.epochs=2", "schedule=cosine", "optimizer.lr=0.01")
    (first, _), (second, _) = made.trainer.epochs()
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.lr > second.lr > 0
    assert first.examples_per_second == pytest.approx(made.train.examples / first.seconds)
    assert set(first.metrics()) - set(first.layers) == {
        "train/loss",
        "train/accuracy",
        "val/loss",
        "val/accuracy",
        "lr",
        "grad/norm",
        "time/epoch",
        "examples_per_second",
    }
    seen = evaluate(made.network, made.trainer.loss, made.trainer.score, made.validation)
    assert (seen.loss, seen.score) == (second.val_loss, second.val_score)


def test_equal_outputs_are_no_hits_but_for_the_first_class():
    score = Accuracy(9)
    score.reset()
    score.update(np.zeros((4, 3)), np.array([0, 1, 2, 1]))
    assert score.value == 0.25


def record(epoch, accuracy, loss):
    return Record(epoch, epoch, 0, 0, loss, accuracy, 0, 0, 0, 0)


def test_best_is_the_highest_accuracy_then_the_lowest_loss():
    made = parts()
    best = BestWeights(made.network)
    for epoch, (accuracy, loss, better) in enumerate(
        [(0.5, 1, True), (0.6, 2, True), (0.6, 3, False), (0.6, 1, True), (0.1, 0, False)]
    ):
        made.network.theta.fill(epoch)
        assert best.offer(record(epoch, accuracy, loss)) == better
    best.restore()
    assert set(made.network.theta) == {3}


def test_weights_survive_a_file(tmp_path: Path):
    made, other = parts("seed=1"), parts("seed=2")
    save_weights(made.network, tmp_path / "deep" / "weights.npz")
    with np.load(tmp_path / "deep" / "weights.npz", allow_pickle=False) as saved:
        assert sorted(saved.files) == ["0.W", "0.b", "2.W", "2.b"]
    fill(other.network, tmp_path / "deep" / "weights.npz")
    np.testing.assert_array_equal(other.network.theta, made.network.theta)
    with pytest.raises(PredictorError, match="weights of another network"):
        fill(parts("model=softmax").network, tmp_path / "deep" / "weights.npz")


def test_evaluation_may_go_by_steps_across_epochs():
    made = parts("trainer.epochs=3", "trainer.evaluate_every=7", "trainer.batch_size=100")
    records = [record for record, _ in made.trainer.epochs()]
    steps = 3 * len(made.train)
    assert [record.at for record in records] == [*range(7, steps + 1, 7), *([steps] if steps % 7 else [])]
    assert [record.epoch for record in records] == [-(-record.at // len(made.train)) for record in records]
    assert made.trainer.steps_taken == steps


def test_examples_of_all_records_are_those_of_all_epochs():
    whole, split_up = parts("trainer.epochs=2"), parts("trainer.epochs=2", "trainer.evaluate_every=4")
    (first, _), (second, _) = whole.trainer.epochs()
    records = [record for record, _ in split_up.trainer.epochs()]
    np.testing.assert_array_equal(whole.network.theta, split_up.network.theta)
    assert records[-1].val_loss == second.val_loss
    assert first.train_loss > second.train_loss


def test_the_time_budget_ends_training_in_the_midst_of_an_epoch(monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("nnexp.training.trainer.perf_counter", lambda: next(clock) / 10)
    made = parts("trainer.epochs=50", "trainer.time_budget=1.5", "trainer.batch_size=50")
    records = [record for record, _ in made.trainer.epochs()]
    assert made.trainer.is_out_of_time
    assert len(records) == 1
    assert 0 < made.trainer.steps_taken < len(made.train)


def test_gradients_of_several_batches_make_a_step():
    made = parts("trainer.accumulate=4", "trainer.epochs=2")
    records = [record for record, _ in made.trainer.epochs()]
    assert made.trainer.steps_taken == 2 * -(-len(made.train) // 4) == made.trainer.steps_planned
    assert records[1].train_loss < records[0].train_loss


def test_records_are_made_and_best_weights_kept_while_the_average_is_applied():
    made = parts("averaging=ema", "averaging.decay=0.5", "trainer.epochs=2")
    for record, _ in made.trainer.epochs():
        seen = evaluate(made.network, made.trainer.loss, made.trainer.score, made.validation)
        assert seen.loss == record.val_loss
        made.best.offer(record)
        average = made.network.theta.copy()
    assert (made.network.theta != average).any(), (
        "after the last record these are the weights that were trained"
    )
    made.best.restore()
    assert (
        evaluate(made.network, made.trainer.loss, made.trainer.score, made.validation).loss
        == made.best.record.val_loss
    )


def test_a_plateau_hears_the_validation_loss(monkeypatch):
    made = parts("schedule=plateau", "trainer.epochs=3")
    heard = []
    made.trainer.optimizer_step.schedule.observe = heard.append
    assert [record.val_loss for record, _ in made.trainer.epochs()] == heard


def test_a_cycle_steers_the_momentum_of_optimizers_that_have_one():
    made = parts("schedule=one_cycle", "optimizer=momentum", "trainer.epochs=2")
    seen = {made.trainer.optimizer_step.optimizer.momentum for _ in made.trainer.epochs()}
    assert len(seen) == 2
    list(parts("schedule=one_cycle", "optimizer=sgd", "trainer.epochs=1").trainer.epochs())


def test_running_statistics_belong_to_the_weights_that_are_kept(tmp_path: Path):
    made, other = parts("model.normalization=batch"), parts("model.normalization=batch", "seed=1")
    best = BestWeights(made.network)
    made.trainer.train_until_evaluation(iter(made.train))
    best.offer(made.trainer.record(1)[0])
    kept = made.network.state.copy()
    assert kept.any()
    made.trainer.start_record()
    made.trainer.train_until_evaluation(iter(made.train))
    assert (made.network.state != kept).any()
    best.restore()
    np.testing.assert_array_equal(made.network.state, kept)
    save_weights(made.network, tmp_path / "weights.npz")
    fill(other.network, tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.network.state, kept)


def test_monitor_and_min_delta_say_what_counts_as_better():
    made = parts()
    by_loss, patient = BestWeights(made.network, "loss"), BestWeights(made.network, "score", 0.05)
    for epoch, (accuracy, loss) in enumerate([(0.5, 1.0), (0.9, 1.2), (0.92, 0.9), (0.94, 0.95)]):
        by_loss.offer(record(epoch, accuracy, loss))
        patient.offer(record(epoch, accuracy, loss))
    assert by_loss.record.epoch == 2
    assert patient.record.epoch == 3
    assert (by_loss.evaluations_since_improvement, patient.evaluations_since_improvement) == (1, 2)


@pytest.mark.parametrize("every", [1, 2])
def test_an_evaluation_is_due_after_the_short_step_of_an_epochs_end_too(every):
    made = parts(
        "trainer.accumulate=2",
        f"trainer.evaluate_every={every}",
        "trainer.epochs=2",
        "trainer.batch_size=400",
    )
    assert len(made.train) == 3
    assert [record.at for record, _ in made.trainer.epochs()] == list(range(every, 5, every))


def test_a_schedule_follows_the_time_where_time_ends_the_run(monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("nnexp.training.trainer.perf_counter", lambda: next(clock) / 10)
    made = parts(
        "trainer.epochs=50",
        "trainer.time_budget=2.0",
        "trainer.batch_size=50",
        "schedule=linear",
        "optimizer.lr=0.01",
    )
    ((record, _),) = made.trainer.epochs()
    assert record.lr < 0.001, "it fell to its end, not by the few steps of fifty epochs"


def test_the_mean_loss_of_weighted_classes_does_not_depend_on_the_batches():
    made = parts("loss.class_weights=[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,50.0]", "trainer.dtype=float64")
    rows = np.argsort(made.dataset.y, kind="stable")
    losses = []
    for size in (250, 7):
        batches = Batches(made.dataset.x, made.dataset.y, rows[-250:], size, 1 / 16, np.float64)
        losses.append(evaluate(made.network, made.trainer.loss, made.trainer.score, batches).loss)
    assert losses[0] == pytest.approx(losses[1])


def test_an_average_forgets_the_first_weights_in_a_short_run_too():
    result = parts("averaging=ema", "trainer.epochs=10")
    assert max(record.val_score for record, _ in result.trainer.epochs()) > 0.9
