"""What a worker of a sweep sends to the process that started it."""

import pickle
from dataclasses import dataclass, replace
from queue import SimpleQueue

from hydra.core.utils import JobReturn, JobStatus

from nnexp.config import ConfigError, Problem
from nnexp.errors import UserError
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.sweeps.execution.job import Job, completed
from nnexp.sweeps.execution.task import SweepTask
from nnexp.sweeps.execution.workers.serve import sendable, serve
from nnexp.sweeps.execution.workers.trials import Decision, Evaluation

JOB = Job(3, ["seed=1"])


TASK = SweepTask(None, str)


class LocalError(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


def outcome_of(error):
    outcome = JobReturn(overrides=["seed=1"])
    outcome.status = JobStatus.FAILED
    outcome.return_value = error
    return pickle.loads(pickle.dumps(sendable(JOB, outcome)))


def test_an_error_of_the_user_arrives_with_its_message_exit_code_and_attributes():
    diverged = DivergedError("the loss is NaN", "the learning rate", ["optimizer.lr=0.1"])
    diverged.args = (f"{diverged}, or resume",)
    diverged.add_note("a note")
    arrived = outcome_of(diverged)._return_value
    assert (type(arrived), str(arrived), arrived.exit_code) == (DivergedError, str(diverged), 1)
    assert (arrived.fixes, arrived.__notes__) == (["optimizer.lr=0.1"], ["a note"])
    problem = Problem("seed=x", "wrong")
    assert str(outcome_of(ConfigError([problem]))._return_value) == str(ConfigError([problem]))


def test_an_error_that_cannot_be_sent_arrives_in_words():
    arrived = outcome_of(LocalError("a", "b"))._return_value
    assert (type(arrived), str(arrived)) == (UserError, "LocalError: a b")


class Connection:
    """The connection of a worker whose sweep prunes a trial after its second evaluation, and then ends."""

    def __init__(self, trial):
        self.orders = SimpleQueue()
        self.orders.put(replace(JOB, trial=trial))
        self.sent = []

    def recv(self):
        order = self.orders.get()
        if order == "end":
            raise EOFError
        return order

    def send(self, message):
        self.sent.append(message)
        if isinstance(message, Evaluation):
            self.orders.put(Decision(is_pruned=message.epoch == 2))
        if isinstance(message, JobReturn):
            self.orders.put(None)


@dataclass(frozen=True)
class Runner:
    """Runs a job for the epochs that its trial allows."""

    task: SweepTask = TASK

    def set_up(self):
        pass

    def run(self, job, send):
        epoch = 1
        while not job.trial.should_prune(epoch, {"val/loss": 0.5}):
            epoch += 1
        return completed(job, float(epoch))


def test_a_worker_asks_the_sweep_after_each_evaluation_whether_its_trial_is_pruned():
    connection = Connection(trial=object())  # of which a worker knows nothing but that there is one
    serve(connection, Runner())
    *evaluations, outcome = connection.sent
    assert evaluations == [Evaluation(epoch, {"val/loss": 0.5}) for epoch in (1, 2)]
    assert outcome.return_value == 2.0
