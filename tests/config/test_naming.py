"""Params, hash and name of a configuration."""

from nnexp import compose
from nnexp.config.build import resolved
from nnexp.config.naming import config_hash, params, run_name


def values(*overrides):
    return resolved(compose(["data=digits", *overrides]))


def test_params_are_the_flattened_config():
    flat = params(values("model.hidden=[300,100]", "optimizer=momentum", "optimizer.lr=0.05"))
    assert flat["model.hidden"] == "[300, 100]"
    assert flat["optimizer.lr"] == "0.05"
    assert flat["optimizer"] == "momentum"
    assert flat["data"] == "digits"
    assert flat["tracking.run_name"] == "null"
    assert all(isinstance(value, str) for value in flat.values())


def test_the_hash_depends_on_what_is_learnt_only():
    base = config_hash(values())
    assert (
        config_hash(values("tracking.experiment=other", "trainer.threads=1", "data.root=/elsewhere")) == base
    )
    assert config_hash(values("seed=1")) != base
    assert config_hash(values("optimizer.lr=0.01")) != base


def test_a_run_has_a_readable_name():
    assert (
        run_name(values("init=xavier_normal", "seed=3")) == "digits-mlp-xavier_normal-adam-warmup_cosine-s3"
    )
    table = values("data=table", "data.path=/somewhere/wine.csv.gz", "data.target=target")
    assert run_name(table) == "wine-mlp-he_normal-adam-warmup_cosine-s0"
