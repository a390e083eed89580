import subprocess
import sys

from nnexp.config.compose import examine_overrides
from nnexp.plots.sweep import draw_sweep, group_by_setting, read_runs, sweep_curves
from nnexp.tracking.journal import Journal

SHORT = ["data=digits", "trainer.epochs=1", "tracking=none", "hydra/launcher=basic"]
PRESET = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {init: 'he_norml,zeros'}}}\n"


def write_sweep(folder, *runs, unit="epoch"):
    for i, (params, values) in enumerate(runs):
        (folder / str(i)).mkdir(parents=True)
        with Journal(folder / str(i)) as journal:
            journal.log_run("name", params, {}, None, unit=unit)
            for step, value in enumerate(values, 1):
                journal.log_metrics(step, {"train/loss": 1 - value, "val/accuracy": value})
    return folder


def test_runs_that_differ_only_in_their_seed_are_one_group(tmp_path):
    he, xavier = {"init": "he_normal", "init.gain": "1.4"}, {"init": "xavier_normal", "init.gain": "1.0"}
    runs = [({**init, "seed": str(seed)}, [0.5, 0.6]) for init in (he, xavier) for seed in range(3)]
    groups = group_by_setting(read_runs(write_sweep(tmp_path, *runs)))
    sizes = {label: len(group) for label, group in groups.items()}
    assert sizes == {"init=he_normal": 3, "init=xavier_normal": 3}


def test_runs_of_different_lengths_and_a_failed_one_are_drawn_over_their_unit(tmp_path):
    runs = ({"lr": "1"}, [0.1, 0.2, 0.3]), ({"lr": "2"}, [0.4]), ({"lr": "3"}, [])
    folder = write_sweep(tmp_path, *runs, unit="step")
    assert draw_sweep(folder, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 10_000
    assert [axes.get_xlabel() for axes in sweep_curves(read_runs(folder)).axes] == ["step", "step"]


def test_a_single_run_has_no_plot(tmp_path):
    assert not draw_sweep(write_sweep(tmp_path, ({}, [0.5])), tmp_path / "sweep.png")


def test_a_preset_may_be_a_sweep_and_has_a_plot_even_if_a_run_failed(alone):
    overrides = ["experiment=he_vs_xavier", "model.depth=4", "seed=0", "optimizer.lr=0.01,1e30"]
    command = [sys.executable, "-m", "nnexp", *SHORT, *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (plot,) = alone.glob("outputs/sweeps/*/*/sweep.png")
    assert plot.stat().st_size > 10_000
    assert str(plot.relative_to(alone)) in done.stdout


def test_the_params_that_a_preset_sweeps_over_are_validated_and_can_be_replaced(alone):
    (alone / "mine" / "experiment").mkdir(parents=True)
    (alone / "mine" / "experiment" / "mine.yaml").write_text(PRESET)
    overrides = ["experiment=mine", "data=digits", "seed=3,4"]
    problems = examine_overrides(overrides, config_dir=alone / "mine").problems
    assert [problem.where for problem in problems] == ["init=he_norml"]
    assert examine_overrides([*overrides, "init=zeros,he_normal"], config_dir=alone / "mine").problems == []
