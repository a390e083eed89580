"""A search from its command to its study: trials, seeds, failures, growth, and what goes on after a kill."""

import shutil
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")

from fixtures.plotless import leave_out_plots  # noqa: E402
from fixtures.studies import study, sweep_folder  # noqa: E402
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402

from nnexp.errors import UserError  # noqa: E402
from nnexp.run_folder import RunFolder  # noqa: E402
from nnexp.sweeps.search.space import override_text, space_of  # noqa: E402
from nnexp.sweeps.search.storage import open_storage  # noqa: E402

LR = "optimizer.lr=tag(log, interval(1e-3, 1e-1))"
QUICK = [
    "-m",
    "hydra/sweeper=optuna",
    "data=digits",
    "trainer.epochs=1",
    "tracking=none",
    "sweep.report=false",
]
SEARCH = [*QUICK, "search.sampler=random", LR]


@pytest.fixture(autouse=True)
def no_plots(monkeypatch):
    leave_out_plots(monkeypatch.setattr)


def states() -> list[str]:
    return [trial.state.name for trial in study().trials]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval(0.1, 0.5)", FloatDistribution(0.1, 0.5)),
        ("interval(1, 5)", FloatDistribution(1, 5)),
        ("int(interval(1.0, 5.0))", IntDistribution(1, 5)),
        ("tag(log, interval(1e-4, 1))", FloatDistribution(1e-4, 1, log=True)),
        ("tag(log, int(interval(16, 512)))", IntDistribution(16, 512, log=True)),
        ("choice(a, b)", CategoricalDistribution(["a", "b"])),
        ("[64],[64,32]", CategoricalDistribution(["[64]", "[64,32]"])),
        ("range(1, 10, 4)", IntDistribution(1, 9, step=4)),
        ("range(3)", IntDistribution(0, 2)),
        ("range(0.0, 0.5, 0.25)", FloatDistribution(0.0, 0.25, step=0.25)),
        ("shuffle(1, 2)", CategoricalDistribution(["1", "2"])),
    ],
)
def test_hydras_sweep_syntax_is_a_search_space(text, expected):
    space = space_of({}, [f"x={text}", "seed=1"])
    assert space.fixed == ["seed=1"]
    if text.startswith("shuffle"):
        assert sorted(space.dimensions["x"].choices) == ["1", "2"]
    else:
        assert space.dimensions["x"] == expected


def test_an_override_takes_the_place_of_a_preset_s_param():
    space = space_of({"a": "choice(1, 2)", "b": "choice(1, 2)"}, ["a=3", "b=interval(0, 1)"])
    assert (space.dimensions, space.fixed) == ({"b": FloatDistribution(0, 1)}, ["a=3"])


@pytest.mark.parametrize("text", ["x=interval(2, 1)", "x=tag(log, interval(0, 1))"])
def test_an_interval_that_is_empty_is_a_users_error(text):
    with pytest.raises(UserError, match=r"expected interval\(low, high\) with"):
        space_of({}, [text])


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "x=0.1"), (1e-5, "x=1e-05"), (3, "x=3"), ("[1,2]", "x=[1,2]")]
)
def test_a_drawn_value_is_written_as_an_override(value, text):
    assert override_text("x", value) == text


def test_a_search_runs_its_trials_and_gives_the_study_their_values(nnexp):
    shown = nnexp(*SEARCH, "search.trials=3")
    assert shown.returncode == 0, shown.stderr
    assert "3 of 3 finished" in shown.stdout
    trials = study().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3
    for trial in trials:
        run = RunFolder(sweep_folder() / str(trial.number))
        metrics = {k: v for e in run.entries() if e["kind"] == "metrics" for k, v in e["values"].items()}
        assert metrics["best/val_accuracy"] == trial.value
        assert float(run.entries()[0]["params"]["optimizer.lr"]) == trial.params["optimizer.lr"]


