"""Which job of a sweep runs next, which runs again, and when no further one begins."""

from hydra.core.utils import JobStatus

from nnexp.errors import UserError
from nnexp.sweeps.execution.events import JobEnded, JobMessage
from nnexp.sweeps.execution.job import Job, completed, failed
from nnexp.sweeps.execution.job_queue import JobQueue

JOBS = [Job(number, [f"seed={number}"]) for number in (3, 5, 9)]


def run_all(queue, failures):
    """Run the jobs of a queue; failures: how often a number fails before it does not."""
    order = []
    left = dict(failures)
    while (job := queue.next()) is not None:
        order.append((job.number, job.attempt))
        if left.get(job.number, 0):
            left[job.number] -= 1
            queue.event(JobEnded(job.number, "FAILED", error="why"))
            queue.end(job, failed(job, UserError("why")))
        else:
            queue.event(JobEnded(job.number, "FINISHED", value=0.5))
            queue.end(job, completed(job, 0.5))
    return order


def test_a_job_that_fails_does_not_stop_the_others():
    events = []
    queue = JobQueue(JOBS, events.append)
    assert run_all(queue, {3: 1}) == [(3, 1), (5, 1), (9, 1)]
    assert [outcome.status for outcome in queue.results()] == [JobStatus.FAILED] + [JobStatus.COMPLETED] * 2
    assert (queue.failures, queue.is_stopped) == (1, False)
    assert [(event.number, event.will_retry) for event in events] == [(3, False), (5, False), (9, False)]


def test_a_job_that_fails_runs_again_after_the_others_and_says_so():
    events = []
    queue = JobQueue(JOBS, events.append, retries=2)
    assert run_all(queue, {5: 1, 9: 9}) == [(3, 1), (5, 1), (9, 1), (5, 2), (9, 2), (9, 3)]
    assert (queue.failures, [outcome.status for outcome in queue.results()][2]) == (1, JobStatus.FAILED)
    assert [event.will_retry for event in events if event.number == 9] == [True, True, False]


def test_a_failure_ends_the_sweep_where_that_is_asked_for_once_its_retries_are_used_up():
    queue = JobQueue(JOBS, lambda event: None, retries=1, fail_fast=True)
    assert run_all(queue, {3: 1, 5: 2}) == [(3, 1), (5, 1), (9, 1), (3, 2), (5, 2)]
    assert queue.is_stopped
    queue = JobQueue(JOBS, lambda event: None, fail_fast=True)
    assert run_all(queue, {3: 1}) == [(3, 1)]
    assert queue.is_stopped


def test_the_end_of_an_attempt_is_shown_once_and_messages_always():
    events = []
    queue = JobQueue(JOBS, events.append, retries=1)
    job = queue.next()
    for event in (JobMessage(3, "note", "text"), JobEnded(3, "FAILED"), JobEnded(3, "FAILED")):
        queue.event(event)
    assert len(events) == 2
    queue.end(job, failed(job, UserError("why")))
    queue.event(JobEnded(3, "FINISHED"))
    assert len(events) == 3


def test_a_job_that_is_finished_already_does_not_run_and_has_its_outcome():
    queue = JobQueue(JOBS, lambda event: None)
    queue.skip(JOBS[1], completed(JOBS[1], 0.75))
    assert run_all(queue, {}) == [(3, 1), (9, 1)]
    assert [outcome.return_value for outcome in queue.results()] == [0.5, 0.75, 0.5]
