"""One epoch of the trainer beside scikit-learn, PyTorch and JAX on the same work; prints a Markdown table.

    python tests/benchmarks/epoch.py [--network 1024-1024-1024] [--batch 128] [--optimizer adam]
                                     [--rounds 9] [--steps 100] [--threads 1] [--only nnexp,jax]

The work: 60,000 images of 784 numbers in float32, 10 classes, a ReLU network with these hidden widths or
LeNet-5, softmax cross-entropy, a new order in every epoch. `nnexp` is the trainer's NumPy path, `compiled`
the same with compiled kernels, `products` only the matrix products of that network; see trainers/ for how
each tool is used. Those that are not installed are left out. nnexp's epoch starts from bytes, as in a run.
Images are MNIST's if NNEXP_DATA has them, else noise of the same shape.

Each tool lives in a process of its own (thread pools in one process fight) that is stopped while it is not
its turn. The tools take turns epoch by epoch, so that a machine whose speed drifts is as slow for one as for
the other; the figures are the median and, in brackets, the best of `rounds` epochs in seconds, after one that
does not count. Ratios are medians of the rounds' ratios. `--steps` shortens the turns; the figures are still
those of an epoch. `--threads 1` gives each tool one processor core and one thread.
"""

import argparse
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import astuple
from importlib import import_module
from statistics import median
from time import perf_counter

import numpy as np
from trainers.work import EXAMPLES, RATES, Work

Row = tuple[str, int, str]
ROWS: list[Row] = [("128", batch, optimizer) for optimizer in RATES for batch in (32, 128, 512)]
ROWS += [("800", 128, "adam"), ("1024-1024-1024", 128, "adam")]
ROWS += [("lenet5", batch, "adam") for batch in (32, 128, 512)]
TITLES = {
    "nnexp": "nnexp",
    "fast": "compiled",
    "jax": "JAX",
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "products": "products",
}
REFERENCES = ("jax", "torch", "products")  # of the ratios
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Tool:
    """A process that prepares and times one tool, and is stopped while it does not."""

    def __init__(self, name: str, threads: int | None) -> None:
        self.name = name
        environment = {} if threads is None else dict.fromkeys(VARIABLES, str(threads))
        limit = [] if threads is None else ["--threads", str(threads)]
        command = [sys.executable, __file__, "--serve", name, *limit]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )

    def __call__(self, line: str = "") -> float:
        """Return the seconds of a turn, or of the preparation of a row."""
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        seconds = float(self.process.stdout.readline())
        self.process.send_signal(signal.SIGSTOP)  # its threads would wait for work in a loop
        return seconds

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def serve(tool: str, threads: int | None) -> None:
    """For each line from stdin print seconds: a row prepares it, an empty line takes a turn."""
    if threads is not None and hasattr(os, "sched_setaffinity"):  # XLA knows no other limit
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    module = import_module(f"trainers.{'nnexp' if tool == 'fast' else tool}")
    prepare = module.prepare_compiled if tool == "fast" else module.prepare
    for line in sys.stdin:
        if line.strip():
            turn = prepare(Work(*json.loads(line)))
        start = perf_counter()
        turn()
        print(perf_counter() - start, flush=True)


def is_installed(tool: str) -> bool:
    with suppress(ImportError):
        needed = {"fast": ("numba", "nnexp.kernels.substitution"), "products": ("numpy",)}
        return all(map(importlib.util.find_spec, needed.get(tool, (tool,))))
    return False


def measure(work: Work, tools: list[Tool], rounds: int) -> dict[str, list[float]]:
    """Return the seconds per epoch of each tool that can do the work, in all rounds."""
    suited = [tool for tool in tools if not (work.is_lenet and tool.name == "sklearn")]
    for tool in suited:
        tool(json.dumps(astuple(work)))
    share = min(work.steps * work.batch / EXAMPLES, 1) if work.steps else 1
    turns = [[tool() / share for tool in suited] for _ in range(rounds)]
    columns = map(list, zip(*turns, strict=True))
    return dict(zip((tool.name for tool in suited), columns, strict=True))


def cells(times: dict[str, list[float]], tools: list[str], ratios: list[tuple[str, str]]) -> list[str]:
    """Return the medians and bests of the tools, and the ratios of pairs of tools."""
    columns = [times.get(tool, []) for tool in tools]
    seconds = [f"{median(column):.3f} ({min(column):.3f})" if column else "" for column in columns]
    pairs = [zip(times[of], times[to], strict=True) for of, to in ratios]
    return seconds + [f"{median(a / b for a, b in pair):.2f}" for pair in pairs]


def row(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--network", help="hidden widths, or lenet5; default: all rows")
    parser.add_argument("--batch", type=int, help="default: those of the rows")
    parser.add_argument("--optimizer", choices=RATES, help="default: those of the rows")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, help="in one turn; default: an epoch")
    parser.add_argument("--threads", type=int, help="of each tool; default: its own choice")
    parser.add_argument("--only", default=",".join(TITLES), help="tools, by commas")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.threads)
    names = [name for name in options.only.split(",") if is_installed(name)]
    own = next((name for name in ("fast", "nnexp") if name in names), None)
    ratios = [(own, name) for name in REFERENCES if own and name in names]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.threads or 'all'} used, {versions}\n")
    titles = [TITLES[name] for name in names] + [f"{TITLES[a]} / {TITLES[b]}" for a, b in ratios]
    print(row(["hidden, batch, optimizer", *titles]))
    print(row(["---"] * (1 + len(titles))), flush=True)
    tools = [Tool(name, options.threads) for name in names]
    try:
        for network, batch, optimizer in rows(options.network, options.batch, options.optimizer):
            times = measure(Work(network, batch, optimizer, options.steps), tools, options.rounds)
            print(row([f"{network}, {batch}, {optimizer}", *cells(times, names, ratios)]), flush=True)
    finally:
        for tool in tools:
            tool.close()
    return None


def rows(network: str | None, batch: int | None, optimizer: str | None) -> list[Row]:
    """Return the rows of the table; a network that has none gets one."""
    wanted = (network, batch, optimizer)
    pairs = [(row, zip(wanted, row, strict=True)) for row in ROWS]
    matching = [row for row, pair in pairs if all(want in {None, value} for want, value in pair)]
    return matching or [(network or "128", batch or 128, optimizer or "adam")]


if __name__ == "__main__":
    main()
