"""The picture that a sweep leaves."""

import subprocess
import sys

from nnexp.config.compose import examine_overrides
from nnexp.plots.sweep import draw_sweep, group_by_setting, read_runs
from nnexp.tracking.journal import Journal


def recorded(folder, params, values):
    with Journal(folder) as journal:
        journal.log_run("name", params, {}, None)
        for step, value in enumerate(values, 1):
            journal.log_metrics(step, {"train/loss": 1 - value, "val/accuracy": value})


def sweep(folder, *runs):
    for i, (params, values) in enumerate(runs):
        (folder / str(i)).mkdir(parents=True)
        recorded(folder / str(i), params, values)
    return folder


def test_runs_that_differ_in_their_seed_only_are_together(tmp_path):
    he, xavier = {"init": "he_normal", "init.gain": "1.4"}, {"init": "xavier_normal", "init.gain": "1.0"}
    runs = [({**init, "seed": str(seed)}, [0.5, 0.6]) for init in (he, xavier) for seed in range(3)]
    groups = group_by_setting(read_runs(sweep(tmp_path, *runs)))
    assert {label: len(group) for label, group in groups.items()} == {
        "init=he_normal": 3,
        "init=xavier_normal": 3,
    }


def test_runs_of_different_lengths_and_a_dead_one_are_drawn(tmp_path):
    folder = sweep(tmp_path, ({"lr": "1"}, [0.1, 0.2, 0.3]), ({"lr": "2"}, [0.4]), ({"lr": "3"}, []))
    assert draw_sweep(folder, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 10_000


def test_a_single_run_makes_no_picture(tmp_path):
    assert not draw_sweep(sweep(tmp_path, ({}, [0.5])), tmp_path / "sweep.png")


def test_an_experiment_may_be_a_sweep(alone):
    overrides = [
        "experiment=he_vs_xavier",
        "data=digits",
        "model.depth=4",
        "trainer.epochs=1",
        "tracking=none",
        "hydra/launcher=basic",
        "seed=0,1",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "nnexp", *overrides], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (alone / "outputs" / "sweeps").glob("*/*")
    assert len(list(folder.glob("*/journal.jsonl"))) == 4
    assert (folder / "sweep.png").stat().st_size > 10_000
    assert f"plot      {folder.relative_to(alone)}/sweep.png" in done.stdout


def test_a_sweep_of_which_a_run_failed_leaves_its_picture_all_the_same(alone):
    overrides = ["-m", "data=digits", "trainer.epochs=1", "tracking=none", "optimizer.lr=0.01,0.02,1e30"]
    done = subprocess.run(
        [sys.executable, "-m", "nnexp", *overrides], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "sweep.png" in done.stdout


def test_what_a_preset_sweeps_over_is_examined_and_can_be_replaced(alone):
    folder = alone / "mine" / "experiment"
    folder.mkdir(parents=True)
    preset = "# @package _global_\n# a sweep of one's own\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      init: he_norml,zeros\n"
    (folder / "mine.yaml").write_text(preset)
    overrides = ["experiment=mine", "data=digits", "seed=3,4"]
    problems = examine_overrides(overrides, config_dir=alone / "mine").problems
    assert [problem.where for problem in problems] == ["init=he_norml"]
    assert examine_overrides([*overrides, "init=zeros,he_normal"], config_dir=alone / "mine").problems == []
