"""The jobs of a plan with a launcher that is not ours: numbers, batches, and what is shown of them."""

from types import SimpleNamespace

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from nnexp.config.schema import SweepSettings
from nnexp.errors import UserError
from nnexp.sweeps.execution.job import Job
from nnexp.sweeps.execution.launcher import Execution, SweepLauncher
from nnexp.sweeps.execution.sweeper import PlannedSweeper
from nnexp.sweeps.plan.sweep_plan import PlannedJob, SweepPlan
from nnexp.tracking.journal import Journal


class OtherLauncher:
    """Hydra's interface: it numbers jobs from the one that it is given."""

    def __init__(self):
        self.launched = []

    def launch(self, job_overrides, initial_job_idx):
        self.launched.append((initial_job_idx, [list(overrides) for overrides in job_overrides]))
        outcomes = []
        for overrides in job_overrides:
            outcome = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
            outcome.return_value = 0.5
            if overrides == ["seed=4"]:
                outcome.status = JobStatus.FAILED
                outcome.return_value = UserError("out of luck")
            outcomes.append(outcome)
        return outcomes


def planned(number, state="new"):
    return PlannedJob(number, f"s{number}", (f"seed={number}",), {"seed": str(number)}, "", state)


@pytest.fixture
def sweeper(tmp_path, monkeypatch):
    jobs = (planned(0), planned(1, "finished"), planned(2), planned(3), planned(4), planned(7))
    plan = SweepPlan(tmp_path, "d/t", "seed", "nnexp", jobs, {"seed": []}, 1, 1, SweepSettings())
    for number in (0, 1, 2, 3, 7):
        (tmp_path / str(number)).mkdir()
        with Journal(tmp_path / str(number)) as journal:
            journal.log_run("name", {}, {}, None)
            journal.log_metrics(0, {"best/val_accuracy": number / 10, "time/total": 2.0})
            journal.end("FINISHED")
    events = []
    monkeypatch.setattr(SweepLauncher, "execution", Execution(plan, events.append))
    sweeper = PlannedSweeper(max_batch_size=2)
    sweeper.config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}, "optimized_metric": None})
    sweeper.launcher = OtherLauncher()
    return SimpleNamespace(sweeper=sweeper, events=events)


def test_another_launcher_gets_the_unfinished_jobs_by_their_numbers(sweeper):
    sweeper.sweeper.sweep([])
    assert sweeper.sweeper.launcher.launched == [
        (0, [["seed=0"]]),
        (2, [["seed=2"], ["seed=3"]]),
        (4, [["seed=4"]]),
        (7, [["seed=7"]]),
    ]


def test_what_became_of_its_jobs_is_shown_and_counted(sweeper):
    sweeper.sweeper.sweep([])
    shown = {event.number: (event.status, event.value or event.error) for event in sweeper.events}
    assert shown == {
        0: ("FINISHED", ""),
        1: ("SKIPPED", 0.1),
        2: ("FINISHED", 0.2),
        3: ("FINISHED", 0.3),
        4: ("FAILED", "out of luck"),
        7: ("FINISHED", 0.7),
    }
    assert SweepLauncher.execution.failures == 1


def test_jobs_without_gaps_are_one_batch(sweeper):
    sweeper.sweeper.max_batch_size = None
    jobs = [Job(number, ["a=1"]) for number in (3, 4, 5)]
    assert list(sweeper.sweeper.batches(jobs)) == [jobs]
