"""A thread's part of any job, as a C function: compiled once for each type of vectors, called by address."""

from functools import cache
from typing import Any

import numpy as np
from numba import cfunc, types

from nnexp.kernels.jit import OPTIONS, kernel
from nnexp.kernels.threads.intrinsics import vector_at
from nnexp.kernels.threads.jobs import FINISH, GATHER, JOB, NUMBERS, OPERATION, PRODUCT, SQUARES
from nnexp.kernels.threads.products import finish_rows, multiply_blocks
from nnexp.kernels.threads.vectors import gather_columns, sum_squares, update_share
from nnexp.nn.parameters import Array


@cache  # holds the compiled code
def job_function(dtype: str) -> Any:
    """Compile `do_job` for vectors of float32 or float64, or read it; its `address` is what threads call."""
    signature = types.void(types.intp, types.intp, types.intp)
    return cfunc(signature, cache=True, **OPTIONS)({"float32": do_job_32, "float64": do_job_64}[dtype])


def do_job_32(team: int, numbers: int, thread: int) -> None:
    """Do a thread's part of a job, with vectors of float32."""
    do_job(team, numbers, thread, np.empty(0, np.float32))


def do_job_64(team: int, numbers: int, thread: int) -> None:
    """Do a thread's part of a job, with vectors of float64."""
    do_job(team, numbers, thread, np.empty(0, np.float64))


@kernel
def do_job(team_address: int, numbers_address: int, thread: int, like: Array) -> None:
    """Do a thread's part of the job, with vectors of an array's type."""
    team = vector_at(team_address, JOB, np.empty(0, np.int64))
    numbers = vector_at(numbers_address, NUMBERS, np.empty(0, np.float64))
    if team[OPERATION] == PRODUCT:
        multiply_blocks(team, thread, like)
    elif team[OPERATION] == FINISH:
        finish_rows(team, thread, like)
    elif team[OPERATION] == SQUARES:
        sum_squares(team, thread, like)
    elif team[OPERATION] == GATHER:
        gather_columns(team, numbers, thread, like)
    else:
        update_share(team, numbers, thread, like)
