"""What a search takes beside training: pauses of its workers between trials, and time per trial.

    pip install 'nnexp[search]'
    python tests/benchmarks/search_overhead.py [--data digits] [--trials 200] [--workers 2] [--epochs 10]

The journals of the runs say which process has trained a trial, when it began and when it ended. A pause lasts
from the end of a trial to the beginning of the next one in the same worker: the study gets the result and is
asked for another trial, whose configuration is composed. No worker waits for another where the longest pause
is shorter than a trial. Other arguments are overrides: `search_overhead.py search.pruner=asha tracking=none`.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter


@dataclass(frozen=True)
class Trial:
    """A run of a search; times in seconds."""

    worker: int  # process id
    began: float
    ended: float
    training: float


def main() -> None:
    """Run a search, and print its pauses and its overhead."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tpe")
    parser.add_argument("--data", default="digits")
    for name, default in (("trials", 200), ("workers", 2), ("epochs", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options, others = parser.parse_known_args()
    overrides = [
        f"hparams_search={options.preset}",
        f"data={options.data}",
        f"search.trials={options.trials}",
    ]
    overrides += [f"sweep.jobs={options.workers}", f"trainer.epochs={options.epochs}", *others]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "nnexp", *overrides, "hydra.sweep.dir=sweep"]
        began = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        seconds = perf_counter() - began
        trials = [trial_of(path) for path in Path(folder, "sweep").glob("*/journal.jsonl")]
    report(trials, seconds)


def trial_of(path: Path) -> Trial:
    """Read a journal."""
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    metrics = [entry["values"] for entry in entries if entry["kind"] == "metrics"]
    training = next((values["time/total"] for values in reversed(metrics) if "time/total" in values), 0.0)
    head, end = entries[0], entries[-1]
    return Trial(head["writer"]["pid"], head["time"] / 1e3, end["time"] / 1e3, training)


def report(trials: list[Trial], seconds: float) -> None:
    """Print a line per worker, and the overhead of the whole search."""
    workers: dict[int, list[Trial]] = {}
    for trial in sorted(trials, key=lambda trial: trial.began):
        workers.setdefault(trial.worker, []).append(trial)
    beside = 0.0
    for number, own in enumerate(workers.values()):
        pauses = [after.began - before.ended for before, after in pairwise(own)] or [0.0]
        span = own[-1].ended - own[0].began
        beside += span - sum(trial.training for trial in own)
        worst = statistics.quantiles(pauses, n=20, method="inclusive")[-1] if len(pauses) > 1 else pauses[0]
        print(f"worker {number}: {len(own)} trials in {span:.1f} s; pauses: ", end="")
        print(
            f"median {statistics.median(pauses):.3f} s, 95 % below {worst:.3f} s, longest {max(pauses):.3f} s"
        )
    wall = max(trial.ended for trial in trials) - min(trial.began for trial in trials)
    training = statistics.fmean(trial.training for trial in trials)
    print(f"trials: {len(trials)} in {wall:.1f} s, training {training:.3f} s each")
    print(f"overhead per trial: {1e3 * beside / len(trials):.0f} ms of a worker, ", end="")
    print(f"{1e3 * beside / len(trials) / len(workers):.0f} ms of the search")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = usage.ru_utime + usage.ru_stime
    print(f"whole command: {seconds:.1f} s, processor {processor:.1f} s (uploads and plots included)")


if __name__ == "__main__":
    main()
