"""Configuration errors: each is reported, all at once, with what is allowed."""

import pytest
from omegaconf import OmegaConf

from nnexp import compose
from nnexp.config import ConfigError, build
from nnexp.config.compose import examine_overrides


def problems_of(*overrides, **options):
    problems = examine_overrides(["data=digits", *overrides], **options).problems
    return {problem.where: problem.what for problem in problems}


ERRORS = [
    ("optimizer.lrr=0.1", "did you mean optimizer.lr?"),
    ("optimizer=adm", "did you mean adam?"),
    ("optimizer.lr=-1", "must be a number > 0"),
    ("optimizer.lr=nan", "must be a number > 0"),
    ("model.hidden=[0]", "each a whole number >= 1"),
    ("model.hidden=[]", "each a whole number >= 1, at least 1"),
    ("model.hidden=128", "a list like [a,b]"),
    ("data.validation=1.5", "must be a number >= 0 and < 1"),
    ("trainer.epochs=ten", "must be a whole number >= 1"),
    ("trainer.epochs=2.5", "must be a whole number >= 1"),
    ("trainer.epochs=true", "must be a whole number >= 1"),
    ("init=hee_normal", "did you mean he_normal?"),
    ("model.activation=rellu", "did you mean relu?"),
    ("seed=-1", "must be a whole number >= 0"),
    ("lr=0.1", "did you mean optimizer.lr?"),
    ("epochs=3", "did you mean trainer.epochs?"),
    ("optimiser=sgd", "did you mean optimizer?"),
    ("trainer.threads=0", "whole number >= 1 or null"),
    ("optimized_metric=val/accuracy", "did you mean best/val_accuracy?"),
    ("optimizer._target_=os.system", "refused"),
    ("optimizer._target_=nnexp.nn.models.model.MLP", "must be a kind of nnexp.optim.optimizers.Optimizer"),
    ("optimizer._target_=nnexp.optim.optimizers.Adamm", "cannot be imported"),
    ("optimizer._target_=nnexp.optim.optimizers.Optimizer", "must be a class that can be built"),
    ("optimizer._target_=nnexp.optim.optimizers", "must be a class that can be built"),
    ("optimizer._target_=nnexp.serving.locate.import_module", "refused"),
    ("optimizer._target_=null", "must be the dotted name of a class"),
    ("schedule._target_=nnexp.optim.optimizers.Momentum", "must be a kind of nnexp.optim.schedules.Schedule"),
    ("optimizer=null", "no such option"),
    ("trainer=5", "is a section; fix: set its keys, trainer.epochs"),
    ("trainer=null", "is a section"),
    ("model.hidden={a:1}", "Cannot merge"),
    ("model.hidden=[[1]]", "each a whole number >= 1"),
    ("seed=1,2", "add -m"),
    *((override, "cannot be parsed") for override in ("model.hidden=[0", "justaword", "=3")),
]


@pytest.mark.parametrize(("override", "says"), ERRORS)
def test_each_error_is_reported_with_what_is_allowed(override, says):
    assert says in problems_of(override)[override]


def test_an_added_key_is_validated():
    assert "did you mean model.hidden?" in problems_of("+model.hiden=[3]")["model.hiden=[3]"]


@pytest.mark.parametrize("key", ["", "trainer.", "tracking."])
def test_a_target_is_refused_where_nothing_is_built(key):
    assert "no such key" in problems_of(f"+{key}_target_=os.system")[f"{key}_target_=os.system"]


def test_code_hidden_in_a_value_is_refused():
    config = compose(["data=digits"])
    config.model.hidden = [{"deep": {"_target_": "os.system", "command": "true"}}]
    with pytest.raises(ConfigError, match="refused"):
        build(config)


@pytest.mark.parametrize("group", ["experiment", "debug"])
def test_an_optional_group_may_be_null(group):
    assert problems_of(f"{group}=null") == {}


@pytest.mark.parametrize("key", ["seed", "plugins", "trainer.epochs"])
def test_no_required_key_can_be_removed(key):
    assert "missing" in problems_of(f"~{key}")[key]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("~trainer.patience", "is null already; fix: leave it out"),
        ("~trainer.patiense", "no such key; did you mean trainer.patience?"),
    ],
)
def test_what_is_not_there_cannot_be_removed(override, says):
    assert says in problems_of(override)[override]


