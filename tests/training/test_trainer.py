import tracemalloc

import numpy as np
import pytest
from fixtures.components import components, train
from fixtures.options import options

from nnexp.config import build, compose
from nnexp.data.batches import Batches
from nnexp.metrics.running import Accuracy
from nnexp.nn.activations.activation import ACTIVATIONS
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.schedules import Constant
from nnexp.training.evaluation import evaluate
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Trainer


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on by a tenth of a second whenever it is read."""
    ticks = iter(range(10_000))
    monkeypatch.setattr("nnexp.training.trainer.perf_counter", lambda: next(ticks) / 10)


@pytest.mark.parametrize(
    ("optimizer", "activation"),
    [*((name, "relu") for name in options("optimizer")), *(("adam", name) for name in sorted(ACTIVATIONS))],
)
def test_a_hundred_steps_allocate_no_array(optimizer, activation):
    """Arrays that grow with batch or network take 160 KB or more; NumPy's own scratch is 8192 numbers."""
    batch, inputs, hidden, classes = 4096, 64, 40, 10
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 17, (2 * batch, inputs), np.uint8), rng.integers(0, classes, 2 * batch)
    settings = build(compose([f"optimizer={optimizer}", "data=digits"]))
    batches = Batches(x, y, np.arange(2 * batch), batch, 1 / 16, np.float32, rng)
    network = Network(MLP([hidden, hidden], activation).layers((inputs,), classes), (inputs,), batch)
    network.initialize(settings.init, rng)
    settings.loss.allocate(batch, classes, np.float32)
    step = OptimizerStep(network, settings.optimizer, settings.schedule, steps_planned=102)
    trainer = Trainer(network, settings.loss, Accuracy(batch), step, batches, batches, n_epochs=51)
    trainer.train_until_pause()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(50):
            trainer.train_until_pause()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert trainer.steps_taken == 102
    assert peak - before < 64_000 < settings.loss.p.nbytes, f"{peak - before:,} bytes at the most"
    assert after - before < 16_000, f"{after - before:,} bytes stay"


def test_nine_losses_are_what_they_were():
    """A golden sequence: any change of the order of numbers, from the split to the update, fails here."""
    golden = [2.4610805638, 2.1721900445, 1.9597502203, 1.6149461265, 1.4571167490]
    golden += [1.2450056820, 1.2105402581, 0.9978249650, 0.8856550811]
    pinned = ["schedule=cosine", "optimizer=adam", "optimizer.lr=0.01", "optimizer.beta2=0.999"]
    made = components("trainer.dtype=float64", "data.validation=0.2", *pinned)
    losses = []
    forward = made.trainer.loss.forward
    made.trainer.loss.forward = lambda z, y: losses.append(forward(z, y)) or losses[-1]
    made.trainer.train_until_pause()
    assert losses == pytest.approx(golden, abs=1e-9)


def test_the_progress_of_a_schedule_goes_from_zero_to_just_below_one(monkeypatch):
    made = components("trainer.epochs=3", "schedule=constant")
    seen = set()
    monkeypatch.setattr(Constant, "curve", lambda self, progress: seen.add(progress) or 1.0)
    train(made)
    steps = 3 * len(made.train)
    assert sorted(seen) == [step / steps for step in range(steps)]


def test_records_hold_the_metrics_of_each_epoch():
    made = components("trainer.epochs=2", "schedule=cosine", "optimizer.lr=0.01")
    first, second = train(made)
    assert (first.epoch, second.epoch, made.trainer.unit) == (1, 2, "epoch")
    assert first.lr > second.lr > 0
    assert first.examples_per_second == pytest.approx(made.train.examples / first.seconds)
    of_run = {"lr", "grad/norm", "time/epoch", "examples_per_second"}
    of_splits = {f"{split}/{metric}" for split in ("train", "val") for metric in ("loss", "accuracy")}
    assert set(first.metrics()) - set(first.layers) == of_run | of_splits
    evaluation = evaluate(made.network, made.trainer.loss, made.trainer.score, made.validation)
    assert (evaluation.loss, evaluation.score) == (second.val_loss, second.val_score)


def test_predictions_are_yielded_in_the_order_of_the_validation_examples():
    made = components("trainer.epochs=1")
    ((record, predicted),) = made.trainer.epochs()
    assert (predicted == made.validation.labels).mean() == record.val_score


