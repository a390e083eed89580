"""Every job of a sweep is composed and validated: each error once, with the jobs that it concerns."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from nnexp.config.compose import examine_overrides, hydra_of

SGD_AND_MOMENTUM = ["optimizer=sgd,momentum", "seed=0,1"]


def problems_of(*overrides):
    return {problem.where: problem.what for problem in examine_overrides(overrides, sweep=True).problems}


GRIDS = [
    ["optimizer=momentum,nesterov", "optimizer.momentum=0.8"],
    ["seed=range(3)", "data=digits", "init=glob(he*)", "model.hidden=[8],[8,4]", "~metrics"],
    ["optimizer.lr=range(0.1,0.4,0.1)", "seed=1,2", "seed=3,4", "tracking.run_name='a b',c"],
    ["optimizer=sgd,momentum", "optimizer.lr=choice(0.1,1e-3)", "hydra.job.name=x"],
    ["optimizer=adam", "optimizer.amsgrad=true,false"],
]


@pytest.mark.parametrize("overrides", GRIDS, ids=" ".join)
def test_the_jobs_are_those_of_hydras_sweeper_in_its_order(overrides):
    examination = examine_overrides(overrides, sweep=True)
    assert examination.problems == []
    with hydra_of(None) as loader:
        task = [text for text in examination.overrides if not text.startswith("hydra.")]
        parsed = OverridesParser.create(loader).parse_overrides(task)
        (expected,) = BasicSweeper.split_arguments(parsed, None)
    assert [list(job.overrides) for job in examination.jobs] == expected


def test_what_is_swept_over_is_text_by_key():
    examination = examine_overrides(
        ["data=digits", "+optimizer=adam", "seed=0,1", "init=he_normal,zeros"], sweep=True
    )
    assert examination.problems
    examination = examine_overrides(["data=digits", "seed=0,1", "model.hidden=[8],[8,4]"], sweep=True)
    assert examination.swept == {"seed": ["0", "1"], "model.hidden": ["[8]", "[8,4]"]}
    assert examination.jobs[1].swept == {"seed": "0", "model.hidden": "[8,4]"}
    assert examination.jobs[1].values["model"]["hidden"] == [8, 4]


def test_a_key_that_some_options_lack_is_reported_once_with_the_jobs_that_lack_it():
    (what,) = problems_of(*SGD_AND_MOMENTUM, "optimizer.momentum=0.8,0.9").values()
    assert what.endswith("in 4 of 8 jobs, those with optimizer=sgd")


def test_an_invalid_value_is_reported_with_the_jobs_for_which_it_is_invalid():
    assert problems_of("init=zeros,identity", "seed=0,-1") == {"seed=-1": "must be a whole number >= 0"}
    problems = problems_of("init=zeros,identity", "data.folds=3", "data.fold=0,7")
    assert "in 2 of 4 jobs, those with data.fold=7" in problems["data"]


def test_an_unknown_key_is_reported_where_no_group_is_chosen():
    assert problems_of("optimzer=adam") == {"optimzer=adam": "no such key; did you mean optimizer?"}


def test_an_error_of_all_jobs_names_no_jobs():
    assert problems_of("trainer.epochs=0", "seed=0,1") == {"trainer.epochs=0": "must be a whole number >= 1"}


def test_a_key_that_only_a_class_has_is_added_for_every_job(tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "short.yaml").write_text("_target_: nnexp.optim.optimizers.Momentum\nlr: 0.1\n")
    overrides = ["optimizer=momentum,short", "optimizer.momentum=0.8"]
    examination = examine_overrides(overrides, sweep=True, config_dir=tmp_path)
    assert examination.problems == []
    assert examination.overrides == ["optimizer=momentum,short", "++optimizer.momentum=0.8"]
    assert {job.values["optimizer"]["momentum"] for job in examination.jobs} == {0.8}


@pytest.mark.parametrize(
    "override", ["sweep.jobs=1,2", "hydra.launcher.n_jobs=1,2", "hydra/launcher=basic,joblib"]
)
def test_what_is_of_the_whole_sweep_is_not_swept_over(override):
    assert "is of the whole sweep" in problems_of(override, "seed=0,1")[override]


def test_values_that_a_sweeper_draws_need_another_sweeper():
    assert (
        "sweeper that draws values" in problems_of("optimizer.lr=interval(0,1)")["optimizer.lr=interval(0,1)"]
    )


def test_a_sweep_that_is_too_large_is_refused_before_its_jobs_are_made():
    (what,) = problems_of("seed=range(1000000)", "trainer.epochs=range(1,1000)").values()
    assert what.startswith("the sweep has 999,000,000 jobs")


def test_a_shuffle_is_drawn_once():
    examination = examine_overrides(["seed=shuffle(range(20))", "data=digits"], sweep=True)
    (seeds,) = [text for text in examination.overrides if text.startswith("seed=")]
    assert seeds == f"seed={','.join(job.swept['seed'] for job in examination.jobs)}"


@pytest.mark.parametrize("sweep", [False, True])
def test_an_optional_group_may_have_no_option(sweep, tmp_path):
    values = "experiment=null,seed_readme" if sweep else "experiment=null"
    examination = examine_overrides(["data=digits", values], sweep=sweep)
    assert examination.problems == []
    assert "experiment" not in examination.jobs[0].values["choices"]


@pytest.fixture
def presets(tmp_path):
    (tmp_path / "experiment" / "mine" / "deep").mkdir(parents=True)
    for name in ("mine/one", "mine/two", "mine/deep/three"):
        (tmp_path / "experiment" / f"{name}.yaml").write_text("# @package _global_\ntrainer:\n  epochs: 3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("mine/one,mine/deep/three", ["mine/one", "mine/deep/three"]),
        ("glob(mine/*)", ["mine/deep/three", "mine/one", "mine/two"]),
    ],
)
def test_options_in_folders_of_a_group_are_swept_over(presets, values, expected):
    examination = examine_overrides(["data=digits", f"experiment={values}"], sweep=True, config_dir=presets)
    assert examination.problems == []
    assert sorted(job.values["choices"]["experiment"] for job in examination.jobs) == sorted(expected)
    assert {job.values["trainer"]["epochs"] for job in examination.jobs} == {3}


@pytest.mark.parametrize(
    ("option", "guess"), [("mine/tow", "mine/two"), ("two", "mine/two"), ("three", "mine/deep/three")]
)
def test_an_unknown_option_in_a_folder_gets_a_guess(presets, option, guess):
    (problem,) = examine_overrides([f"experiment={option}"], config_dir=presets).problems
    assert f"did you mean {guess}?" in problem.what
    assert "mine/one" in problem.what


def test_each_job_has_its_own_number():
    examination = examine_overrides(
        ["data=digits", "seed=${hydra:job.num}", "init=zeros,he_normal"], sweep=True
    )
    assert [job.values["seed"] for job in examination.jobs] == [0, 1]


def test_the_sweep_of_a_primary_config_of_ones_own_is_one(tmp_path):
    text = "defaults: [config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: '1,2'}}}\n"
    (tmp_path / "mine.yaml").write_text(text)
    examination = examine_overrides(["data=digits"], config_dir=tmp_path, config_name="mine")
    assert (examination.is_sweep, [job.swept["seed"] for job in examination.jobs]) == (True, ["1", "2"])


def test_a_metric_that_the_classes_of_known_data_do_not_have_is_reported_before_any_job():
    problems = problems_of("data=digits", "trainer.monitor=balanced_accuracy,auc", "seed=0,1")
    assert [*problems] == ["trainer.monitor=auc"]
    assert "10 classes has no such metric" in problems["trainer.monitor=auc"]
