"""What tracking costs: the same run with nothing on, with everything on, and with everything on in a folder that has no store
yet (MLflow then makes its tables), by turns, each in a process of its own.

    python tests/benchmarks/overhead.py [--rounds 5] [data=mnist trainer.epochs=10 ...]

Told are seconds, median (best): the training loop; from the loop's end to the process's end; from the process's start to the
first step, without the reading of the data. "Alone" has no tracking process, no diagnostics, no pictures.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ALONE = ["tracking=none", "diagnostics.layers=false", "diagnostics.histograms=false"]
COLUMNS = {
    "loop": "the loop",
    "end": "after it",
    "first_step": "to the first step",
    "data": "reading the data",
    "whole": "all",
}
PROGRAM = """
import json, sys, time

alone, report = sys.argv.pop(1) == "alone", sys.argv.pop(1)
from nnexp.__main__ import main
from nnexp.tracking.upload.client import Outcome, Shipper

if alone:
    class Nobody:
        take = lambda self, folder: None
        wait = lambda self, folder: Outcome()
    Shipper.start = classmethod(lambda cls, mlflow: Nobody())
else:
    Shipper.start(mlflow=True)  # as main does, before the imports

import nnexp.cli.train, nnexp.experiment.run
from nnexp.data.images.image_sets import ImageSet
from nnexp.training.trainer import Trainer

spans = {}

def watch(owner, name):
    found = getattr(owner, name)
    def watched(*arguments, **keywords):
        span = spans.setdefault(name, [time.time(), 0.0])
        try:
            return found(*arguments, **keywords)
        finally:
            span[1] = time.time()
    setattr(owner, name, watched)

watch(ImageSet, "load")
watch(Trainer, "train_until_evaluation")
watch(nnexp.experiment.run, "learn")
sys.argv[0] = "nnexp"
code = main()
open(report, "w").write(json.dumps(spans))
sys.exit(code)
"""


def measure(kind: str, folder: str, overrides: list[str]) -> dict[str, float]:
    """One run; where its seconds went."""
    report = os.path.join(folder, "spans.json")
    started = time.time()
    command = [sys.executable, "-c", PROGRAM, kind, report, *overrides, *(ALONE if kind == "alone" else [])]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    ended = time.time()
    with open(report) as file:
        spans = json.load(file)
    loaded = spans["load"][1] - spans["load"][0]
    return {
        "loop": spans["learn"][1] - spans["learn"][0],
        "end": ended - spans["learn"][1],
        "first_step": spans["train_until_evaluation"][0] - started - loaded,
        "data": loaded,
        "whole": ended - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What tracking costs.")
    parser.add_argument("overrides", nargs="*", default=["data=mnist", "trainer.epochs=10"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_intermixed_args()
    found: dict[str, list[dict[str, float]]] = {"alone": [], "everything": [], "first run": []}
    with tempfile.TemporaryDirectory() as home:
        measure("everything", home, options.overrides)  # makes the store
        for _ in range(options.rounds):
            for kind, runs in found.items():
                with tempfile.TemporaryDirectory() as new:
                    runs.append(measure(kind, new if kind == "first run" else home, options.overrides))
    print(f"{'':12}" + "".join(f"{title:>22}" for title in COLUMNS.values()))
    for kind, runs in found.items():
        values = {name: [run[name] for run in runs] for name in COLUMNS}
        print(
            f"{kind:12}" + "".join(f"{statistics.median(v):14.2f} ({min(v):5.2f})" for v in values.values())
        )
    for kind in ("everything", "first run"):
        pairs = list(zip(found["alone"], found[kind], strict=True))
        longer = statistics.median(b["loop"] / a["loop"] - 1 for a, b in pairs)
        after = statistics.median(b["end"] - a["end"] for a, b in pairs)
        print(f"{kind}: the loop takes {longer:+.1%} longer, {after:+.2f} s after it, median over pairs")


if __name__ == "__main__":
    main()
