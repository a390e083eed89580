from nnexp import compose
from nnexp.config.build import resolved
from nnexp.config.naming import config_hash, params, run_name


def values(*overrides):
    return resolved(compose(["data=digits", *overrides]))


def test_params_are_the_config_flattened():
    found = params(values("model.hidden=[300,100]", "optimizer=momentum", "optimizer.lr=0.05"))
    assert found["model.hidden"] == "[300, 100]"
    assert found["optimizer.lr"] == "0.05"
    assert found["optimizer"] == "momentum"
    assert found["data"] == "digits"
    assert found["tracking.run_name"] == "null"
    assert all(isinstance(value, str) for value in found.values())


def test_the_hash_tells_experiments_apart_and_nothing_else():
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
