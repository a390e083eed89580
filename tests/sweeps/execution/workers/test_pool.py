"""The pool of workers: which worker gets a job, and what becomes of the jobs of those that die."""

from collections import deque

import pytest

from nnexp.errors import UserError
from nnexp.sweeps.execution.events import JobEnded, JobProgress, JobStarted, UploadEnded
from nnexp.sweeps.execution.job import Job, completed
from nnexp.sweeps.execution.job_queue import JobQueue
from nnexp.sweeps.execution.workers.pool import MAX_FAILED_STARTS, WorkerPool
from nnexp.sweeps.execution.workers.trials import Decision, Evaluation
from nnexp.sweeps.execution.workers.worker import Backend, Worker

DIES = "dies"  # in place of a message


class ScriptedWorker(Worker):
    """Answers each job at once with what the script of its attempt says."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.messages = deque()
        self.is_up = not cluster.pending

    def order(self, order):
        if isinstance(order, Decision):
            self.cluster.decisions.append(order.is_pruned)
        elif isinstance(order, Job):
            self.cluster.given.append((order.number, self.cluster.workers.index(self)))
            script = self.cluster.scripts.get(order.number, deque())
            self.messages.extend(script.popleft() if script else [completed(order, 0.5)])
        else:
            self.messages.append(DIES)

    @property
    def is_ready(self):
        if not self.is_up and self.cluster.pending == "until asked" and self is self.cluster.workers[-1]:
            self.is_up = True
        return bool(self.messages)

    def receive(self):
        message = self.messages.popleft()
        if message is DIES:
            raise EOFError
        return message

    def stop(self, at_once=False):
        return 0


class Cluster(Backend):
    def __init__(self, scripts=(), pending=""):
        self.scripts = {number: deque(script) for number, script in dict(scripts).items()}
        self.pending = pending
        self.workers = []
        self.given = []
        self.decisions = []

    def start(self, runner):
        worker = ScriptedWorker(self)
        self.workers.append(worker)
        if self.pending == "dies":
            worker.messages.append(DIES)
            worker.reason = "Slurm job 7 has ended early"
        return worker


def run_pool(cluster, size=2, jobs=4, **options):
    events = []
    queue = JobQueue([Job(number, []) for number in range(jobs)], events.append, **options)
    queue.lost_retries = 3
    pool = WorkerPool(cluster, None, queue)
    pool.run(size)
    pool.finish()
    pool.close()
    return queue, events


def test_each_job_runs_once_on_no_more_workers_than_asked_for():
    cluster = Cluster()
    queue, _ = run_pool(cluster)
    assert sorted(number for number, _ in cluster.given) == [0, 1, 2, 3]
    assert len(cluster.workers) == 2
    assert [outcome.return_value for outcome in queue.results()] == [0.5] * 4


def test_a_machine_that_joins_later_gets_jobs_too():
    cluster = Cluster()
    cluster.room = lambda planned: planned if len(cluster.given) < 3 else planned + 1
    run_pool(cluster, size=1, jobs=9)
    assert {worker for _, worker in cluster.given} == {0, 1}


def test_a_worker_that_waits_for_its_node_holds_no_job_back():
    cluster = Cluster(pending="until asked")
    queue, _ = run_pool(cluster, size=3, jobs=3)
    assert len(queue.results()) == 3
    assert sorted(number for number, _ in cluster.given) == [0, 1, 2]


def test_the_job_of_a_worker_that_died_goes_to_another_one_and_is_no_failure():
    cluster = Cluster({1: [[DIES], [DIES]]})
    queue, events = run_pool(cluster)
    assert queue.failures == 0
    assert len(cluster.workers) > 2
    lost = [event for event in events if isinstance(event, JobEnded)]
    assert [(event.number, event.is_lost, event.will_retry) for event in lost] == [(1, True, True)] * 2


@pytest.mark.parametrize(("trained", "failures"), [(False, 1), (True, 0)])
def test_a_job_fails_whose_workers_die_again_and_again_without_an_evaluation(trained, failures):
    attempt = [JobProgress(0, 1, 9), DIES] if trained else [DIES]
    queue, events = run_pool(Cluster({0: [attempt] * 6}))
    assert queue.failures == failures
    ends = [event.will_retry for event in events if isinstance(event, JobEnded)]
    assert ends == ([True] * 6 if trained else [True] * 3 + [False])


def test_the_pool_knows_which_uploads_were_lost_with_a_worker(tmp_path):
    jobs = [Job(number, []) for number in range(3)]
    begun = [JobStarted(number, tmp_path / str(number)) for number in range(3)]
    ended = [completed(job, 0.5) for job in jobs]
    scripts = {0: [[begun[0], ended[0]]], 1: [[begun[1], ended[1], UploadEnded(0, tmp_path / "0")]]}
    scripts[2] = [[begun[2], ended[2], UploadEnded(1, tmp_path / "1"), DIES]]
    pool = WorkerPool(Cluster(scripts), None, JobQueue(jobs, lambda event: None))
    pool.run(1)
    pool.finish()
    assert pool.not_uploaded == {2: tmp_path / "2"}


def test_the_sweep_decides_for_a_worker_whether_its_trial_is_pruned():
    class Trial:
        def should_prune(self, epoch, metrics):
            return metrics["val/accuracy"] < epoch / 10

    job = Job(0, [], trial=Trial())
    evaluations = [Evaluation(epoch, {"val/accuracy": 0.15}) for epoch in (1, 2)]
    cluster = Cluster({0: [[*evaluations, completed(job, 0.5)]]})
    queue = JobQueue([job], lambda event: None)
    WorkerPool(cluster, None, queue).run(1)
    assert cluster.decisions == [False, True]


def test_workers_that_die_before_their_first_job_end_the_sweep_with_the_reason():
    cluster = Cluster(pending="dies")
    with pytest.raises(UserError, match="Slurm job 7 has ended early"):
        run_pool(cluster, size=1)
    assert len(cluster.workers) == MAX_FAILED_STARTS
