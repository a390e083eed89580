"""Workers that submitit starts: on a cluster, and as processes of this machine."""

import signal
from collections import Counter

import pytest
from fixtures.processes import Command, entries_of, kill_all, status_of

from nnexp.sweeps.execution.workers import submitit

pytest.importorskip("submitit")
SWEEP = ["-m", "data=digits", "model.hidden=[8]", "tracking=none", "sweep.report=false"]
SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=short", "hydra.launcher.timeout_min=7"]

KILLED = """
import os
import signal
from pathlib import Path
from nnexp.optim.optimizers import SGD


class Killed(SGD):
    count = 0

    def step(self, scale=1.0):
        self.count += 1
        if self.count == 25 and not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getpid(), signal.SIGNUMBER)
        super().step(scale)
"""


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    kill_all()


def sweep_of(folder):
    (sweep,) = folder.glob("outputs/sweeps/*/*/")
    return sweep


def statuses(folder):
    return [status_of(path) for path in sorted(sweep_of(folder).glob("[0-9]*"))]


def test_jobs_run_in_workers_that_slurm_starts_with_the_settings_of_the_launcher(nnexp, alone, slurm):
    done = nnexp(*SWEEP, *SLURM, "trainer.epochs=1", "seed=range(4)", "sweep.jobs=2")
    assert done.returncode == 0, done.stderr
    assert "4 jobs, 2 workers" in done.stdout
    assert statuses(alone) == ["FINISHED"] * 4
    scripts = slurm.scripts()
    assert len(scripts) == 2
    for line in ("--partition=short", "--time=7", "--no-requeue", "--signal=USR2@120", "--job-name=nnexp"):
        assert f"#SBATCH {line}" in scripts[0]
    assert not (sweep_of(alone) / submitit.FOLDER).exists()


@pytest.mark.parametrize(
    "number",
    ["SIGKILL", pytest.param("SIGUSR2", marks=pytest.mark.long)],  # its node dies; its time is nearly up
)
def test_the_job_of_a_worker_that_ends_goes_on_from_its_checkpoint_in_another(
    number, nnexp, alone, slurm, monkeypatch
):
    monkeypatch.setattr(submitit, "QUERY_INTERVAL", 0.5)
    (alone / "killed_optimizer.py").write_text(KILLED.replace("SIGNUMBER", number))
    monkeypatch.setenv("PYTHONPATH", str(alone))
    monkeypatch.syspath_prepend(alone)
    plug_in = ["plugins=[killed_optimizer]", "optimizer=sgd", "optimizer._target_=killed_optimizer.Killed"]
    settings = ["trainer.epochs=4", "checkpoint.epochs=1", "seed=0,1", "sweep.jobs=1"]
    done = nnexp(*SWEEP, *SLURM, *plug_in, *settings)
    assert done.returncode == 0, done.stderr
    assert "runs again: Slurm job 1" in done.stderr
    assert statuses(alone) == ["FINISHED"] * 2
    entries = entries_of(sweep_of(alone) / "0")
    epochs = [entry["step"] for entry in entries if entry["kind"] == "metrics"]
    assert Counter(epochs)[1] == 1  # it was not trained from the start again
    assert len(slurm.scripts()) == 2


def test_a_worker_that_cannot_start_ends_the_sweep_with_its_log(nnexp, alone, slurm, monkeypatch):
    monkeypatch.setattr(submitit, "QUERY_INTERVAL", 0.1)
    done = nnexp(*SWEEP, *SLURM, "trainer.epochs=1", "seed=0,1", 'hydra.launcher.setup=["exit 3"]')
    assert done.returncode == 2
    assert "3 workers have ended before their first job: Slurm job" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_ctrl_c_ends_running_jobs_in_order_and_cancels_those_that_wait(alone, slurm, monkeypatch):
    monkeypatch.setenv("FAKE_SLURM_IS_FULL", "1")
    command = Command(alone, *SWEEP, *SLURM, "trainer.epochs=5000", "seed=0,1", "sweep.jobs=2")
    command.wait_for(lambda: len(slurm.scripts()) == 2 and any(status_is_running(alone)))
    command.interrupt(signal.SIGINT, group=True)
    assert command.wait() == 128 + signal.SIGINT, command.output
    assert "go on" in command.output
    assert statuses(alone) == ["KILLED"]
    assert slurm.states() == {2: "CANCELLED by 0"}
    command.wait_for_processes()


def status_is_running(folder):
    for path in folder.glob("outputs/sweeps/*/*/[0-9]*/journal.jsonl"):
        yield any(entry["kind"] == "metrics" for entry in entries_of(path.parent))


def test_a_sweep_whose_workers_submitit_starts_here_is_that_of_any_other_launcher(nnexp, alone):
    command = [*SWEEP, "trainer.epochs=1", "seed=range(3)"]
    done = nnexp(*command, "hydra/launcher=submitit_local", "sweep.jobs=2")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 finished" in done.stdout
    again = nnexp(*command)
    assert "3 of 3 jobs" in again.stdout or "3 of 3 finished" in again.stdout
    assert len(list(alone.glob("outputs/sweeps/*/*/"))) == 1
