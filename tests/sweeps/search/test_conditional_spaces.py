"""Dimensions that exist in some trials only: by conditions in overrides, or by a function of one's own."""

import csv
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")

from fixtures.plotless import leave_out_plots  # noqa: E402

from nnexp.run_folder import RunFolder  # noqa: E402
from nnexp.sweeps.plan.search_settings import StudySettings  # noqa: E402
from nnexp.sweeps.search.space import space_of  # noqa: E402
from nnexp.sweeps.search.study import make_sampler  # noqa: E402

OPTIMIZER = "optimizer=sgd,momentum,nesterov"
MOMENTUM = 'optimizer.momentum=tag("optimizer=momentum,nesterov", interval(0.5, 0.99))'
SEARCH = ["-m", "hydra/sweeper=optuna", "data=digits", "trainer.epochs=1", "tracking=none"]
FUNCTION = """
def draw(cfg, trial):
    assert trial.user_attrs["trainer.epochs"] == "1"
    if trial.params["optimizer"] != "sgd":
        trial.suggest_float("optimizer.momentum", 0.5, cfg.trainer.epochs - 0.01)

def unknown(cfg, trial):
    trial.suggest_float("optimizer.momentun", 0.5, 0.9)

def failing(cfg, trial):
    raise KeyError("x")

def fixed(cfg, trial):
    trial.suggest_int("trainer.epochs", 1, 2)
"""


def drawn_by(name, count=20):
    settings = StudySettings(sampler=name)
    space = space_of({}, [MOMENTUM, OPTIMIZER])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for number in range(count):
        study.sampler = make_sampler(settings, space, 0, number)
        trial = study.ask()
        space.draw(trial)
        study.tell(trial, trial.params.get("optimizer.momentum", 0.0))
        yield trial.params


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_a_dimension_is_drawn_only_where_its_condition_holds(sampler):
    drawn = list(drawn_by(sampler))
    assert {params["optimizer"] for params in drawn} == {"sgd", "momentum", "nesterov"}
    for params in drawn:
        assert ("optimizer.momentum" in params) == (params["optimizer"] != "sgd")
    assert drawn == list(drawn_by(sampler))


def params_of_jobs():
    (record,) = Path("outputs").rglob("sweep.json")
    folders = sorted(path for path in record.parent.glob("*") if path.name.isdecimal())
    return [RunFolder(folder).entries()[0]["params"] for folder in folders]


@pytest.fixture
def function(tmp_path, monkeypatch, request):
    leave_out_plots(monkeypatch.setattr)
    name = f"space_{abs(hash(request.node.name))}"
    Path(f"{name}.py").write_text(FUNCTION, encoding="utf-8")
    return name


@pytest.mark.parametrize("is_function", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_search_of_conditional_dimensions_runs_and_grows(nnexp, function, is_function):
    condition = f"hydra.sweeper.custom_search_space={function}.draw" if is_function else MOMENTUM
    command = [*SEARCH, OPTIMIZER, condition, "search.sampler=random", "seed=1"]
    for trials in (2, 4):
        shown = nnexp(*command, f"search.trials={trials}")
        assert shown.returncode == 0, shown.stderr
        assert f"{trials} of {trials} finished" in shown.stdout
    drawn = params_of_jobs()
    assert len(drawn) == 4
    (leaderboard,) = Path("outputs").rglob("leaderboard.csv")
    table = list(csv.DictReader(leaderboard.read_text(encoding="utf-8").splitlines()))
    momenta = [row["optimizer.momentum"] for row in table]
    assert len({text for text in momenta if text}) == sum(p["optimizer"] != "sgd" for p in drawn)
    assert "" in momenta
    assert {params["optimizer"] == "sgd" for params in drawn} == {True, False}
    for params in drawn:
        assert ("optimizer.momentum" in params) == (params["optimizer"] != "sgd")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("unknown", "no such key; did you mean optimizer.momentum?"),
        ("failing", "KeyError: 'x'"),
        ("fixed", "draws trainer.epochs, which has one value"),
        ("missing", "expected module.function"),
    ],
)
def test_a_function_that_no_trial_can_use_is_an_error_before_the_search(nnexp, function, name, problem):
    option = f"hydra.sweeper.custom_search_space={function}.{name}"
    shown = nnexp(*SEARCH, "optimizer=sgd,momentum", option)
    assert shown.returncode == 2
    assert option in shown.stderr
    assert problem in shown.stderr
    assert not list(Path().rglob("sweep.json"))
