"""Training beside other processes: each case's speed as a share of what is fair; prints a Markdown table.

    python tests/benchmarks/busy.py [--seconds 3] [--only digits,mlp,deep] [--threads 2] [--kernels numpy]

A busy process is a Python loop. Of C cores beside K busy processes a run is owed C / (K + 1) cores, but no
more than it uses on the idle machine, by its processor time there. The fair speed is the speed on the idle
machine times the cores owed, over the cores used. 100 % is fair; more is possible, as two threads are not
twice as fast as one. Two runs at once: the slower one. Sweep workers: four runs with one thread each, their
sum beside what all cores would give at the idle machine's speed.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np

CORES = len(os.sched_getaffinity(0))
WORKLOADS = {  # inputs, hidden layers, examples
    "digits": (64, [128], 1437),
    "mlp": (784, [128], 60_000),
    "deep": (784, [1024, 1024, 1024], 6_000),
}
TITLES = {"digits": "digits, 64-128-10", "mlp": "784-128-10", "deep": "784-1024-1024-1024-10"}
BATCH, WARM_UP = 128, 0.7  # seconds


def train(name: str, seconds: float, threads: int | None, kernels: str) -> None:
    """Train for so long after a line from stdin; print steps per second and processor time per second."""
    from nnexp.data.batches import Batches
    from nnexp.kernels.choice import use_kernels
    from nnexp.metrics.running import Accuracy
    from nnexp.nn.initializers import He
    from nnexp.nn.losses.classification import SoftmaxCrossEntropy
    from nnexp.nn.models.model import MLP
    from nnexp.nn.network import Network
    from nnexp.optim.adam import Adam
    from nnexp.training.optimizer_step import OptimizerStep
    from nnexp.training.threads.limits import shared_products
    from nnexp.training.trainer import Trainer

    inputs, hidden, examples = WORKLOADS[name]
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (examples, inputs), np.uint8), rng.integers(0, 10, examples)
    network = Network(MLP(hidden).layers((inputs,), 10), (inputs,), BATCH)
    network.initialize(He(), rng)
    loss = SoftmaxCrossEntropy()
    loss.allocate(BATCH, 10, np.float32)
    batches = Batches(x, y, np.arange(examples), BATCH, 1 / 255, np.float32, rng)
    step = OptimizerStep(network, Adam())
    trainer = Trainer(network, loss, Accuracy(BATCH), step, batches, None, n_epochs=1_000_000)
    used = use_kernels(kernels, trainer)
    with shared_products(threads) as products:
        used.take_over(products)
        products.use_in(network, step, batches)
        trainer.products = products
        print("ready", flush=True)
        sys.stdin.readline()
        measured = 0, 0.0, 0.0
        for duration in (WARM_UP, seconds):
            steps, cpu, start = trainer.steps_taken, process_time(), perf_counter()
            trainer.pause(duration)
            while perf_counter() - start < duration:
                trainer.train_until_pause()
            measured = trainer.steps_taken - steps, process_time() - cpu, perf_counter() - start
    count, cpu, wall = measured
    print(count / wall, cpu / wall)


def speeds(command: Sequence[str], runs: int, busy: int, one_thread: bool) -> list[tuple[float, float]]:
    """Measure runs at the same time, beside busy processes: steps per second and cores used of each."""
    environment = os.environ | ({"OPENBLAS_NUM_THREADS": "1"} if one_thread else {})
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    trained = [subprocess.Popen(command, env=environment, **pipes) for _ in range(runs)]
    for run in trained:
        run.stdout.readline()
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    sleep(0.3 if busy else 0)
    results = []
    try:
        for run in trained:
            run.stdin.write("\n")
            run.stdin.flush()
        for run in trained:
            speed, used = run.communicate()[0].split()
            results.append((float(speed), float(used)))
    finally:
        for other in others:
            other.kill()
            other.wait()
    return results


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--threads", type=int, help="trainer.threads; its default chooses")
    parser.add_argument("--kernels", default="auto", help="trainer.kernels")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        return train(options.train, options.seconds, options.threads, options.kernels)
    choices = f"trainer.threads={options.threads or 'null'}, trainer.kernels={options.kernels}"
    print(f"{CORES} cores, batch {BATCH}, {choices}\n")
    before = foreign_load()
    print("| network | idle: steps/s, cores | beside 2 busy | beside 4 busy | two runs | 4 sweep workers |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in options.only.split(","):
        command = [sys.executable, __file__, "--train", name, "--seconds", str(options.seconds)]
        command += ["--kernels", options.kernels]
        command += ["--threads", str(options.threads)] if options.threads else []
        ((idle, used),) = speeds(command, 1, 0, one_thread=False)
        cells = [f"{TITLES[name]} | {idle:,.0f}, {used:.2f}"]
        for runs, busy in ((1, 2), (1, 4), (2, 0)):
            slowest = min(speed for speed, _ in speeds(command, runs, busy, one_thread=False))
            owed = min(CORES / (busy + runs), used)
            cells.append(f"{slowest / (idle * owed / used):.0%}")
        in_sum = sum(speed for speed, _ in speeds(command, 4, 0, one_thread=True))
        cells.append(f"{in_sum / (idle * CORES / used):.0%}")
        print(f"| {' | '.join(cells)} |", flush=True)
    if others := foreign_load() - before:
        print(f"\nother processes took {others:.0f} s of processor time meanwhile: repeat on an idle machine")
    return None


def foreign_load() -> float:
    """Return the seconds of processor time that neither this process nor its children took, in full ones."""
    ticks = Path("/proc/stat").read_text(encoding="ascii").split()[1:4]  # user, nice, system
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(one.ru_utime + one.ru_stime for one in usage)
    return (sum(int(tick) for tick in ticks) / os.sysconf("SC_CLK_TCK") - own) // 1


if __name__ == "__main__":
    main()
