"""The profile of a sweep: which param lies on the axis, which are lines, and what the title answers."""

import pytest
from matplotlib.colors import to_hex

from nnexp.analysis import RunRow, RunTable, analyze
from nnexp.analysis.profile import MAX_LINES, profile_of
from nnexp.plots.style import COLORS
from nnexp.plots.sweep.panel import draw_panel, draw_plot
from nnexp.plots.sweep.profile import profile_plot

NOISE = (0.001, -0.001, 0.0)


def group_of(*settings, seeds=3, metric="best/val_accuracy"):
    """Analyse settings, each (params, mean result), with three seeds whose mean is the result."""
    rows = [
        RunRow(
            name=f"{i} {seed}",
            params=params
            | {"seed": str(seed), "data": "zoo", "optimizer.lr": params.get("optimizer.lr", "1")},
            metrics={metric: mean + NOISE[(seed + i) % 3], "time/total": 1.0},
            id=f"{i}-{seed}",
        )
        for i, (params, mean) in enumerate(settings)
        for seed in range(seeds)
    ]
    return analyze(RunTable(rows, metric=metric)).groups[0]


def by_lr(results, **params):
    return [({"optimizer.lr": lr, **params}, mean) for lr, mean in results.items()]


ADAM = by_lr({"0.001": 0.93, "0.1": 0.90, "0.01": 0.97}, optimizer="adam")
SGD = by_lr({"0.001": 0.60, "0.1": 0.95, "0.01": 0.80}, optimizer="sgd")


def test_numbers_lie_on_the_axis_by_size_and_words_are_lines_the_best_first():
    profile = profile_of(group_of(*SGD, *ADAM))
    assert (profile.label, profile.values, profile.is_numeric) == ("lr", ("0.001", "0.01", "0.1"), True)
    assert [line.label for line in profile.lines] == ["adam", "sgd"]
    means = [point.estimate.mean for point in profile.lines[0].points]
    assert means == pytest.approx([0.93, 0.97, 0.90])


def test_the_answer_names_each_line_at_its_best_with_intervals_and_what_is_not_distinguishable():
    plot = profile_plot(group_of(*SGD, *ADAM), "Which optimizer?")
    question, answer = plot.headline.splitlines()
    assert question == "Which optimizer?"
    assert "adam 97.00% (96.75% to 97.25%) with lr=0.01; sgd 95.00% (94.75% to 95.25%) with lr=0.1" in answer
    assert answer.endswith("significantly better than all others")
    near = profile_plot(group_of(*ADAM, *by_lr({"0.01": 0.9695}, optimizer="sgd"))).headline
    assert near.endswith("; the best is not significantly better than 1 of the 3 others")


def test_a_setting_of_one_run_is_not_counted_as_tested():
    rows = [
        RunRow(
            f"{init}{seed}",
            {"init": init, "seed": str(seed), "data": "zoo"},
            {"best/val_accuracy": mean + NOISE[(seed + i) % 3]},
            id=f"{init}{seed}",
        )
        for i, (init, mean, seeds) in enumerate([("a", 0.9, 3), ("b", 0.8, 3), ("c", 0.7, 1)])
        for seed in range(seeds)
    ]
    group = analyze(RunTable(rows, metric="best/val_accuracy")).groups[0]
    assert profile_plot(group).headline.endswith("; significantly better than all others that were tested")


def test_lines_that_all_rise_are_described_from_end_to_end():
    sizes = [({"data.limit": str(n), "model": model}, at + n / 10_000) for n in (10, 100, 1000)
             for model, at in (("cnn", 0.85), ("mlp", 0.8))]  # fmt: skip
    answer = profile_plot(group_of(*sizes)).headline
    assert answer.startswith("best/val_accuracy with limit from 10 to 1000: cnn 85.10% to 95.00% (94.75%")
    assert "; mlp 80.10% to 90.00%" in answer
    falling = [({"data.limit": str(n)}, n / 10_000) for n in (10, 100, 1000)]
    assert "limit from 1000 to 10: 0.1" in profile_plot(group_of(*falling, metric="best/val_loss")).headline


def test_words_on_the_axis_are_in_the_order_of_their_results_and_not_joined():
    plot = profile_plot(group_of(({"init": "a"}, 0.91), ({"init": "b"}, 0.95), ({"init": "c"}, 0.93)))
    (axes,) = draw_panel(plot.panels[0]).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["b", "c", "a"]
    assert "is best with b: 95.00% (94.75% to 95.25%); significantly better" in plot.headline
    assert {line.get_linestyle() for line in axes.lines if len(line.get_xdata()) == 3} == {"None"}
    assert plot.legend == []


