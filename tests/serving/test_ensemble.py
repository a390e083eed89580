"""An ensemble averages probabilities, or numbers; it is saved with all of its members."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fixtures.ensembles import TINY, softmax

from nnexp.nn.output_activations import all_log_odds, log_odds, probabilities
from nnexp.preprocessing.columns import Column
from nnexp.serving.ensemble import Ensemble, mean_log_odds, shared_column
from nnexp.serving.errors import PredictorError
from nnexp.serving.load_model import load_model
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.predictor import Predictor

RNG = np.random.default_rng(0)
X = RNG.integers(0, 17, (20, 8, 8)).astype(np.uint8)


@pytest.fixture
def members(trained):
    return [trained(*TINY, f"seed={seed}").predictor for seed in (0, 1)]


def save(ensemble, folder):
    (folder / "network.json").write_text(ensemble.spec.to_json())
    np.savez(folder / "weights.npz", **ensemble.weights())
    return folder / "network.json", folder / "weights.npz"


def test_probabilities_are_the_mean_of_those_of_the_members(members, compare):
    ensemble = Ensemble(members)
    expected = sum(softmax(member.outputs(X)) for member in members) / 2
    compare(ensemble.probabilities(ensemble.outputs(X)), expected, 1e-14)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "identity"])
def test_log_odds_are_those_of_the_probabilities(activation, compare):
    z = RNG.normal(0, 2, (50, 4))
    with np.errstate(all="ignore"):
        p = probabilities(z, activation)
        expected = np.log(p) - np.log1p(-p)
        odds = all_log_odds(z, activation)
    inside = np.isfinite(expected)
    compare(odds[inside], expected[inside], 1e-12)
    assert np.isfinite(odds).all()


def test_networks_that_learnt_0_and_1_as_numbers_are_averaged_before_numbers_above_1_are_clipped(trained):
    predictor = trained(*TINY, "loss=mean_squared_error", "optimizer.lr=0.03").predictor
    ensemble = Ensemble([predictor, predictor])
    z = predictor.outputs(X) * 30  # several are above 1
    assert ((z > 1).sum(axis=1) > 1).any()
    np.testing.assert_array_equal(ensemble.average([z, z]), z.astype(np.float64))
    np.testing.assert_array_equal(
        ensemble.task.predicted(ensemble.outputs(X)), predictor.task.predicted(predictor.outputs(X))
    )
    assert ensemble.probabilities(z).max() == 1


def test_log_odds_do_not_saturate_where_probabilities_are_1():
    z = np.array([[100.0, 0, -3], [900.0, 1, 2], [-5.0, 200, 100]])
    odds = all_log_odds(z, "softmax")
    best = z.argmax(axis=1)
    np.testing.assert_array_equal(odds[np.arange(3), best], log_odds(z, best))
    assert odds[0, 0] == pytest.approx(100, abs=0.1)
    assert odds[1, 0] > 890


def test_the_mean_of_log_odds_is_that_of_probabilities(compare):
    z = RNG.normal(0, 3, (3, 40, 4))
    compare(probabilities(mean_log_odds(z), "sigmoid"), (1 / (1 + np.exp(-z))).mean(axis=0), 1e-14)


def test_one_confident_member_of_two_outvotes_an_unsure_one():
    z = mean_log_odds(all_log_odds(np.array([row]), "softmax") for row in ([9.0, 0, 0], [0.0, 0.2, 0.1]))
    assert z.argmax() == 0


def test_an_ensemble_is_the_same_after_it_was_saved(members, alone):
    ensemble = Ensemble(members)
    loaded = load_model(*save(ensemble, alone))
    assert isinstance(loaded, Ensemble)
    np.testing.assert_array_equal(loaded.outputs(X), ensemble.outputs(X))
    assert loaded.spec == ensemble.spec
    assert loaded.expected == members[0].expected


def test_a_network_has_no_members_in_its_specification(members, trained):
    assert "members" not in json.loads(members[0].spec.to_json())
    assert isinstance(load_model(*trained(*TINY, "seed=0").files), Predictor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("2/2.W"), "network 2: weights of another network: 2.W missing"),
        (lambda arrays: arrays.update({"3/2.W": np.zeros(2)}), "unknown 3/2.W"),
        (lambda arrays: arrays.update({"1/2.b": np.zeros(2)}), "2.b: expected float32"),
    ],
)
def test_weights_that_do_not_fit_are_refused(members, alone, change, message):
    ensemble = Ensemble(members)
    spec, weights = save(ensemble, alone)
    arrays = dict(ensemble.weights())
    change(arrays)
    np.savez(weights, **arrays)
    with pytest.raises(PredictorError, match=message):
        load_model(spec, weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": tuple("abcdefghij")}, "differ in classes"),
        ({"shape": (64,)}, "differ in shape"),
        ({"stored": "float32"}, "differ in stored"),
        ({"columns": (Column("a"),)}, "differ in the columns"),
    ],
)
def test_networks_that_take_or_predict_something_else_are_refused(members, change, message):
    other = Predictor(replace(members[1].spec, **change), members[1].network)
    with pytest.raises(PredictorError, match=message):
        Ensemble([members[0], other])


def test_one_network_is_no_ensemble(members):
    with pytest.raises(PredictorError, match="at least two networks, got 1"):
        Ensemble(members[:1])


def test_a_damaged_member_of_a_specification_is_one_message(members):
    values = json.loads(Ensemble(members).spec.to_json())
    values["members"][1]["task"] = "sorting"
    with pytest.raises(PredictorError, match="expected one of classification"):
        ModelSpec.from_json(json.dumps(values))
    values["members"] = [3]
    with pytest.raises(PredictorError, match="damaged"):
        ModelSpec.from_json(json.dumps(values))


def test_a_category_is_untrained_only_if_no_member_has_seen_it():
    one = Column("kind", ("a", "b", "c"), untrained=("a", "b"))
    other = Column("kind", ("a", "b", "c"), untrained=("b",), unseen="error")
    shared = shared_column([one, other])
    assert (shared.untrained, shared.unseen) == (("b",), "error")
