"""The loader that keeps what groups compose to makes what Hydra's own loader makes, also of errors."""

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.errors import HydraException
from hydra.types import RunMode
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from nnexp.config.compose import hydra_of
from nnexp.config.overrides.composition import to_values

OVERRIDES = [
    ["data=digits", "seed=3", "init=he_normal", "model.hidden=[64]"],
    ["experiment=he_vs_xavier", "hydra.job.num=3", "optimizer.lr=1"],
    ["optimizer={lr:0.3}", "+x.y=3", "++seed=4", "hydra/launcher=joblib", "hydra.launcher.n_jobs=3"],
    ["optimizer=sgd", "optimizer.momentum=1"],
    ["~metrics", "~optimizer.lr", "seed=${hydra:job.num}", "tracking.run_name='a,b'"],
    ["optimizer.lr={a:1}", "optimizer=nowhere"],
    ["hydra.job.config.override_dirname.exclude_keys=[seed]", "seed=1", "data=digits"],
]  # fmt: skip


def composed(load, overrides):
    try:
        return OmegaConf.to_yaml(load(config_name="config", overrides=overrides, run_mode=RunMode.RUN))
    except HydraException as error:
        return str(error), str(error.__cause__)


@pytest.mark.parametrize("overrides", OVERRIDES, ids=" ".join)
def test_a_composition_is_that_of_hydra(overrides):
    with hydra_of(None) as loader:
        hydra = ConfigLoaderImpl(loader.config_search_path)
        loader.load_configuration("config", ["data=mnist"], RunMode.RUN)  # something is kept already
        expected = composed(hydra.load_configuration, overrides)
        assert [composed(loader.load_configuration, overrides) for _ in range(2)] == [expected] * 2


VALUES = [
    "optimizer=sgd",
    "optimizer=adam",
    "optimizer.lr=0.5",
    "seed=2",
    "data=digits",
    "data.validation=0.3",
]
VALUES += ["~metrics", "++trainer.epochs=2", "model=deep", "model.depth=3", "debug=fast_run", "debug=null"]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sampled_from(VALUES), max_size=6, unique_by=lambda text: text.partition("=")[0]))
def test_settings_without_the_section_hydra_are_those_of_hydra(overrides):
    with hydra_of(None) as loader:
        plain = [text for text in overrides if text != "debug=null"]  # which Hydra takes for no option
        expected = composed(ConfigLoaderImpl(loader.config_search_path).load_configuration, plain)
        try:
            values = to_values(loader.load_settings("config", overrides))
        except HydraException as error:
            assert (str(error), str(error.__cause__)) == expected  # noqa: PT017
            return
    values["choices"] = {}
    assert {key: value for key, value in OmegaConf.create(expected).items() if key != "hydra"} == values


def test_an_override_need_not_fit_the_default_option_of_a_group_that_is_swept_over():
    swept = ["optimizer=momentum,nesterov", "optimizer.momentum=0.8", "seed=1,2"]
    with hydra_of(None) as loader:
        config = loader.load_configuration("config", swept, RunMode.MULTIRUN)
        assert list(config.hydra.overrides.task) == swept
        job = loader.load_sweep_config(config, ["optimizer=nesterov", "optimizer.momentum=0.8", "seed=2"])
        assert (job.optimizer.momentum, job.seed) == (0.8, 2)