def test_the_same_command_goes_on_with_more_trials_and_does_not_draw_the_same_again(nnexp):
    nnexp(*SEARCH, "search.trials=2")
    grown = nnexp(*SEARCH, "search.trials=4")
    assert "4 of 4 finished" in grown.stdout
    assert len({trial.params["optimizer.lr"] for trial in study().trials}) == 4
    resumed = nnexp("-m", "sweep.resume=last", "search.trials=5")
    assert resumed.returncode == 0, resumed.stderr
    assert states() == ["COMPLETE"] * 5


def test_another_space_is_another_search(nnexp):
    nnexp(*SEARCH, "search.trials=1")
    nnexp(*SEARCH, "search.trials=1", "init=choice(he_normal, orthogonal)")
    assert len(list(Path("outputs").rglob("study.log"))) == 2


def test_a_trial_that_was_running_is_run_again_under_its_number(nnexp):
    nnexp(*SEARCH, "search.trials=2")
    one = study()
    one.ask({"optimizer.lr": FloatDistribution(1e-3, 1e-1, log=True)})
    assert states() == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert nnexp(*SEARCH, "search.trials=3").returncode == 0
    assert states() == ["COMPLETE"] * 3
    assert (sweep_folder() / "2" / "journal.jsonl").exists()


def test_the_value_of_several_seeds_is_their_mean(nnexp):
    nnexp(*SEARCH, "search.trials=2", "search.seeds=2", "seed=5")
    for trial in study().trials:
        values, seeds = [], []
        for number in (2 * trial.number, 2 * trial.number + 1):
            entries = RunFolder(sweep_folder() / str(number)).entries()
            metrics = {k: v for e in entries if e["kind"] == "metrics" for k, v in e["values"].items()}
            values.append(metrics["best/val_accuracy"])
            seeds.append(entries[0]["params"]["seed"])
        assert trial.value == pytest.approx(sum(values) / 2)
        assert seeds == ["5", "6"]


def test_a_trial_that_diverges_has_failed_and_the_search_goes_on(nnexp):
    space = "optimizer.lr=choice(1e30, 0.01)"
    shown = nnexp(*QUICK, "optimizer=sgd", "search.sampler=grid", space, "search.trials=2")
    assert shown.returncode == 1
    assert sorted(states()) == ["COMPLETE", "FAIL"]


def test_a_search_ends_when_more_than_a_share_of_its_trials_have_failed(nnexp):
    options = ["optimizer=sgd", "optimizer.lr=choice(1e30, 1e31)", "search.trials=8"]
    shown = nnexp(*QUICK, *options, "hydra.sweeper.max_failure_rate=0.2")
    assert shown.returncode == 1
    assert "search.max_failure_rate=0.2 has ended the search: 2 of 2 trials failed" in shown.stderr
    assert states() == ["FAIL", "FAIL"]


def test_a_study_has_the_name_that_is_given_to_it_and_is_of_one_sweep(nnexp):
    named = ["search.storage=sqlite:///studies.db", "hydra.sweeper.study_name=mine", "search.trials=1"]
    for _ in range(2):
        assert nnexp(*SEARCH, *named).returncode == 0
    assert optuna.get_all_study_names("sqlite:///studies.db") == ["mine"]
    shown = nnexp(*SEARCH, *named, "seed=1")
    assert shown.returncode == 2
    assert "search.study_name=mine: the storage has a study of this name, of the sweep" in shown.stderr


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_what_is_drawn_does_not_depend_on_interruptions(nnexp, sampler):
    space = "optimizer.lr=choice(0.001, 0.003, 0.01, 0.03)" if sampler == "grid" else LR
    command = [*QUICK, f"search.sampler={sampler}", space, "data.limit=300"]
    nnexp(*command, "search.trials=2")
    nnexp(*command, "search.trials=4")
    grown = [trial.params for trial in study().trials]
    nnexp(*command, "search.trials=4", "sweep.skip_finished=false")
    newest = max(Path("outputs").rglob("study.log"), key=lambda path: path.stat().st_mtime)
    storage = open_storage(str(newest.resolve()))
    assert [trial.params for trial in optuna.load_study(study_name=None, storage=storage).trials] == grown
    assert sampler != "grid" or len({str(params) for params in grown}) == 4


