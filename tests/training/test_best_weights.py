from pathlib import Path

import numpy as np
import pytest
from fixtures.components import components, train

from nnexp.serving.errors import PredictorError
from nnexp.serving.model_loader import load_weights
from nnexp.training.best_weights import BestWeights, save_weights
from nnexp.training.record import Record


def record(epoch, score, loss):
    return Record(epoch, epoch, 0, 0, loss, score, 0, 0, 0, 0)


def test_the_best_record_has_the_highest_score_and_of_equals_the_lowest_loss():
    network = components().network
    best = BestWeights(network)
    offers = [(0.5, 1, True), (0.6, 2, True), (0.6, 3, False), (0.6, 1, True), (0.1, 0, False)]
    for epoch, (score, loss, is_best) in enumerate(offers):
        network.theta.fill(epoch)
        assert best.offer(record(epoch, score, loss)) == is_best
    best.restore()
    assert set(network.theta) == {3}


def test_monitor_and_min_delta_define_an_improvement():
    network = components().network
    by_loss, by_score = BestWeights(network, "loss"), BestWeights(network, "score", 0.05)
    for epoch, (score, loss) in enumerate([(0.5, 1.0), (0.9, 1.2), (0.92, 0.9), (0.94, 0.95)]):
        by_loss.offer(record(epoch, score, loss))
        by_score.offer(record(epoch, score, loss))
    assert (by_loss.record.epoch, by_score.record.epoch) == (2, 3)
    assert (by_loss.evaluations_since_improvement, by_score.evaluations_since_improvement) == (1, 2)


def test_another_metric_may_be_monitored_where_it_is_not_defined_nothing_is_better():
    def with_metric(epoch, values, loss=1.0):
        return Record(epoch, epoch, 0, 0, loss, 0.5, 0, 0, 0, 0, val_metrics=values)

    highest, lowest = (
        BestWeights(components().network, "x", 0.1, is_higher_better=up) for up in (True, False)
    )
    for epoch, values in enumerate([{}, {"x": 0.5}, {}, {"x": 0.7}, {"x": 0.75}, {"x": 0.2}]):
        highest.offer(with_metric(epoch, values))
        lowest.offer(with_metric(epoch, values))
    assert (highest.record.epoch, highest.evaluations_since_improvement) == (4, 2)
    assert (lowest.record.epoch, lowest.evaluations_since_improvement) == (5, 0)
    highest.offer(with_metric(6, {"x": 0.75}, loss=0.9))
    assert highest.record.epoch == 6, "of equals the lowest loss"


def test_running_statistics_are_kept_and_saved_with_the_weights(tmp_path: Path):
    made, other = (components("model.normalization=batch", f"seed={seed}") for seed in (1, 2))
    best = BestWeights(made.network)
    made.trainer.train_until_pause()
    best.offer(made.trainer.record(1)[0])
    kept = made.network.state.copy()
    assert kept.any()
    made.trainer.start_record()
    made.trainer.train_until_pause()
    assert (made.network.state != kept).any()
    best.restore()
    np.testing.assert_array_equal(made.network.state, kept)
    save_weights(made.network, tmp_path / "deep" / "weights.npz")
    load_weights(other.network, tmp_path / "deep" / "weights.npz")
    np.testing.assert_array_equal(other.network.state, kept)
    np.testing.assert_array_equal(other.network.theta, made.network.theta)


def test_weights_are_saved_by_layer_and_refused_by_another_network(tmp_path: Path):
    path = tmp_path / "weights.npz"
    save_weights(components().network, path)
    with np.load(path, allow_pickle=False) as saved:
        assert sorted(saved.files) == ["0.W", "0.b", "2.W", "2.b"]
    with pytest.raises(PredictorError):
        load_weights(components("model=softmax").network, path)


def test_the_best_weights_are_an_average_where_there_is_one():
    made = components("averaging=ema", "averaging.decay=0.5", "trainer.epochs=2")
    for epoch_record, _ in made.trainer.epochs():
        made.best.offer(epoch_record)
        average = made.network.theta.copy()
    assert (made.network.theta != average).any(), "after the last record these are the trained weights"
    made.best.restore()
    np.testing.assert_array_equal(made.network.theta, average)


def test_an_average_forgets_the_first_weights_in_a_short_run_too():
    assert max(record.val_score for record in train(components("averaging=ema", "trainer.epochs=10"))) > 0.9