def test_equal_outputs_predict_the_first_class():
    score = Accuracy(9)
    score.reset()
    score.update(np.zeros((4, 3)), np.array([0, 1, 2, 1]))
    assert score.value == 0.25


def test_evaluation_may_go_by_steps_across_epochs():
    made = components("trainer.epochs=3", "trainer.evaluate_every=7", "trainer.batch_size=100")
    records = train(made)
    steps = 3 * len(made.train)
    assert made.trainer.unit == "step"
    assert [record.at for record in records] == [*range(7, steps + 1, 7), *([steps] if steps % 7 else [])]
    assert [record.epoch for record in records] == [-(-record.at // len(made.train)) for record in records]
    assert made.trainer.steps_taken == steps


def test_the_frequency_of_evaluations_does_not_change_the_training():
    by_epoch = components("trainer.epochs=2")
    by_steps = components("trainer.epochs=2", "trainer.evaluate_every=4")
    first, second = train(by_epoch)
    *_, last = train(by_steps)
    np.testing.assert_array_equal(by_epoch.network.theta, by_steps.network.theta)
    assert last.val_loss == second.val_loss
    assert first.train_loss > second.train_loss


@pytest.mark.parametrize("every", [1, 2])
def test_an_evaluation_is_due_after_the_short_step_at_an_epochs_end_too(every):
    by_steps = ["trainer.accumulate=2", f"trainer.evaluate_every={every}", "trainer.batch_size=400"]
    made = components("trainer.epochs=2", *by_steps)
    assert len(made.train) == 3
    assert [record.at for record in train(made)] == list(range(every, 5, every))


def test_the_time_budget_may_end_training_within_an_epoch(clock):
    made = components("trainer.epochs=50", "trainer.time_budget=1.5", "trainer.batch_size=50")
    assert len(train(made)) == 1
    assert made.trainer.is_out_of_time
    assert 0 < made.trainer.steps_taken < len(made.train)


def test_a_schedule_follows_the_time_budget(clock):
    budget = ["trainer.epochs=50", "trainer.time_budget=2.0", "trainer.batch_size=50"]
    (record,) = train(components(*budget, "schedule=linear", "optimizer.lr=0.01"))
    assert record.lr < 0.001, "after few steps of fifty epochs"


def test_gradients_of_several_batches_make_a_step():
    made = components("trainer.accumulate=4", "trainer.epochs=2")
    records = train(made)
    assert made.trainer.steps_taken == 2 * -(-len(made.train) // 4) == made.trainer.steps_planned
    assert records[1].train_loss < records[0].train_loss


def test_the_average_is_evaluated_while_the_network_holds_it():
    made = components("averaging=ema", "averaging.decay=0.5", "trainer.epochs=2")
    for record, _ in made.trainer.epochs():
        evaluation = evaluate(made.network, made.trainer.loss, made.trainer.score, made.validation)
        assert evaluation.loss == record.val_loss


def test_a_schedule_observes_every_validation_loss():
    made = components("schedule=plateau", "trainer.epochs=3")
    observed = []
    made.trainer.optimizer_step.schedule.observe = observed.append
    assert [record.val_loss for record in train(made)] == observed


def test_one_cycle_sets_the_momentum_of_optimizers_that_have_one():
    made = components("schedule=one_cycle", "optimizer=momentum", "trainer.epochs=2")
    momenta = {made.trainer.optimizer_step.optimizer.momentum for _ in made.trainer.epochs()}
    assert len(momenta) == 2
    train(components("schedule=one_cycle", "optimizer=sgd", "trainer.epochs=1"))


def test_the_mean_loss_of_weighted_classes_does_not_depend_on_the_batch_size():
    weights = "loss.class_weights=[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,50.0]"
    made = components(weights, "trainer.dtype=float64")
    rows = np.argsort(made.dataset.y, kind="stable")[-250:]
    losses = []
    for size in (250, 7):
        batches = Batches(made.dataset.x, made.dataset.y, rows, size, 1 / 16, np.float64)
        losses.append(evaluate(made.network, made.trainer.loss, made.trainer.score, batches).loss)
    assert losses[0] == pytest.approx(losses[1])
