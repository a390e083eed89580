"""What a worker of a sweep sends to the process that started it."""

import pickle

from hydra.core.utils import JobReturn, JobStatus

from nnexp.config import ConfigError, Problem
from nnexp.errors import UserError
from nnexp.experiment.failures.divergence import DivergedError
from nnexp.sweeps.execution.job import Job
from nnexp.sweeps.execution.workers.serve import sendable

JOB = Job(3, ["seed=1"])


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