@pytest.mark.parametrize("override", ["~metrics", "~optimizer.lr"])
def test_what_has_a_default_can_be_removed(override):
    assert problems_of(override) == {}


def test_unknown_keys_are_reported_in_sweeps():
    problems = problems_of("optimizer.lrr=1,2", "seed=range(0)", "+a=1,2", "optimizer=adm", sweep=True)
    assert set(problems) == {"optimizer.lrr=1,2", "seed=range(0)", "a=1", "a=2", "optimizer=adm"}


@pytest.mark.parametrize(
    ("overrides", "sweep"),
    [(["optimzer=adam"], False), (["optimzer=adam", "data=digits"], False), (["optimzer=adam,sgd"], True)],
)
def test_a_mistyped_group_is_reported_once_with_a_guess(overrides, sweep):
    assert problems_of(*overrides, sweep=sweep) == {overrides[0]: "no such key; did you mean optimizer?"}


def test_every_value_of_a_sweep_is_validated():
    problems = problems_of("optimizer=sgd,adm", "seed=1,-2", "trainer.epochs=range(0,3)", sweep=True)
    assert set(problems) == {"optimizer=adm", "seed=-2", "trainer.epochs=0"}


def test_a_wrong_setting_of_a_launcher_is_compared_with_those_that_it_has():
    override = "hydra.launcher.n_jobs=x"
    problems = problems_of("hydra/launcher=joblib", override, sweep=True)
    assert problems == {override: "Value 'x' of type 'str' could not be converted to Integer"}
    assert set(problems_of("hydra/launcher=dask", "optimizer.lrr=1", sweep=True)) == {
        "hydra/launcher=dask",
        "optimizer.lrr=1",
    }


def test_a_valid_sweep_has_no_errors():
    assert problems_of("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", sweep=True) == {}
    values = ["optimizer.lr=0.1,0.2", "seed=range(3)", "model.hidden=[8],[8,4]"]
    assert problems_of("optimizer=sgd,adam", "init=glob(he*)", *values, sweep=True) == {}


def test_compose_returns_what_the_command_line_would_run():
    config = compose(["data=digits", "optimizer=momentum", "optimizer.lr=0.05"])
    assert config.optimizer.lr == 0.05
    assert config.choices.optimizer == "momentum"
    assert "hydra" not in config


@pytest.mark.parametrize(("value", "message"), [(-1, r"optimizer\.lr=-1"), ("${nowhere}", "nowhere")])
def test_a_config_changed_after_compose_is_validated_again(value, message):
    config = compose(["data=digits"])
    config.optimizer.lr = value
    with pytest.raises(ConfigError, match=message):
        build(config)


def test_a_composed_config_survives_yaml():
    config = compose(["data=digits", "schedule=step"])
    again = OmegaConf.create(OmegaConf.to_yaml(config, resolve=True))
    assert build(again).schedule.every == 0.3


def test_config_groups_of_the_user_are_searched(tmp_path):
    (tmp_path / "mine" / "optimizer").mkdir(parents=True)
    option = "_target_: nnexp.optim.optimizers.SGD\nlr: 0.001\n"
    (tmp_path / "mine" / "optimizer" / "slow.yaml").write_text(option)
    config = compose(["data=digits", "optimizer=slow"], config_dir=tmp_path / "mine")
    assert build(config).optimizer.lr == 0.001
    assert "did you mean slow?" in problems_of("optimizer=slo", config_dir=tmp_path / "mine")["optimizer=slo"]


def test_code_of_the_user_runs_only_if_its_package_is_listed(tmp_path, monkeypatch):
    (tmp_path / "mypkg").mkdir()
    code = "from nnexp.optim.optimizers import SGD\nclass Mine(SGD): pass\n"
    (tmp_path / "mypkg" / "__init__.py").write_text(code)
    target = "optimizer._target_=mypkg.Mine"
    keys = ["optimizer=sgd", target]
    assert "plugins=[mypkg]" in problems_of(*keys)[target]
    assert type(build(compose(["data=digits", *keys, "plugins=[mypkg]"])).optimizer).__name__ == "Mine"


def test_composing_inside_a_hydra_application_leaves_it_as_it_was():
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from nnexp.config.compose import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        before = GlobalHydra.instance().hydra
        compose(["data=digits"])
        assert GlobalHydra.instance().hydra is before
