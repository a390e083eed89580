import subprocess
import sys

from nnexp.config.compose import examine_overrides

SHORT = ["data=digits", "trainer.epochs=1", "tracking=none", "hydra/launcher=basic"]
PRESET = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {init: 'he_norml,zeros'}}}\n"


def test_a_preset_may_be_a_sweep_and_has_a_report_even_if_a_run_failed(alone):
    overrides = ["experiment=he_vs_xavier", "model.depth=4", "seed=0", "optimizer.lr=0.01,1e30"]
    command = [sys.executable, "-m", "nnexp", *SHORT, *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (plot,) = alone.glob("outputs/sweeps/*/*/sweep.png")
    assert plot.stat().st_size > 10_000
    assert str(plot.with_name("report.html").relative_to(alone)) in done.stdout


def test_the_params_that_a_preset_sweeps_over_are_validated_and_can_be_replaced(alone):
    (alone / "mine" / "experiment").mkdir(parents=True)
    (alone / "mine" / "experiment" / "mine.yaml").write_text(PRESET)
    overrides = ["experiment=mine", "data=digits", "seed=3,4"]
    problems = examine_overrides(overrides, config_dir=alone / "mine").problems
    assert [problem.where for problem in problems] == ["init=he_norml"]
    assert examine_overrides([*overrides, "init=zeros,he_normal"], config_dir=alone / "mine").problems == []
