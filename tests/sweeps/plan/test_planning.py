"""The plan of a sweep: what is new, and which recorded sweep the command goes on with. Nothing is trained."""

import json
import os
from pathlib import Path

import pytest
from fixtures.recorded_sweeps import write_job
from hydra.types import RunMode

from nnexp.config.compose import examine_overrides, hydra_of
from nnexp.run_folder import JOURNAL
from nnexp.sweeps.plan import continuation, launchers, planning
from nnexp.sweeps.plan.continuation import SweepError, recorded_command
from nnexp.sweeps.plan.planning import Command, plan_sweep
from nnexp.sweeps.plan.record import name_of_job, read_record, write_record
from nnexp.tracking.journal import DIED, Journal

SHORT = ["data=digits", "trainer.epochs=1", "tracking=none"]
GRID = ["seed=0,1", "init=he_normal,zeros"]


def planned(*overrides, code="1", monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.setattr(planning, "code_sha256", lambda plugins: code)
    overrides = [*SHORT, *overrides]
    examination = examine_overrides(overrides, sweep=True)
    assert examination.problems == []
    with hydra_of(None, examination.loader) as loader:
        config = loader.load_configuration("config", list(examination.overrides), RunMode.MULTIRUN)
        return plan_sweep(config, examination, Command("nnexp -m", overrides, None, "config"))


def began(*overrides, statuses=("FINISHED", "KILLED", "FAILED", None), **options):
    """Record a sweep, of which jobs have these statuses; None: a job that has not begun."""
    plan, record = planned(*overrides, **options)
    write_record(plan.folder, record)
    for job, status in zip(plan.jobs, statuses, strict=False):
        if status is not None:
            write_job(plan.job_folder(job.number), {"seed": "0"}, [0.5, 0.75], status=status)
    return plan


def states(plan):
    return [(job.number, job.state) for job in plan.jobs]


def test_a_new_sweep_has_all_jobs_with_their_names_and_writes_nothing():
    plan, record = planned(*GRID, "sweep.jobs=2")
    assert [job.name for job in plan.jobs] == ["he_normal s0", "zeros s0", "he_normal s1", "zeros s1"]
    assert states(plan) == [(number, "new") for number in range(4)]
    assert (plan.name, plan.workers) == ("seed x init", 2)
    assert plan.threads == max((os.cpu_count() or 1) // 2, 1)
    assert [job.number for job in record.jobs] == [0, 1, 2, 3]
    assert list(Path().glob("outputs/**/*")) == []


def test_the_record_is_read_as_it_was_written():
    plan, record = planned(*GRID)
    write_record(plan.folder, record)
    assert read_record(plan.folder) == record
    assert name_of_job(plan.folder, 3) == "zeros s1"
    assert name_of_job(plan.folder, 4) == ""


def test_the_same_command_goes_on_with_its_sweep():
    before = began(*GRID)
    plan, record = planned(*GRID)
    assert (plan.folder, plan.id) == (before.folder, before.id)
    assert states(plan) == [(0, "finished"), (1, "interrupted"), (2, "failed"), (3, "new")]
    assert [job.value for job in plan.jobs] == [0.75, None, None, None]
    assert len(record.jobs) == 4


def test_a_job_whose_process_died_was_interrupted_and_has_not_failed():
    journal = began(*GRID, statuses=["FAILED"]).job_folder(0) / JOURNAL
    *lines, end = journal.read_text().splitlines()
    journal.write_text("".join(f"{line}\n" for line in [*lines, json.dumps(json.loads(end) | {DIED: True})]))
    assert states(planned(*GRID)[0])[0] == (0, "interrupted")


def test_a_sweep_goes_on_in_the_folder_that_its_command_gives_and_in_no_other():
    began(*GRID)
    given = [*GRID, "hydra.sweep.dir=mine"]
    new, _ = planned(*given)
    assert (new.folder.name, new.jobs[0].state) == ("mine", "new")
    began(*given)
    again, _ = planned(*given)
    assert (again.folder.name, again.jobs[0].state) == ("mine", "finished")


def test_added_values_get_new_numbers_and_the_others_keep_theirs():
    before = began(*GRID, statuses=["FINISHED"] * 4)
    plan, record = planned("seed=0,2,1", "init=orthogonal,he_normal,zeros")
    assert plan.folder == before.folder
    assert states(plan) == [(i, "finished") for i in range(4)] + [(i, "new") for i in range(4, 9)]
    assert plan.jobs[4].swept == {"seed": "0", "init": "orthogonal"}
    assert record.swept == {"seed": ["0", "1", "2"], "init": ["he_normal", "zeros", "orthogonal"]}


def test_a_sweep_over_other_values_of_the_same_keys_keeps_the_jobs_that_began():
    before = began("seed=0,1,2", statuses=["FINISHED", "FINISHED", None])
    plan, record = planned("seed=1,3")
    assert (plan.folder, states(plan)) == (before.folder, [(1, "finished"), (3, "new")])
    assert [job.number for job in record.jobs] == [0, 1, 3]


@pytest.mark.parametrize(
    "changed",
    [
        ["seed=0,1", "init=he_normal,zeros", "trainer.batch_size=64"],
        ["seed=0,1"],
        ["seed=5,6", "init=he_normal,zeros"],
        [*GRID, "tracking.experiment=other"],
        [*GRID, "sweep.skip_finished=false"],
    ],
    ids=" ".join,
)
def test_another_sweep_gets_a_folder_of_its_own(changed):
    before = began(*GRID)
    plan, _ = planned(*changed)
    assert plan.folder != before.folder
    assert {job.state for job in plan.jobs} == {"new"}


def test_settings_that_change_nothing_learnt_go_on_with_the_sweep():
    before = began(*GRID)
    plan, _ = planned(*GRID, "diagnostics.layers=false", "sweep.jobs=2", "checkpoint.seconds=5")
    assert plan.folder == before.folder


def test_other_code_begins_anew(monkeypatch):
    before = began(*GRID, code="1", monkeypatch=monkeypatch)
    plan, _ = planned(*GRID, code="2", monkeypatch=monkeypatch)
    assert plan.folder != before.folder
    again, _ = planned(*GRID, f"sweep.resume={before.folder}", code="2", monkeypatch=monkeypatch)
    assert (again.folder, states(again)) == (before.folder, [(number, "new") for number in range(4, 8)])


def test_a_job_whose_data_have_changed_is_trained_again_under_a_new_number(alone):
    rows = "\n".join(f"{i},{i % 2}" for i in range(40))
    (alone / "a.csv").write_text(f"x,y\n{rows}\n")
    table = ["data=table", "data.path=a.csv", "data.target=y", "seed=0,1"]
    before = began(*table, statuses=["FINISHED", "FINISHED"])
    for number, digest in enumerate(["another", ""]):
        facts = {"task": "classification", **({"sha256": digest} if digest else {})}
        (before.job_folder(number) / "dataset.json").write_text(json.dumps(facts))
    assert states(planned(*table)[0]) == [(1, "finished"), (2, "new")]


def test_equal_configurations_are_matched_one_by_one():
    threads = "trainer.threads=1,2"  # which changes nothing that is learnt
    began("seed=0", threads, statuses=["FINISHED", None])
    plan, _ = planned("seed=0", threads)
    assert [(job.number, job.state, job.swept["trainer.threads"]) for job in plan.jobs] == [
        (0, "finished", "1"),
        (1, "new", "2"),
    ]


def test_a_sweep_that_is_going_on_is_not_begun_twice():
    before = began(*GRID, statuses=[])
    with Journal(before.folder) as journal:
        journal.log_run("a", {}, {}, None)
        with pytest.raises(SweepError, match="is going on in another process"):
            planned(*GRID)


def test_a_job_that_a_worker_still_ends_is_waited_for(monkeypatch):
    monkeypatch.setattr(continuation, "ENDING", 0.1)
    before = began(*GRID, statuses=[""])
    with pytest.raises(SweepError, match="is going on in another process"):
        planned(*GRID)
    monkeypatch.setattr(continuation, "ENDING", 5.0)
    ending = iter([True, True, False])
    monkeypatch.setattr(continuation, "is_running", lambda folder: next(ending))
    assert planned(*GRID)[0].folder == before.folder


def test_a_sweep_is_resumed_by_its_name_with_the_recorded_overrides():
    before = began(*GRID)
    for text in ("last", before.id, str(before.folder), "seed x init"):
        record = recorded_command([f"sweep.resume={text}"])
        assert record is not None
        assert record.overrides == [*SHORT, *GRID]
    assert recorded_command(["seed=1", "sweep.resume=null"]) is None
    with pytest.raises(SweepError, match="no such sweep on this machine"):
        recorded_command(["sweep.resume=nowhere"])


def test_a_new_sweep_of_all_jobs_is_resumed_like_any_other():
    began(*GRID, "sweep.skip_finished=false")
    record = recorded_command(["sweep.resume=last"])
    assert record is not None
    assert record.overrides == [*SHORT, *GRID]


def test_there_are_no_more_workers_than_jobs_and_each_has_its_share_of_the_threads(monkeypatch):
    monkeypatch.setattr(launchers, "cpu_count", lambda: 8)
    plan, _ = planned("seed=0,1", "sweep.jobs=8")
    assert (plan.workers, plan.threads) == (2, 4)


@pytest.mark.parametrize("content", ["", "[]", '{"id": 3}', '{"jobs": [1]}'])
def test_a_damaged_record_is_none(content, alone):
    (alone / "sweep.json").write_text(content)
    assert read_record(alone) is None