def test_a_pruned_trial_is_pruned_in_the_study(nnexp):
    command = [text for text in SEARCH if not text.startswith(("trainer.epochs", "optimizer.lr"))]
    space = "optimizer.lr=choice(1e-5, 0.01)"
    options = ["search.pruner=asha", "trainer.epochs=2", "search.trials=6", "seed=1"]
    shown = nnexp(*command, *options, space)
    assert shown.returncode == 0, shown.stderr
    assert "pruned in epoch 1" in shown.stdout
    for trial in study().trials:
        assert (trial.state.name == "PRUNED") == (trial.last_step == 1)
        assert trial.state.name == "COMPLETE" or trial.params["optimizer.lr"] == "1e-05"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["search.pruner=asha"], "search.pruner=null"),
        (["search.pruner=asha", "trainer.epochs=4", "optimized_metric=time/total"], "search.pruner=null"),
        (["search.sampler=grid"], "search.sampler=qmc"),
    ],
)
def test_what_cannot_be_searched_is_a_users_error_with_its_fix(nnexp, options, message):
    command = [
        text for text in SEARCH if text.partition("=")[0] not in {o.partition("=")[0] for o in options}
    ]
    if not any("epochs" in option for option in options):
        command.append("trainer.epochs=1")
    shown = nnexp(*command, *options)
    assert shown.returncode == 2
    assert message in shown.stderr


def test_without_optuna_the_message_names_the_extra(nnexp, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    shown = nnexp(*SEARCH)
    assert shown.returncode == 2
    assert "pip install 'nnexp[search]'" in shown.stderr


def test_a_search_that_begins_no_further_trial_is_finished_and_says_why(nnexp):
    grid = [*QUICK, "search.sampler=grid", "init=he_normal,orthogonal", "search.trials=5"]
    shown = nnexp(*grid)
    assert shown.returncode == 0, shown.stderr
    assert "all combinations of search.sampler=grid have been tried" in shown.stdout
    assert "2 of 2 finished" in shown.stdout
    assert "go on" not in shown.stdout
    assert RunFolder(sweep_folder()).entries()[-1]["status"] == "FINISHED"
    again = nnexp(*grid, "sweep.jobs=2")
    assert "2 of 2 finished" in again.stdout
    assert len(study().trials) == 2


def test_after_the_timeout_no_trial_begins(nnexp):
    shown = nnexp(*SEARCH, "search.trials=5", "search.timeout=1e-6")
    assert "begins no further trial: search.timeout=1e-06 is over" in shown.stdout
    assert RunFolder(sweep_folder()).entries()[-1]["status"] == "FINISHED"


def test_names_are_those_of_a_grid_also_of_trials_that_an_earlier_command_has_run(nnexp):
    command = [*SEARCH, "init=choice(he_normal)", "search.trials=2", "search.storage=study.db.log"]
    first = nnexp(*command)
    names = [str(RunFolder(sweep_folder() / str(number)).entries()[0]["name"]) for number in (0, 1)]
    assert all(name.startswith("lr=0.0") and name.endswith(" he_normal") for name in names)
    best = next(line for line in first.stdout.splitlines() if line.startswith("best"))
    again = nnexp(*command, "search.trials=1")
    assert best in again.stdout
    assert "2 of 2 finished" in again.stdout


def test_what_an_earlier_command_has_run_counts_also_where_it_failed_or_its_folder_is_gone(nnexp):
    grid = ["search.sampler=grid", "optimizer.lr=choice(1e30, 0.01, 0.02)", "search.trials=3"]
    assert nnexp(*QUICK, "optimizer=sgd", *grid).returncode == 1
    numbers = {trial.params["optimizer.lr"]: trial.number for trial in study().trials}
    shutil.rmtree(sweep_folder() / str(numbers["0.01"]))
    again = nnexp(*QUICK, "optimizer=sgd", *grid)
    assert "2 of 3 finished, 1 failed" in again.stdout
    assert "lr=1e+30" in again.stderr
    assert "in an earlier command" in again.stderr
    assert "go on" not in again.stdout
