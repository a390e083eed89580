"""A search for several objectives: what its study has, what is left of it, and what cannot be asked for."""

import pytest

optuna = pytest.importorskip("optuna")

from fixtures.plotless import leave_out_plots  # noqa: E402
from fixtures.studies import study, sweep_folder  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

from nnexp.config.compose import compose  # noqa: E402
from nnexp.config.schema import SearchSettings  # noqa: E402
from nnexp.errors import UserError  # noqa: E402
from nnexp.metrics.metric import Metric  # noqa: E402
from nnexp.run_folder import RunFolder  # noqa: E402
from nnexp.runs.sweeps import Sweep, read_sweep  # noqa: E402
from nnexp.sweeps.report.study_plots import read_study  # noqa: E402
from nnexp.sweeps.report.sweep_table import sweep_table  # noqa: E402
from nnexp.sweeps.search.objectives import check_objectives, direction_of, directions_of  # noqa: E402

BOTH = "optimized_metric=[best/val_accuracy,parameters]"
QUICK = ["data=digits", "trainer.epochs=1", "tracking=none"]
SEARCH = ["hparams_search=pareto", *QUICK, "search.sampler=random"]


@pytest.fixture(autouse=True)
def no_plots(monkeypatch):
    leave_out_plots(monkeypatch.setattr)


def results_of(number: int) -> dict[str, float]:
    entries = RunFolder(sweep_folder() / str(number)).entries()
    return {key: value for e in entries if e["kind"] == "metrics" for key, value in e["values"].items()}


def test_a_study_has_the_mean_of_each_objective_and_grows(nnexp):
    shown = nnexp(*SEARCH, "search.trials=2", "search.seeds=2", "sweep.report=false")
    assert shown.returncode == 0, shown.stderr
    assert nnexp(*SEARCH, "search.trials=3", "search.seeds=2", "sweep.report=false").returncode == 0
    one = study()
    assert [direction.name for direction in one.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.state.name for trial in one.trials] == ["COMPLETE"] * 3
    for trial in one.trials:
        runs = [results_of(2 * trial.number + seed) for seed in (0, 1)]
        for value, name in zip(trial.values, ("best/val_accuracy", "parameters"), strict=True):
            assert value == pytest.approx(sum(run[name] for run in runs) / 2)


def test_the_end_shows_the_front_and_the_results_file_has_its_solutions(nnexp):
    shown = nnexp(*SEARCH, "search.trials=3", "init=he_normal,orthogonal")
    assert shown.returncode == 0, shown.stderr
    assert "best/val_accuracy and parameters on digits" in shown.stdout
    assert "on the Pareto front" in shown.stdout
    results = OmegaConf.to_container(OmegaConf.load(sweep_folder() / "optimization_results.yaml"))
    front = study().best_trials
    assert [one["values"] for one in results["solutions"]] == [trial.values for trial in front]
    params = results["solutions"][0]["params"]
    assert type(params["trainer.batch_size"]) is int
    assert type(params["model.hidden"]) is list
    presets = [path.stem for path in sorted((sweep_folder() / "experiment").glob("*.yaml"))]
    assert presets == ["best", *(f"pareto{number}" for number in range(1, len(front) + 1))]
    page = (sweep_folder() / "report.html").read_text()
    assert all(name == "best" or f"experiment={name}<" in page for name in presets)
    entries = RunFolder(sweep_folder()).entries()
    metrics = {key: value for e in entries if e["kind"] == "metrics" for key, value in e["values"].items()}
    assert metrics["sweep/best/parameters"] == min(trial.values[1] for trial in study().trials)


def test_a_trial_that_lacks_an_objective_has_failed(nnexp):
    space = "optimizer.lr=choice(1e30, 0.01)"
    command = ["-m", "hydra/sweeper=optuna", *QUICK, BOTH, "sweep.report=false", "optimizer=sgd", space]
    assert nnexp(*command, "search.sampler=grid", "search.trials=2").returncode == 1
    assert sorted(trial.state.name for trial in study().trials) == ["COMPLETE", "FAIL"]


def test_a_grid_of_several_objectives_has_fronts_too(nnexp):
    shown = nnexp("-m", *QUICK, BOTH, "model.hidden=[4],[8]")
    assert shown.returncode == 0, shown.stderr
    assert "on the Pareto front" in shown.stdout
    assert "optimizes best/val_accuracy and parameters\n" in shown.stdout
    assert "best      parameters " in shown.stdout


@pytest.mark.parametrize(
    ("optimized", "direction", "directions"),
    [
        ("null", None, ["maximize"]),
        ("best/val_loss", None, ["minimize"]),
        ("best/val_loss", "maximize", ["maximize"]),
        ("[best/val_ece,test/accuracy,time/total]", None, ["minimize", "maximize", "minimize"]),
        ("[best/val_accuracy,parameters]", ["minimize", "minimize"], ["minimize", "minimize"]),
    ],
)
def test_directions_follow_from_the_metrics_unless_they_are_given(optimized, direction, directions):
    config = compose([*QUICK, f"optimized_metric={optimized}"])
    assert directions_of(SearchSettings(direction=direction), config) == directions


class Mistakes(Metric):
    direction = "lower"

    def __call__(self, predictions):
        return 0.0


def test_a_metric_of_one_s_own_says_how_it_is_optimized():
    own = {"mistakes": {"_target_": f"{__name__}.Mistakes"}}
    assert direction_of("best/val_mistakes", own) == "minimize"
    assert direction_of("test/mistakes", own) == "minimize"


@pytest.mark.parametrize("direction", ["minimize", ["minimize"], ["minimize"] * 3])
def test_as_many_directions_as_objectives_are_expected(direction):
    with pytest.raises(UserError, match="expected one for each of 2"):
        directions_of(SearchSettings(direction=direction), compose([*QUICK, BOTH]))


def test_several_objectives_are_neither_pruned_nor_searched_by_cmaes():
    both = ["best/val_accuracy", "parameters"]
    with pytest.raises(UserError, match=r"fix: search\.pruner=null or optimized_metric=best/val_accuracy"):
        check_objectives(SearchSettings(pruner="asha"), both, 10)
    with pytest.raises(UserError, match=r"fix: search\.sampler=tpe"):
        check_objectives(SearchSettings(sampler="cmaes"), both, 10)


def test_the_report_reads_a_study_in_a_database(nnexp):
    storage = ["search.storage='sqlite:///study.db'", "search.trials=2", "init=he_normal,orthogonal"]
    shown = nnexp(*SEARCH, *storage)
    assert shown.returncode == 0, shown.stderr
    assert not (sweep_folder() / "study.log").exists()
    sweep = read_sweep(sweep_folder())
    study = read_study(sweep, sweep_table(sweep).rows)
    assert [objective.metric for objective in study.objectives] == ["best/val_accuracy", "parameters"]
    assert len(study.complete) == 2


def test_a_study_that_cannot_be_read_is_left_out_of_the_report(caplog, tmp_path):
    (tmp_path / "study.log").write_text("no study")
    sweep = Sweep("", "", tmp_path, None, [])
    assert read_study(sweep, []) is None
    assert "the report has no plots of the search" in caplog.text
