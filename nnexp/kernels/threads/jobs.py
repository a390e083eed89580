"""Jobs of threads of compiled code: how they are given, shared and waited for.

A team's words (int64): the job's, then two cache lines for each helper: the number of its last job, and that
of the last one it has done. A job's words: OPERATION, THREADS (how many share it), FUNCTION (the address
of what does a thread's share of any job), then its own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.kernels.jit import kernel
from nnexp.kernels.threads.intrinsics import WORD, call_job_function, load_word, store_word

Words = NDArray[np.int64]
Numbers = NDArray[np.float64]

OPERATION, THREADS, FUNCTION = range(3)  # the places of a job's words
SLEEP, TASKS, PRODUCT, FINISH, SQUARES, UPDATE, GATHER = range(7)  # the first two are the interpreter's
MIN_VALUES = 1 << 14  # of a vector or a matrix that is shared
NUMBERS = 8  # of a rule, at most
JOB = 32  # words
LINE = 8  # words of a cache line


def new_team(helpers: int, function: int) -> Words:
    """Return the words of a team, which begin at a cache line.

    Args:
        helpers: how many, besides the caller of `share`.
        function: the address of what does a thread's share of any job.
    """
    size = JOB + 2 * LINE * helpers
    words = np.zeros(size + LINE, np.int64)
    skipped = -words.ctypes.data // WORD % LINE
    team = words[skipped : skipped + size]
    team[FUNCTION] = function
    return team


@kernel
def given(team: Words, helper: int) -> Any:
    """Return the address of the number of a helper's last job; a line further is that of the one it did."""
    return team.ctypes.data + WORD * (JOB + 2 * LINE * helper)


@kernel
def start_one(team: Words, helper: int) -> None:
    """Give the job to a helper."""
    store_word(given(team, helper), load_word(given(team, helper)) + 1)


@kernel
def wait_for_one(team: Words, helper: int) -> None:
    """Wait, without sleeping, until a helper has done its last job."""
    address = given(team, helper)
    while load_word(address + WORD * LINE) != load_word(address):
        pass


@kernel
def finish(team: Words, helper: int) -> None:
    """Say that a helper has done its last job."""
    address = given(team, helper)
    store_word(address + WORD * LINE, load_word(address))


@kernel
def serve(team: Words, numbers: Numbers, helper: int) -> int:
    """Do a helper's part of each job, up to one of the interpreter's, whose operation is returned."""
    address = given(team, helper)
    while True:
        done = load_word(address + WORD * LINE)
        while load_word(address) == done:
            pass
        if team[OPERATION] <= TASKS:
            return int(team[OPERATION])
        call_job_function(team[FUNCTION], team.ctypes.data, numbers.ctypes.data, helper + 1)
        finish(team, helper)


@kernel
def share(team: Words, numbers: Numbers, threads: int) -> None:
    """Do the job on so many threads, of which the caller is the first."""
    team[THREADS] = threads
    for helper in range(threads - 1):
        start_one(team, helper)
    call_job_function(team[FUNCTION], team.ctypes.data, numbers.ctypes.data, 0)
    for helper in range(threads - 1):
        wait_for_one(team, helper)