def test_numbers_of_lines_are_sorted_by_size_and_each_is_named_in_the_answer():
    batches = []
    for batch, best in (("256", 0.4), ("32", 0.3), ("64", 0.2), ("8", 0.1)):
        results = {"1": best / 2, "2": best, "3": best / 3, "4": 0.01, "5": 0.0}
        batches += by_lr(results, **{"trainer.batch_size": batch})
    group = group_of(*batches)
    assert [line.label for line in profile_of(group).lines] == [f"batch_size={n}" for n in (8, 32, 64, 256)]
    answer = profile_plot(group).headline
    assert "batch_size=8 10.00% with lr=2; batch_size=32 30.00% with lr=2; batch_size=64 20.00%" in answer


def test_a_number_or_no_as_the_value_of_a_line_has_its_key():
    batches = [*by_lr({"0.1": 0.9, "0.2": 0.8, "0.3": 0.7}, **{"trainer.batch_size": "16"}),
               *by_lr({"0.1": 0.8, "0.2": 0.9, "0.3": 0.7}, **{"trainer.batch_size": "32"})]  # fmt: skip
    assert [line.label for line in profile_of(group_of(*batches)).lines] == ["batch_size=16", "batch_size=32"]


@pytest.mark.parametrize("n", [MAX_LINES, MAX_LINES + 1])
def test_more_lines_than_colours_are_not_drawn(n):
    settings = [
        one for i in range(n) for one in by_lr({"1": i / 20, "2": i / 30, "3": 0.1}, optimizer=f"o{i}")
    ]
    plot = profile_plot(group_of(*settings))
    if n > MAX_LINES:
        assert plot is None
        return
    assert [color for color, _ in plot.legend] == [to_hex(color) for color in COLORS]
    assert "; last o2 10.00%" in plot.headline
    draw_plot(plot).canvas.draw()


def test_three_params_have_no_profile():
    rows = [({"init": i, "model": m, "schedule": s}, 0.9) for i in "ab" for m in "cd" for s in "ef"]
    assert profile_plot(group_of(*rows)) is None


def test_one_run_each_has_no_interval_and_says_so():
    plot = profile_plot(group_of(*ADAM, seeds=1))
    assert plot.note.startswith("One run each")
    assert plot.headline == "best/val_accuracy is best with lr=0.01: 97.00%"


def test_scores_from_poor_to_near_1_have_an_axis_by_their_error():
    results = {"0.001": 0.30, "0.01": 0.80, "0.1": 0.95, "1": 0.98, "3": 0.99, "10": 0.10}
    plot = profile_plot(group_of(*by_lr(results)))
    assert "logarithmic in the error" in plot.note
    assert "triangle" not in plot.note
    (axes,) = draw_panel(plot.panels[0]).axes
    places = axes.transData.transform([(1, score) for score in (0.8, 0.9, 0.98, 0.99)])[:, 1]
    assert places[1] - places[0] == pytest.approx(places[3] - places[2])
    assert axes.get_ylim()[0] == 0
    assert {0.5, 0.9, 0.99} < set(axes.get_yticks())
    near = profile_plot(group_of(*by_lr({"0.1": 0.95, "1": 0.98, "10": 0.93})))
    assert "logarithmic" not in near.note
    loss = profile_plot(group_of(*by_lr({"0.1": 0.01, "1": 0.5, "10": 0.9}), metric="best/val_loss"))
    assert "logarithmic" not in loss.note


def test_a_score_far_below_0_is_beyond_an_axis_by_error():
    results = {"0.001": 0.20, "0.01": 0.80, "0.1": 0.95, "1": 0.98, "3": 0.99, "10": -1e9}
    plot = profile_plot(group_of(*by_lr(results), metric="best/val_r2"))
    assert "logarithmic in the error" in plot.note
    (axes,) = draw_panel(plot.panels[0]).axes
    assert axes.get_ylim()[0] >= 0
    assert len(axes.texts) == 1  # the number of the triangle


def test_a_perfect_score_has_a_linear_axis():
    plot = profile_plot(group_of(*by_lr({"0.1": 0.2, "10": 0.9, "1": 1.0}), seeds=1))
    assert "logarithmic" not in plot.note


def test_means_far_below_are_triangles_with_their_numbers():
    plot = profile_plot(group_of(*by_lr({"0.1": 0.970, "0.2": 0.971, "0.3": 0.972, "3": 0.1})))
    (axes,) = draw_panel(plot.panels[0]).axes
    assert [text.get_text() for text in axes.texts] == ["10.00%"]
    (triangle,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert triangle.get_ydata() == [axes.get_ylim()[0]]
    assert plot.note.endswith("a mean beyond the axis.")
