"""The plots of a search, drawn from studies of Optuna with known results."""

import math
from io import BytesIO

import pytest

optuna = pytest.importorskip("optuna")

from nnexp.analysis.study_data import StudyData  # noqa: E402
from nnexp.plots.search.param_axis import log_ticks  # noqa: E402
from nnexp.plots.sweep.panel import draw_panel, draw_plot  # noqa: E402
from nnexp.sweeps.report.study_plots import study_data, study_plots  # noqa: E402

METRIC = "best/val_accuracy"


def score(trial) -> float:
    lr = trial.suggest_float("optimizer.lr", 1e-4, 1, log=True)
    init = trial.suggest_categorical("init", ["he_normal", "xavier_uniform"])
    momentum = trial.suggest_float("momentum", 0, 1) if init == "he_normal" else 0.5
    hidden = trial.suggest_categorical("model.hidden", ["[16]", "[64, 32]"])
    return 0.9 - 0.05 * (math.log10(lr) + 2) ** 2 + 0.01 * momentum + 0.001 * len(hidden)


def pruned_study(trials: int = 30, epochs: int = 4) -> StudyData:
    """Search with a pruner; every tenth trial fails."""

    def objective(trial):
        value = score(trial)
        for epoch in range(1, epochs + 1):
            trial.report(value * (1 - 0.5**epoch), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return math.nan if trial.number % 10 == 9 else value

    sampler = optuna.samplers.RandomSampler(seed=0)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=trials)
    return study_data(study, [METRIC])


def two_objectives(trials: int = 12) -> StudyData:
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(lambda trial: (score(trial), 10.0 ** (trial.number % 5)), n_trials=trials)
    return study_data(study, [METRIC, "time/total"])


@pytest.fixture(scope="module")
def pruned() -> StudyData:
    return pruned_study()


def test_a_search_has_all_plots_that_there_are_results_for(pruned):
    names = [plot.name.removeprefix("search-") for plot in study_plots(pruned)]
    assert names == ["history", "intermediate", "importance", "slice", "contour"]
    names = [plot.name.removeprefix("search-") for plot in study_plots(two_objectives())]
    assert names == ["history", "pareto", "importance", "slice", "contour"]


@pytest.mark.parametrize("study", [pruned_study, two_objectives])
def test_every_plot_is_drawn(study):
    for plot in study_plots(study()):
        draw_plot(plot).savefig(BytesIO())


def test_the_history_ends_with_the_best_value(pruned):
    plot = next(plot for plot in study_plots(pruned) if plot.name == "search-history")
    (axes,) = draw_panel(plot.panels[0]).axes
    best = axes.lines[1].get_ydata()
    assert best[-1] == max(trial.values[0] for trial in pruned.complete)
    assert list(best) == sorted(best)
    pruned_trials = [trial.number for trial in pruned.trials if trial.state == "PRUNED"]
    assert list(axes.lines[2].get_xdata()) == pruned_trials
    assert f"{len(pruned_trials)} pruned" in plot.note


def test_the_note_of_intermediate_values_counts_the_epochs(pruned):
    plot = next(plot for plot in study_plots(pruned) if plot.name == "search-intermediate")
    epochs = sum(max(trial.intermediate) for trial in pruned.trials)
    assert f"{epochs:,} epochs, {epochs / (4 * 30):.0%}" in plot.note


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_params_are_ordered_by_the_importance_that_optuna_evaluates(direction):
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(direction=direction, sampler=sampler)
    study.optimize(score, n_trials=40)
    data = study_data(study, [METRIC])
    assert data.objectives[0].importance == optuna.importance.get_param_importances(study)
    assert [param.name for param in data.params] == list(data.objectives[0].importance)


def test_the_front_has_the_trials_that_optuna_has_in_it():
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.optimize(lambda trial: (score(trial), trial.suggest_float("x", 0, 1)), n_trials=20)
    front = study_data(study, [METRIC, "time/total"]).front
    assert [trial.number for trial in front] == sorted(trial.number for trial in study.best_trials)


@pytest.mark.parametrize("trials", [0, 1, 2, 3])
def test_a_search_that_has_only_begun_is_drawn_as_far_as_it_can_be(trials):
    for plot in study_plots(pruned_study(trials)):
        draw_plot(plot).savefig(BytesIO())


def test_values_on_a_line_have_points_without_contours():
    study = optuna.create_study(direction="maximize")
    for x in range(6):
        study.add_trial(
            optuna.create_trial(
                value=x,
                params={"x": float(x), "y": 2.0 * x},
                distributions=dict.fromkeys("xy", optuna.distributions.FloatDistribution(0, 20)),
            )
        )
    for plot in study_plots(study_data(study, [METRIC])):
        draw_plot(plot).savefig(BytesIO())


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1e-4, 1, [1e-4, 1e-3, 1e-2, 1e-1, 1]),
        (2e-3, 3.1e-2, [3e-3, 1e-2, 3e-2]),
        (0.015, 0.09, [0.02, 0.05]),
        (1e-12, 1, [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1]),
    ],
)
def test_logarithms_have_few_ticks_at_round_numbers(low, high, expected):
    ticks = log_ticks(math.log10(low) - 1e-9, math.log10(high) + 1e-9)
    assert len(ticks) <= 7
    assert set(expected) <= {float(f"{10**tick:.3g}") for tick in ticks}
